"""What networks of other sizes would cost: the arithmetic of one that was trained."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from vggsweep.arch.budget import nearest_width
from vggsweep.arch.costs import family_costs
from vggsweep.arch.family import ScaledFamily
from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.disk.record import readable_record
from vggsweep.results.disk.recorded_network import RecordedNetwork, recorded_network

# A width at which no network comes nearer to its cost than this is none at equal cost.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Arithmetic:
    """One network with its dials free.

    Args:
        network: it, of a family with a depth and a width.
    """

    network: RecordedNetwork

    def macs(self, depth: int, width: float, resolution: int) -> int:
        """Multiply-accumulates of one image.

        Raises:
            InfeasibleConfig: there is no such network.
        """
        arch, shape = self.network.arch, replace(self.network.shape, resolution=resolution)
        assert isinstance(arch, ScaledFamily)
        return family_costs(replace(arch, depth=depth).at_width(width), self.network.head, shape).macs

    def width(self, macs: float, depth: int, resolution: int, tolerance: float = TOLERANCE) -> float | None:
        """The real width at which a network of this depth costs so much; None where there is none."""
        arch = self.network.arch
        assert isinstance(arch, ScaledFamily)
        with suppress(ConfigError):
            width = nearest_width(lambda one: self.macs(depth, one, resolution), macs, arch.width_step)
            if abs(self.macs(depth, width, resolution) / macs - 1) <= tolerance:
                return width
        return None


def arithmetic_of(row: pd.Series) -> Arithmetic | str:
    """The arithmetic of a trained network, by its record; or why there is none, as the end of a sentence.

    Args:
        row: of a results table, with ``dir``, ``macs`` and ``resolution``.
    """
    record = readable_record(Path(str(row.get("dir"))))
    if record is None:
        return "the record of the most accurate network cannot be read"
    try:
        network = recorded_network(record)
    except RecordError as error:
        return str(error)
    arch = network.arch
    if (
        not isinstance(arch, ScaledFamily)
        or arch.width is None
        or {"depth", "width"} & set(arch.idle_fields())
    ):
        return f"{arch.name} has no depth and width that could be traded for each other"
    return Arithmetic(network)
