"""What a line or a file sets in Hydra's own node: obeyed, or refused by name."""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from vggsweep.configuration.refusal import of_other_sweeper
from vggsweep.configuration.words import word
from vggsweep.errors import ConfigError
from vggsweep.importing import load_callable

OURS = "vggsweep"
# Fields that would move Hydra's files; ours lie in outputs/<sweep>, where every verb finds them.
PLACES = {
    "run.dir": ".",
    "sweep.dir": "outputs/${sweep.name}",
    "sweep.subdir": ".",
    "job.chdir": False,
}
# What Hydra runs sweeps with.
HYDRAS_PARTS = ("hydra/sweeper", "hydra.sweeper", "hydra/launcher", "hydra.launcher")
# Nodes that decide about a sweep as a whole.
SWEEP_GROUPS = ("space", "objective", "pruner")


def check_hydra(hydra: DictConfig, *, sweeper: str) -> None:
    """Refuse what neither Hydra nor a sweep of ours would obey, wherever it was written.

    Args:
        hydra: the composed node.
        sweeper: the option of ``hydra/sweeper``.

    Raises:
        ConfigError: naming the field, and the one of ours that does it.
    """
    for field, ours in PLACES.items():
        group, _, name = field.partition(".")
        value = hydra[group]._get_node(name)._value()  # as written: what it refers to is known later
        if value not in (ours, None):
            raise ConfigError(
                f"{word(f'hydra.{field}', value)} would move none of our files: results lie in "
                "outputs/<sweep.name>. Choose that name with sweep.name=mine, and the directory with cd."
            )
    for name, callback in (hydra.callbacks or {}).items():
        field = f"hydra.callbacks.{name}._target_"
        load_callable(str(callback.get("_target_")), field, "my_package.my_module.MyCallback")
    if sweeper == OURS:
        for field, value in hydra.sweeper.items():
            if (refusal := of_other_sweeper(f"hydra.sweeper.{field}", value)) is not None:
                raise refusal


def sweeper_of(hydra: DictConfig) -> str:
    """The option of ``hydra/sweeper``, from the line or from a file."""
    return str(hydra.runtime.choices["hydra/sweeper"])


def launcher_of(hydra: DictConfig) -> str:
    """The option of ``hydra/launcher``, from the line or from a file."""
    return str(hydra.runtime.choices["hydra/launcher"])


def refuse_words_of_sweeps(
    typed: Sequence[str], parsed: Sequence[Override], why: str, *, also: tuple[str, ...] = ()
) -> None:
    """Refuse typed words that only a sweep of ours obeys.

    Args:
        typed: the words as they are repeated.
        parsed: the same, short names spelt out.
        why: how the refusal goes on.
        also: how further such words begin.

    Raises:
        ConfigError: naming the word.
    """
    for text, override in zip(typed, parsed, strict=True):
        head, _, field = override.key_or_group.partition(".")
        value = override.value()
        is_name = field == "name" or (not field and isinstance(value, dict) and set(value) == {"name"})
        is_of_sweep = (head == "sweep" and not is_name) or head in SWEEP_GROUPS
        if is_of_sweep or override.key_or_group.startswith(also):
            raise ConfigError(f"{text} {why}.")


def params_of_stock_sweeper(hydra: DictConfig) -> list[str]:
    """What a stock sweeper varies by its own ``params``, as words."""
    params = OmegaConf.select(hydra, "sweeper.params", default=None) or {}
    return [f"{key}={value}" for key, value in params.items()]


def check_directions(hydra: DictConfig) -> None:
    """Refuse several directions: a trial gives Hydra one value, its accuracy.

    Raises:
        ConfigError: naming what would work.
    """
    direction = OmegaConf.select(hydra, "sweeper.direction", default=None)
    if OmegaConf.is_list(direction) and len(direction) != 1:
        raise ConfigError(
            f"hydra.sweeper.direction={list(direction)}: a trial tells Hydra's sweepers val_acc alone. Use "
            "hydra.sweeper.direction=maximize, or our own sweeper with objective=acc_vs_macs."
        )
