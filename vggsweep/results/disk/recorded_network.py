"""The network that a record describes, again. No code runs because a record names it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vggsweep.arch.costs import Costs, count
from vggsweep.arch.description import DoesNotFit, InputShape, Network
from vggsweep.arch.families import FAMILIES
from vggsweep.arch.families.own import family_at_hand
from vggsweep.arch.family import Family, described
from vggsweep.arch.settings import HeadSettings
from vggsweep.configuration.identity import LATER_IN_ARCH
from vggsweep.errors import ConfigError, InfeasibleConfig, RecordError
from vggsweep.results.disk.record import Record
from vggsweep.settings import read_settings

# A record is a file that anybody may have written, and a network of a billion layers takes hours to describe.
MOST_LAYERS = 2_000
MOST_OF_ALL_NUMBERS = 100_000


@dataclass(frozen=True)
class RecordedNetwork:
    """What a trial trained, counted once more and found to cost what its record says.

    Args:
        arch: with the width that a budget was solved to.
        head: of the network.
        shape: what it sees and answers.
        network: its description.
        costs: of the network.
    """

    arch: Family
    head: HeadSettings
    shape: InputShape
    network: Network
    costs: Costs


def recorded_network(record: Record) -> RecordedNetwork:
    """The network of a trial.

    Raises:
        RecordError: it is of no family that describes networks, or of one whose code is not at hand; or
            what the record describes is no network, or another one.
    """
    whose = f"the network of trial {record.trial}"
    arch = record.configuration.get("arch")
    if not isinstance(arch, Mapping):
        raise RecordError(f"{whose} is of no family: its record says none")
    family = str(arch.get("family"))
    try:
        cls = FAMILIES.get(family) or family_at_hand(family)
        if cls is None:
            raise RecordError(
                f"{whose} is of the family {family}, whose code no record may load; vggsweep report "
                f"{shlex.quote(record.sweep)} --family {shlex.quote(family)} does"
            )
        if not issubclass(cls, Family):
            raise RecordError(f"{whose} is of no family that describes its layers")
        fields: dict[str, Any] = {**LATER_IN_ARCH.get(family, {}), **arch}
        if "solved_width" in record.network:
            fields["width"] = record.network["solved_width"]
        if not _total(fields.get("depth")) <= MOST_LAYERS or not _total(fields) <= MOST_OF_ALL_NUMBERS:
            raise RecordError(f"{whose} is larger than one can describe")
        shape = read_settings(
            InputShape,
            {name: record.network.get(name) for name in ("channels", "resolution", "num_classes")},
            "network",
        )
        head = read_settings(HeadSettings, record.configuration.get("head") or {}, "head")
        settings = read_settings(cls, fields, "arch")
        network = described(settings, head, shape)
        costs = count(network, shape.image)
    except (ConfigError, InfeasibleConfig, DoesNotFit) as error:
        reason = str(error).rstrip(".")
        raise RecordError(f"{whose} cannot be described again: {reason}") from None
    for name in ("params", "macs"):
        if record.costs.get(name) != getattr(costs, name):
            raise RecordError(
                f"{name} in the record of trial {record.trial} are not those of the network that it describes"
            )
    return RecordedNetwork(settings, head, shape, network, costs)


def _total(value: Any) -> float:
    """All numbers in a setting, added up."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return sum(map(_total, value))
    return abs(value) if isinstance(value, (int, float)) else 0
