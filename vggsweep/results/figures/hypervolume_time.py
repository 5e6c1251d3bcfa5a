"""Hypervolume over wall-clock time: how soon a sweep had found what it found."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from vggsweep.errors import NothingToDraw
from vggsweep.results.dominance import loss
from vggsweep.results.figures.style import complete_rows, draw_series, legend_above, new_axes, plain
from vggsweep.results.statistics.front import losses_of, machines
from vggsweep.results.statistics.hypervolume import dominated_area, reference_point

# Above these many seconds the axis counts minutes, then hours.
UNITS = ((7200.0, 3600.0, "h"), (180.0, 60.0, "min"))


def hypervolume_over_time(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> pd.DataFrame:
    """The hypervolume after each finished trial.

    Args:
        table: a results table with the columns ``started`` and ``ended``.
        x, y: see `~vggsweep.results.statistics.hypervolume`; all sweeps share the table's reference point.

    Returns:
        Columns ``sweep``, ``seconds`` since the sweep's first trial began, ``hypervolume`` (in units of x
        times y), and ``share`` of the largest one in the table.

    Raises:
        NothingToDraw: no finished trial has both columns and a time, or the values come from several
            machines.
    """
    rows = complete_rows(table, x, y)
    if machines(rows, x, y).nunique() > 1:
        raise NothingToDraw(f"{x} was measured on several machines, whose values do not mix")
    reference = reference_point(rows, x, y)
    written = table.reindex(columns=["started", "ended"])
    times = written.apply(pd.to_datetime, errors="coerce", utc=True, format="ISO8601")
    corner = np.array([loss(value, name) for value, name in zip(reference, (x, y), strict=True)])
    sweeps = table["sweep"].astype(str) if "sweep" in table else pd.Series("all", index=table.index)
    parts = []
    for sweep, part in rows.groupby(sweeps[rows.index], sort=True):
        ends = times["ended"][part.index].dropna().sort_values()
        if ends.empty:
            continue
        start = times["started"][sweeps == sweep].min()
        start = ends.iloc[0] if pd.isna(start) else start
        seconds = (ends - start).dt.total_seconds().to_numpy()
        volumes = _growth(losses_of(part.loc[ends.index], x, y), corner)
        parts.append(pd.DataFrame({"sweep": sweep, "seconds": seconds, "hypervolume": volumes}))
    if not parts:
        raise NothingToDraw("no finished trial says when it ended")
    numbers = pd.concat(parts, ignore_index=True)
    return numbers.assign(share=numbers["hypervolume"] / (numbers["hypervolume"].max() or 1.0))


def _growth(losses: NDArray[np.float64], corner: NDArray[np.float64]) -> list[float]:
    """Hypervolume of the first one, two, three … points; what a point adds nothing to is not kept."""
    kept, volumes = losses[:0], []
    for point in losses:
        if not (kept <= point).all(axis=1).any():
            kept = np.vstack([kept, point])
        volumes.append(dominated_area(kept, corner))
    return volumes


def hypervolume_time_figure(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Figure:
    """Share of the final hypervolume against time since the sweep began.

    Raises:
        NothingToDraw: see `hypervolume_over_time`.
    """
    numbers = hypervolume_over_time(table, x, y)
    last = float(numbers["seconds"].max())
    size, unit = next(((size, unit) for above, size, unit in UNITS if last > above), (1.0, "s"))
    figure, axes = new_axes()
    for at, (sweep, part) in enumerate(numbers.groupby("sweep", sort=False)):
        seconds = pd.concat([part["seconds"].iloc[:1], part["seconds"], pd.Series([last])])
        share = pd.concat([pd.Series([0.0]), part["share"], part["share"].iloc[-1:]])
        colour = draw_series(axes, seconds / size, share, at, label=plain(str(sweep)))
        axes.scatter(part["seconds"] / size, part["share"], color=colour, s=16, zorder=3)
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(f"time since the first trial began ({unit})")
    axes.set_ylabel(f"share of the final hypervolume\n({plain(y)} × {plain(x)})")
    if numbers["sweep"].nunique() > 1:
        legend_above(axes)
    return figure
