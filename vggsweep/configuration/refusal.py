"""Hydra's refusal of a line as one paragraph of ours: which word is wrong, and what was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vggsweep.configuration.words import pasted
from vggsweep.errors import ConfigError, near_match

# So many options that have a field are named, and the rest is counted.
MOST_OWNERS = 4
# Groups of fields that belong to a user: what they hold is added with a plus.
OPEN_GROUPS = ("arch", "optimizer", "scheduler", "loss", "dataset")
OPEN_NODES = (*(f"{group}.options" for group in OPEN_GROUPS), "space.params")
# How the names of torchvision's classifiers begin that no option of ours is called; asking torchvision
# for its list would import torch, which takes seconds.
TORCHVISION_NAMES = re.compile(
    r"(wide_)?resne[x]?t\d|densenet|mobilenet|efficientnet|vit_|swin|convnext|regnet|squeezenet|shufflenet"
    r"|googlenet|inception|mnasnet|maxvit|vgg\d+_bn"
)
# What a user of budgets may look for; docs/budgets.md has the figures behind it.
NO_LATENCY_BUDGET = (
    "No width can be solved against a clock that gives another width the next time: "
    "objective=acc_vs_latency searches accuracy against measured latency, `vggsweep measure` times what it "
    "found anew, and budget=macs holds a cost equal that is the same everywhere."
)
# Fields of Hydra's own sweepers, and the word that says the same to ours; {} is the value.
SWEEPER_FIELDS = {
    "n_trials": "n_trials={}",
    "n_jobs": "n_workers={}",
    "direction": "objective=val_acc, which is maximised",
    "storage": "sweep.storage=…",
    "study_name": "sweep.name={}",
    "max_failure_rate": "sweep.max_failures={}",
    "max_batch_size": "n_workers=…",
    "params": "space.params, or swept words on the line",
    "custom_search_space": "space.hook={}",
}


class Reader:
    """What is known of a line that did not compose.

    Args:
        options: the options of a config group, nested ones as ``folder/option``; empty where it is no group.
        groups: all config groups.
        fields_of: the fields of one option of a group.
    """

    def __init__(
        self,
        options: Callable[[str], Sequence[str]],
        groups: Callable[[], Sequence[str]],
        fields_of: Callable[[str, str], Sequence[str]],
    ) -> None:
        self.options = options
        self.groups = groups
        self.fields_of = fields_of

    def misspelt_option(self, override: Override) -> ConfigError | None:
        """The refusal of ``group=option`` where there is no such option."""
        group, options = override.key_or_group, self.options(override.key_or_group)
        if not options or override.is_delete():
            return None
        value = override.value()
        for chosen in value if isinstance(value, list) else [value]:
            name = "null" if chosen is None else str(chosen)
            if name not in options and not isinstance(chosen, dict):
                hint = near_match(name, options)
                if group == "arch" and TORCHVISION_NAMES.match(name):
                    hint = f"It is one of torchvision's: arch=torchvision arch.name={name}"
                if (group, name) == ("logger", "csv"):
                    hint = f"Every trial writes history.csv: leave the word out. {hint}"
                if (group, name) == ("budget", "latency"):
                    hint = f"{NO_LATENCY_BUDGET} {hint}"
                return ConfigError(f"{group}={name}: no such option. {hint}")
        return None

    def misspelt_field(self, override: Override, base: DictConfig, hydra: DictConfig) -> ConfigError | None:
        """The refusal of ``path.to.field=value`` where the configuration has no such field.

        Args:
            override: the word.
            base: what the line's groups compose, with none of its fields.
            hydra: the same of Hydra's own node.
        """
        key = override.key_or_group
        if override.is_add() or override.is_force_add() or self.options(key):
            return None
        if key.startswith("hydra."):
            return _misspelt_hydra_field(override, hydra)
        names = field_names(base)
        if key in names or OmegaConf.select(base, key, default=names) is not names:
            return None
        for node in OPEN_NODES:
            if key.startswith(f"{node}.") and not override.is_delete():
                added = pasted(f"+{override.input_line}")
                return ConfigError(
                    f"Unknown field {key}. What {node} holds is yours and is added with a plus: {added}"
                )
        group, _, rest = key.partition(".")
        option = rest.partition(".")[0]
        if group == "logger" and option in self.options(group):
            return ConfigError(f"{key} is a field of a logger that is not chosen; add logger={option}.")
        parent, _, leaf = key.rpartition(".")
        siblings = [name for name in names if parent and name.startswith(f"{parent}.")]
        if siblings:
            return ConfigError(f"Unknown field {key}. {self._owners(key, base) or near_match(key, siblings)}")
        close = closest(key, leaf, [*names, *self.groups()])
        hint = f"Did you mean {close!r}?" if close else "`vggsweep --help` lists the groups and fields."
        return ConfigError(f"Unknown field or group {key!r}. {hint}")

    def _owners(self, key: str, base: DictConfig) -> str:
        """Which other options of the group have this field."""
        group, _, field = key.partition(".")
        owners = [option for option in self.options(group) if field in self.fields_of(group, option)]
        if not owners:
            return ""
        name = OmegaConf.select(base, f"{group}.name", default=None)
        # its relatives first: options whose names begin as this one's does
        owners.sort(key=lambda option: [a != b for a, b in zip(option, str(name), strict=False)])
        shown = " ".join(f"{group}={option}" for option in owners[:MOST_OWNERS])
        if len(owners) > MOST_OWNERS:
            shown += f" and {len(owners) - MOST_OWNERS} more"
        here = f"; this line has {group}={name}" if name else ""
        known = [name for name in field_names(base) if name.startswith(f"{group}.")]
        return f"It is a field of {shown}{here}, whose fields are: {', '.join(sorted(known))}."


def closest(key: str, leaf: str, names: Sequence[str]) -> str | None:
    """The field that is meant: the same last part before a similar name, a similar last part after it."""
    last = {name.rpartition(".")[2]: name for name in reversed(names)}
    if leaf in last:
        return last[leaf]
    if found := difflib.get_close_matches(key, names, n=1):
        # Swapped letters are the commonest slip, and difflib scores them no better than wrong ones.
        swapped = [name for name in names if sorted(name) == sorted(key)]
        return (swapped or found)[0]
    found = difflib.get_close_matches(leaf, last, n=1, cutoff=0.75)
    return last[found[0]] if found else None


def _misspelt_hydra_field(override: Override, hydra: DictConfig) -> ConfigError | None:
    key = override.key_or_group
    if key.startswith("hydra.sweeper.") and (refusal := of_other_sweeper(key, override.value())) is not None:
        return refusal
    if key == "hydra.launcher.n_jobs" and "n_jobs" not in hydra.launcher:
        jobs = override.value()
        return ConfigError(f"{key}={jobs}: our sweeper counts workers by another word: n_workers={jobs}")
    nothing = object()
    if OmegaConf.select(hydra, key.removeprefix("hydra."), default=nothing) is not nothing:
        return None
    parent = key.rpartition(".")[0]
    names = [
        name for name in (f"hydra.{name}" for name in field_names(hydra)) if name.startswith(f"{parent}.")
    ]
    close = difflib.get_close_matches(key, names, n=1)
    hint = f"Did you mean {close[0]!r}?" if close else "`vggsweep --cfg hydra` lists Hydra's fields."
    return ConfigError(f"Unknown field {key}. {hint}")


def of_other_sweeper(key: str, value: Any) -> ConfigError | None:
    """The refusal of a field that Hydra's own sweepers have and ours has not."""
    field = key.removeprefix("hydra.sweeper.").partition(".")[0]
    if field not in SWEEPER_FIELDS:
        return None
    ours = SWEEPER_FIELDS[field].format(value)
    return ConfigError(
        f"{key} is a field of Hydra's own sweepers, which our sweeper would not obey. Ours takes {ours}; "
        "hydra/sweeper=optuna chooses Hydra's."
    )


def field_names(config: DictConfig) -> list[str]:
    """Dotted names of all leaf fields of a configuration.

    >>> field_names(OmegaConf.create({"arch": {"depth": 8}, "seed": 0}))
    ['arch.depth', 'seed']
    """
    names = []
    for key in config:
        if OmegaConf.is_dict(config) and isinstance(child := config._get_node(key), DictConfig):
            names += (
                [f"{key!s}.{name}" for name in field_names(child)] if not child._is_none() else [str(key)]
            )
        else:
            names.append(str(key))
    return names


def first_paragraph(error: Exception) -> str:
    """What Hydra or OmegaConf says, on one line and without their own names of things."""
    text = str(error).strip()
    if isinstance(error.__cause__, OmegaConfBaseException) and not text:
        text = str(error.__cause__).strip()
    if isinstance(error, OmegaConfBaseException) and error.full_key:
        text = f"{error.full_key}: {text}"
    text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    return re.sub(r"\s+full_key: .*", "", text)
