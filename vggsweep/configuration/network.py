"""The network that a configuration means; a width left to a budget is solved here, and only here."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from vggsweep.arch.budget import COST_WORDS, Budget, Solution, solve_width
from vggsweep.arch.costs import Costs
from vggsweep.arch.describe import check_network, network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import ArchSettings
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.arch.own_budget import solve_option
from vggsweep.arch.settings import BudgetSettings, CustomSettings, HeadSettings
from vggsweep.configuration.schema import Configuration
from vggsweep.data.catalog import resolve_num_classes
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.settings import read_settings

EXAMPLES = {"macs": "30e6", "params": "300e3", "conv_params": "300e3", "activations": "100e3"}
# Of the network that a budget is likened to: its blocks follow from depth and width.
FIXED_IN_LIKENESS = ("family", "name", "stages")


@dataclass(frozen=True)
class ConfiguredNetwork:
    """What is built, trained and counted.

    Args:
        arch: as configured; the width of a scaled family is a number.
        head: as configured.
        shape: what the network sees and answers.
        budget: what it was to cost, or None.
        solution: the width that meets the budget and what it misses it by, or None.
    """

    arch: ArchSettings
    head: HeadSettings
    shape: InputShape
    budget: Budget | None = None
    solution: Solution | None = None

    @functools.cached_property
    def costs(self) -> Costs:
        return network_costs(self.arch, self.head, self.shape)

    def check(self) -> None:
        """Refuse a network that cannot exist, before any data is read; see `check_network`."""
        if isinstance(self.arch, Family):
            _ = self.costs  # counting refuses what does not fit, and is remembered
        else:
            check_network(self.arch, self.head, self.shape)


def configured_network(configuration: Configuration) -> ConfiguredNetwork:
    """The network of a configuration, its width solved where a budget decides it.

    Raises:
        InfeasibleConfig: no width meets the budget at this depth.
        ConfigError: budget and network contradict each other.
    """
    arch, head, settings = configuration.arch, configuration.head, configuration.budget
    shape = input_shape(configuration)
    if settings.name == "none":
        _refuse_idle_fields(settings)
        return ConfiguredNetwork(arch, head, shape)
    assert isinstance(arch, (ScaledFamily, CustomSettings)), "read_configuration refuses other families"
    _refuse_contradictions(settings, arch)
    budget = _budget(settings, arch, head, shape)
    if isinstance(arch, CustomSettings):
        found = solve_option(arch, head, budget, shape)
        return ConfiguredNetwork(arch.at_scale(int(found.width)), head, shape, budget, found)
    solution = solve_width(arch, head, budget, shape)
    return ConfiguredNetwork(arch.at_width(solution.width), head, shape, budget, solution)


def input_shape(configuration: Configuration) -> InputShape:
    """What the network of this configuration sees and answers."""
    dataset = configuration.dataset
    num_classes = dataset.num_classes or resolve_num_classes(dataset)
    return InputShape(dataset.channels, dataset.resolution, num_classes)


def _refuse_idle_fields(settings: BudgetSettings) -> None:
    for name in ("target", "like", "tolerance"):
        value = getattr(settings, name)
        if value is not None:
            raise ConfigError(
                f"budget.{name}={_shown(value)} would be ignored: budget=none. Name the cost to hold equal, "
                f"budget={'|'.join(COST_WORDS)}, or leave budget.{name} out."
            )


def _refuse_contradictions(settings: BudgetSettings, arch: ScaledFamily | CustomSettings) -> None:
    """A budget decides the width, so nothing else may."""
    name = settings.name
    dial, width = _dial(arch)
    if isinstance(arch, ScaledFamily) and "width" in arch.idle_fields():
        raise ConfigError(
            f"{arch.idle_fields()['width']}, so budget={name} has no width to solve. Leave one of them out."
        )
    if (settings.target is None) == (settings.like is None):
        given = "neither is" if settings.target is None else "both are"
        raise ConfigError(
            f"budget={name} needs a number, such as budget.target={EXAMPLES[name]}, or a network that costs "
            f"it, such as 'budget.like={{depth: 8}}'; {given} given."
        )
    if settings.tolerance is None:
        raise ConfigError("budget.tolerance=null should be a number, such as budget.tolerance=0.02.")
    if settings.target is not None and width is not None:
        raise ConfigError(
            f"{dial}={width:g} and budget={name} contradict each other: the budget solves the width of each "
            f"depth. Leave {dial} out; {dial}=null takes back what an experiment or a space says of it."
        )


def _dial(arch: ScaledFamily | CustomSettings) -> tuple[str, float | None]:
    """The field that a budget solves, and what is given for it."""
    if isinstance(arch, CustomSettings):
        return f"arch.options.{arch.scale_by}", arch.scaled
    return "arch.width", arch.width


def _budget(
    settings: BudgetSettings, arch: ScaledFamily | CustomSettings, head: HeadSettings, shape: InputShape
) -> Budget:
    assert settings.name != "none" and settings.tolerance is not None
    if settings.target is not None:
        return Budget(settings.name, settings.target, settings.tolerance)
    liked = _likeness(settings, arch)
    try:
        cost = getattr(network_costs(liked, head, shape), settings.name)
    except InfeasibleConfig as error:  # then no trial of this line can work
        raise ConfigError(f"budget.like={_shown(settings.like)}: {error}") from error
    return Budget(settings.name, float(cost), settings.tolerance)


def _likeness(settings: BudgetSettings, arch: ScaledFamily | CustomSettings) -> ScaledFamily | CustomSettings:
    """The network whose cost is the target: this one with the fields, or options, of ``budget.like``."""
    dial, width = _dial(arch)
    if not isinstance(settings.like, Mapping):
        raise ConfigError(
            f"budget.like={_shown(settings.like)} should be fields of arch, such as "
            "'budget.like={depth: 8}'."
        )
    for field in FIXED_IN_LIKENESS:
        if field in settings.like:
            raise ConfigError(
                f"budget.like.{field} cannot be set; the network that a budget is likened to is given by "
                "depth, width and the other fields of arch."
            )
    name = dial.rpartition(".")[2]
    if (name in settings.like) == (width is not None):
        told = "given twice" if width is not None else "missing"
        raise ConfigError(
            f"The width of the network in budget.like={_shown(settings.like)} is {told}: it is {dial} or "
            f"budget.like.{name}, one of them."
        )
    if isinstance(arch, CustomSettings):
        return replace(arch, options={**arch.options, **settings.like})
    return read_settings(type(arch), {**asdict(arch), **settings.like}, "budget.like")


def _shown(value: Any) -> str:
    """A value as a person types it."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_shown(item) for item in value) + "]"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
