"""One whole configuration as typed, frozen settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from vggsweep.arch.families import FAMILIES, ArchSettings, family_class
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.settings import BudgetSettings, CustomSettings, HeadSettings
from vggsweep.configuration.logger_settings import LoggerSettings, read_loggers
from vggsweep.configuration.refusal import first_paragraph
from vggsweep.configuration.sweep_settings import (
    PRUNERS,
    ObjectiveSettings,
    PrunerSettings,
    SpaceSettings,
    SweepSettings,
)
from vggsweep.data.settings import DATASETS, AugmentSettings, DatasetSettings
from vggsweep.data.torchvision_sets import SETS
from vggsweep.errors import ConfigError, near_match
from vggsweep.measure.settings import MeasureSettings
from vggsweep.settings import read_settings
from vggsweep.training.schedule_settings import SCHEDULES, SchedulerSettings
from vggsweep.training.settings import (
    LOSSES,
    OPTIMIZERS,
    LossSettings,
    OptimizerSettings,
    TrainSettings,
)


@dataclass(frozen=True)
class Configuration:
    """One fully composed configuration."""

    arch: ArchSettings
    head: HeadSettings
    budget: BudgetSettings
    optimizer: OptimizerSettings
    loss: LossSettings
    scheduler: SchedulerSettings
    dataset: DatasetSettings
    augment: AugmentSettings
    train: TrainSettings
    measure: MeasureSettings
    logger: Mapping[str, LoggerSettings]
    objective: ObjectiveSettings
    space: SpaceSettings
    pruner: PrunerSettings
    sweep: SweepSettings
    seed: int
    device: str


FIXED_GROUPS = {
    "head": HeadSettings,
    "budget": BudgetSettings,
    "augment": AugmentSettings,
    "train": TrainSettings,
    "measure": MeasureSettings,
    "objective": ObjectiveSettings,
    "space": SpaceSettings,
    "sweep": SweepSettings,
}
# Groups whose fields depend on the option chosen: the field that names it, and what it may name.
CHOSEN_GROUPS: dict[str, tuple[str, Mapping[str, type]]] = {
    "arch": ("family", FAMILIES),
    "optimizer": ("name", OPTIMIZERS),
    "loss": ("name", LOSSES),
    "dataset": ("name", DATASETS),
    "scheduler": ("name", SCHEDULES),
    "pruner": ("name", PRUNERS),
}
# What an option leaves open that only the user can know, by its group and what stands in its selector:
# the option, the field, what belongs there, an example.
OPEN_FIELDS = {
    ("arch", "custom"): (
        "custom",
        "target",
        "the dotted name of what makes the network",
        "my_networks.MyNet",
    ),
    ("optimizer", "custom"): (
        *("custom", "target", "the dotted name of what makes the optimizer", "my_optimizer.MyOptimizer"),
    ),
    ("optimizer", "torch"): ("torch", "name", "the name of a class of torch.optim", "NAdam"),
    ("scheduler", "custom"): (
        *("custom", "target", "the dotted name of what makes the schedule", "my_schedule.MySchedule"),
    ),
    ("scheduler", "torch"): (
        *("torch", "name", "the name of a class of torch.optim.lr_scheduler", "CosineAnnealingWarmRestarts"),
    ),
    ("loss", "custom"): ("custom", "target", "the dotted name of the loss function", "my_loss.my_loss"),
    ("dataset", "custom"): (
        *("custom", "target", "the dotted name of the function that returns the images", "my_dataset.load"),
    ),
    ("dataset", "None"): ("torchvision", "name", "the name of a set", "EuroSAT"),
    ("dataset", "arrays"): ("arrays", "path", "an .npz file", "my_images.npz"),
    ("dataset", "huggingface"): (
        *("huggingface", "path", "a parquet file, a folder or a name", "my_images.parquet"),
    ),
}
TARGET_FIELDS = tuple(dict.fromkeys(f"{group}.{one[1]}" for (group, _), one in OPEN_FIELDS.items()))
# In a group with an option that takes any part of a library by its name: which library.
LIBRARY = "library"
PLAIN_NODES = ("seed", "device")
# Its options add up: where the course of training is written besides the record, by name.
LOGGER = "logger"
NODES = (*FIXED_GROUPS, *CHOSEN_GROUPS, LOGGER, *PLAIN_NODES)
# What stands for a password stays as it was written: these values are saved in many files.
ADDRESSES = (("sweep", "storage"), ("logger", "mlflow", "uri"))


def resolved(config: DictConfig) -> dict[str, Any]:
    """The configuration as plain values, interpolations resolved.

    Raises:
        ConfigError: an interpolation fails or a mandatory value is missing.
    """
    try:
        plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise ConfigError(first_paragraph(error)) from error
    assert isinstance(plain, dict)
    _read_numbers(plain, config)
    for *path, field in ADDRESSES:
        node: Any = plain
        for name in path:
            node = node.get(name) if isinstance(node, dict) else None
        if isinstance(node, dict) and field in node:
            written: Any = OmegaConf.to_container(OmegaConf.select(config, ".".join(path)), resolve=False)
            node[field] = written[field]
    return {str(key): value for key, value in plain.items()}


def _read_numbers(plain: dict[Any, Any], config: DictConfig) -> None:
    """Turn text that an interpolation gave into the number that its field wants.

    The environment holds only text: ``optimizer.lr=${oc.env:LR}`` means the number.
    """
    if isinstance(plain.get("seed"), str) and OmegaConf.is_interpolation(config, "seed"):
        plain["seed"] = _number(plain["seed"])
    for key, node in plain.items():
        if not isinstance(node, dict) or (cls := settings_of(str(key), node)) is None:
            continue
        for name, value in node.items():
            if isinstance(value, str) and OmegaConf.is_interpolation(config[key], name):
                node[name] = _as_wanted(value, get_type_hints(cls).get(name))


def _as_wanted(text: str, hint: Any) -> Any:
    """The number of a text where a field wants one; otherwise the text."""
    kinds = get_args(hint) or (hint,)
    read = _number(text)
    is_wanted = type(read) in kinds or (type(read) is int and float in kinds)
    return read if is_wanted else text


def _number(text: str) -> bool | int | float | str | None:
    """The number, the truth value or the nothing that a text spells.

    >>> _number("3"), _number("1e-3"), _number("True"), _number("null"), _number("cuda")
    (3, 0.001, True, None, 'cuda')
    """
    text = text.strip()
    words: dict[str, bool | None] = {"true": True, "false": False, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def settings_of(name: str, node: Mapping[str, Any]) -> type | None:
    """The settings that a node holds, by its option where that decides; None where there is no such one."""
    if name in FIXED_GROUPS:
        return FIXED_GROUPS[name]
    if name not in CHOSEN_GROUPS:
        return None
    with suppress(ConfigError):  # told where the configuration is read
        return _chosen_class(node, name)
    return None


def read_configuration(plain: Mapping[str, Any]) -> Configuration:
    """Type every setting and refuse what does not fit.

    Args:
        plain: the result of `resolved`.

    Raises:
        ConfigError: unknown, missing, mistyped or out-of-bounds settings.
    """
    for key in plain:
        if key not in NODES:
            raise ConfigError(f"Unknown field {key!r} at the top. {near_match(key, NODES)}")
    for key in NODES:
        if plain.get(key) is None:
            raise ConfigError(f"{key} is missing from the configuration.")
        if key not in PLAIN_NODES and not isinstance(plain[key], Mapping):
            raise ConfigError(f"{key}={plain[key]} should be a group of fields, such as {key}.name=….")
    values: dict[str, Any] = {
        name: read_settings(cls, plain[name], name) for name, cls in FIXED_GROUPS.items()
    }
    _refuse_budget_of_other_families(values["budget"], plain["arch"])
    _refuse_set_of_another_option(plain["dataset"])
    for name in CHOSEN_GROUPS:
        _ask_for_open_field(name, plain[name])
    for name in CHOSEN_GROUPS:
        cls, node = _chosen_class(plain[name], name), plain[name]
        if cls is CustomSettings and node.get("width", 0) is None:
            node = {key: value for key, value in node.items() if key != "width"}  # emptied by a budget
        values[name] = read_settings(cls, node, name)
    values[LOGGER] = read_loggers(plain[LOGGER])
    seed, device = plain["seed"], plain["device"]
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise ConfigError(f"seed={seed} should be a whole number from 0 to 2^32 - 1.")
    if not isinstance(device, str):
        raise ConfigError(f"device={device} should be auto, cpu, cuda, cuda:1 or mps.")
    return Configuration(seed=seed, device=device, **values)


def _refuse_budget_of_other_families(budget: BudgetSettings, arch: Mapping[str, Any]) -> None:
    # Before arch is read: a budget's option empties arch.width, a field that other families lack.
    family = settings_of("arch", arch)
    if budget.name == "none" or family is None:
        return
    if family is CustomSettings and arch.get("scale_by") is None:
        raise ConfigError(
            f"budget={budget.name} solves a width, and of arch=custom only you know which option that is. "
            "Name it, such as arch.scale_by=width, and leave it out of arch.options."
        )
    if family is not CustomSettings and not issubclass(family, ScaledFamily):
        scaled = [f"arch={name}" for name, cls in FAMILIES.items() if issubclass(cls, ScaledFamily)]
        raise ConfigError(
            f"budget={budget.name} solves the width of {', '.join(scaled)}; arch={arch.get('name')} has "
            "fixed widths. Leave one of them out."
        )


def _refuse_set_of_another_option(node: Mapping[str, Any]) -> None:
    # `dataset.name` is typed for torchvision's sets alone; their option has a field that no other has
    chosen, is_torchvisions = str(node.get("name")), "download" in node
    if chosen in SETS and not is_torchvisions:
        raise ConfigError(
            f"dataset.name={chosen} is a set of torchvision: dataset=torchvision dataset.name={chosen}."
        )
    if is_torchvisions and chosen in DATASETS and chosen not in (*SETS, "None"):
        raise ConfigError(
            f"dataset.name={chosen} is no set of torchvision but an option of its own: dataset={chosen}."
        )


def _ask_for_open_field(group: str, node: Mapping[str, Any]) -> None:
    option, field, what, example = OPEN_FIELDS.get((group, _chosen(group, node)), ("", "", "", ""))
    if field and node.get(field) is None:
        raise ConfigError(f"{group}={option} needs {what}, such as {group}.{field}={example}.")


def _chosen(group: str, node: Mapping[str, Any]) -> str:
    """What stands where a group says which option it is."""
    return str(node.get(LIBRARY, node.get(CHOSEN_GROUPS[group][0])))


def _chosen_class(node: Mapping[str, Any], name: str) -> type:
    """The settings that a node's option has; of arch also those of a user's own family."""
    selector, options = CHOSEN_GROUPS[name]
    choice = _chosen(name, node)
    if name == "arch":
        return family_class(choice)
    if choice not in options:
        raise ConfigError(
            f"{name}.{LIBRARY if LIBRARY in node else selector}={choice}: no such choice. "
            f"{near_match(choice, set(options) - {'None'})}"
        )
    return options[choice]
