"""What ``vggsweep pareto`` says of a table: its front, or one front for each device and precision."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from vggsweep.results.statistics.front import is_compared, machines, pareto_front
from vggsweep.results.statistics.hypervolume import hypervolume, reference_point
from vggsweep.results.statistics.knee import knee


@dataclass(frozen=True)
class FrontSummary:
    """One front.

    Args:
        machine: device and precision where a column was measured, else empty.
        rows: the front's rows of the table, from the smallest x up.
        considered: finished rows that were compared.
        hypervolume: in units of x times y.
        reference: the point up to which it reaches, in the columns' units.
        knee: index label of the knee, or None.
    """

    machine: str
    rows: pd.DataFrame
    considered: int
    hypervolume: float
    reference: tuple[float, float]
    knee: Any


def summarise_fronts(
    table: pd.DataFrame,
    x: str = "macs",
    y: str = "val_acc",
    reference: tuple[float, float] | None = None,
) -> list[FrontSummary]:
    """The fronts of a table; more than one only where x or y was measured on several machines.

    Args:
        table: a results table.
        x, y: columns, see `vggsweep.results.statistics.front.pareto_front`.
        reference: for the hypervolume; None for each front's own `reference_point`.

    Raises:
        ConfigError: no such column.
    """
    is_front = pareto_front(table, x, y)
    place = machines(table, x, y)
    summaries = []
    for machine in sorted(set(place[is_front])):
        part = table[place == machine]
        point = reference or reference_point(part, x, y)
        summaries.append(
            FrontSummary(
                machine=machine,
                rows=part[is_front[part.index]].sort_values([x, y], kind="stable"),
                considered=int(is_compared(part, x, y).sum()),
                hypervolume=hypervolume(part, x, y, point),
                reference=point,
                knee=knee(part, x, y),
            )
        )
    return summaries
