"""A table's front in words: what ``vggsweep pareto`` says of it, and what it runs through."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vggsweep.results.columns import MAXIMISED
from vggsweep.results.statistics.front import is_compared, machines, pareto_front
from vggsweep.results.statistics.hypervolume import hypervolume, reference_point
from vggsweep.results.statistics.knee import knee
from vggsweep.results.statistics.replicates import mean_over_seeds

# A dial that takes at least this share of its range, on a logarithmic scale, is followed by the front;
# one that takes at most the other is left alone.
FOLLOWED, LEFT_ALONE = 0.75, 0.5
# A dial is followed only where it grows with the cost: least rank correlation along the front.
RISING = 0.5


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


def front_course(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> str:
    """Which of the tried families, or depths and widths, the front runs through; empty where nothing tells.

    Args:
        table: a results table; what was stopped early was tried too.
        x: the cost.
        y: an accuracy.

    >>> table = pd.DataFrame({"state": "COMPLETE", "depth": [4, 4, 4, 8], "width": [4, 8, 16, 4]})
    >>> said = front_course(table.assign(macs=[1, 2, 4, 3], val_acc=[0.5, 0.6, 0.7, 0.4]))
    >>> said.partition(": ")[0]
    'The front of 3 networks runs through depth 4 (of 4 to 8) and width 4 to 16 (of 4 to 16)'
    >>> said.partition(": ")[2]
    'as it gets dearer it gets wider, hardly deeper.'
    """
    dials = ("depth", "width")
    if not {x, y, *dials} <= set(table.columns) or x in MAXIMISED or machines(table, x, y).nunique() > 1:
        return ""
    tried = table.dropna(subset=list(dials))
    front = pareto_front(mean_over_seeds(tried), x, y)
    points = mean_over_seeds(tried)[front].drop_duplicates([x, y])
    if "arch" in tried.columns and tried["arch"].nunique() > 1:
        # depths and widths of two families are not the same thing
        names = sorted(set(points["arch"].astype(str)))
        return f"The front runs through {' and '.join(names)} (of {tried['arch'].nunique()} families)."
    if len(points) < 3 or any(tried[dial].nunique() < 2 for dial in dials):
        return ""
    spans, course = [], {}
    for dial in dials:
        (low, high), (least, most) = (
            (int(part[dial].min()), int(part[dial].max())) for part in (points, tried)
        )
        spans.append(f"{dial} {_span(low, high)} (of {_span(least, most)})")
        share = math.log(high / low) / math.log(most / least)
        rises = low < high and points[dial].rank().corr(points[x].rank()) >= RISING
        course[dial] = "leaves" if share <= LEFT_ALONE else "follows" if share >= FOLLOWED and rises else ""
    turns = {
        ("leaves", "follows"): ": as it gets dearer it gets wider, hardly deeper",
        ("follows", "leaves"): ": as it gets dearer it gets deeper, hardly wider",
        ("follows", "follows"): ": as it gets dearer it gets deeper and wider",
    }
    turn = turns.get((course["depth"], course["width"]), "")
    return f"The front of {len(points)} networks runs through {' and '.join(spans)}{turn}."


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low} to {high}"
