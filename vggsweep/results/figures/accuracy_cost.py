"""Accuracy against cost: the front, what it dominates, what was pruned."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vggsweep.errors import NothingToDraw
from vggsweep.results.columns import MAXIMISED, has_dials
from vggsweep.results.figures.style import (
    GREY,
    MARK,
    ORANGE,
    cost_axis,
    draw_series,
    label_of,
    label_points,
    legend_above,
    new_axes,
    number_columns,
    plain,
)
from vggsweep.results.statistics.front import machines, pareto_front
from vggsweep.results.statistics.replicates import mean_over_seeds

# Points that lie lower than this many spans of the front below it are drawn at the lower edge.
DEEPEST, LEAST_SPAN = 0.8, 0.02
BELOW = "v"
BARS: dict[str, Any] = {"fmt": "none", "ecolor": GREY, "elinewidth": 1.1, "capsize": 2.5, "zorder": 2}
LOOKS: dict[str, dict[str, Any]] = {
    "pruned": {"marker": "o", "facecolors": "none", "edgecolors": GREY, "linewidths": 1.1},
    "dominated": {"marker": "s", "color": GREY, "linewidths": 0},
}


def accuracy_cost_points(
    table: pd.DataFrame, x: str = "macs", y: str = "val_acc", *, average: bool = True
) -> pd.DataFrame:
    """The points of the figure.

    Args:
        table: a results table.
        x: column of the cost.
        y: column of the accuracy.
        average: one point a configuration, the mean over its seeds; else one a trial.

    Returns:
        Columns ``x``, ``y``, ``std`` (sample standard deviation of y over seeds, NaN for one), ``seeds``,
        ``kind`` (``front``, ``dominated``, ``pruned``), ``machine`` (device and precision where x or y was
        measured, else empty), ``depth``, ``width`` (of VGG-type networks); the index is the table's.

    Raises:
        NothingToDraw: no row has both columns.
    """
    number_columns(table, x, y)
    rows = mean_over_seeds(table) if average else table.assign(seeds=1)
    numbers = number_columns(rows, x, y)
    is_shown = numbers.notna().all(axis=1) & rows["state"].isin(["COMPLETE", "PRUNED"])
    rows, numbers = rows[is_shown], numbers[is_shown]
    if rows.empty:
        raise NothingToDraw(f"no trial has both {x} and {y}")
    kind = np.where(pareto_front(rows, x, y), "front", "dominated")
    absent = pd.Series(np.nan, index=rows.index)
    is_vgg = pd.Series([has_dials(row) for _, row in rows.iterrows()], index=rows.index)
    return pd.DataFrame(
        {
            "x": numbers[x],
            "y": numbers[y],
            "std": rows.get(f"{y}_sd", absent),
            "seeds": rows["seeds"],
            "kind": np.where(rows["state"] == "PRUNED", "pruned", kind),
            "machine": machines(rows, x, y),
            "depth": rows.get("depth", absent).where(is_vgg),
            "width": rows.get("width", absent).where(is_vgg),
        },
        index=rows.index,
    )


def accuracy_cost_figure(
    table: pd.DataFrame, x: str = "macs", y: str = "val_acc", *, average: bool = True
) -> Figure:
    """Accuracy against cost with the front; pruned trials are hollow, replicates have error bars.

    A measured column is drawn with one front for each device and precision.

    Args:
        table: a results table.
        x: column of the cost; its axis is logarithmic where the values span more than a factor of three.
        y: column of the accuracy.
        average: one point a configuration, the mean over its seeds (bars are one standard deviation); else
            one a trial.

    Raises:
        NothingToDraw: no row has both columns.
    """
    points = accuracy_cost_points(table, x, y, average=average)
    figure, axes = new_axes()
    finished = points[points["kind"] != "pruned"]
    floor = _floor(finished, y)
    barred = finished[(finished["y"] >= floor) & finished["std"].notna()]
    edge = min(floor, float((barred["y"] - barred["std"]).min())) if len(barred) else floor
    marks = points["y"].where(points["y"] >= floor, edge)
    for kind, look in LOOKS.items():
        for is_below in (False, True):
            part = points[(points["kind"] == kind) & ((points["y"] < floor) == is_below)]
            if len(part):
                name = f"{kind} (< {floor:.2f})" if is_below else kind
                shape = {"marker": BELOW} if is_below else {}
                axes.scatter(part["x"], marks[part.index], s=26, label=name, **(look | shape))
    if len(barred):
        axes.errorbar(barred["x"], barred["y"], barred["std"], label="± 1 s.d. (seeds)", **BARS)
    front = points[points["kind"] == "front"].sort_values("x")
    is_one = front["machine"].nunique() == 1
    is_stepped = y in MAXIMISED and x not in MAXIMISED
    lines = [[(row["x"], row["y"] + sign * row["std"]) for sign in (-1, 1)] for _, row in barred.iterrows()]
    for at, (machine, part) in enumerate(front.groupby("machine")):
        style = "steps-post" if is_stepped else "default"
        colour = draw_series(axes, part["x"], part["y"], at, style, zorder=2.5)
        name = "front" if is_one else f"front: {plain(str(machine))}"
        axes.scatter(part["x"], part["y"], s=58, color=ORANGE if is_one else colour, label=name, **MARK)
        lines.append(_corners(part, is_stepped=is_stepped))
    axes.set_ylabel(label_of(y))
    cost_axis(axes, points["x"], x)
    axes.margins(x=0.06, y=0.14)
    legend_above(axes, 1 if front["machine"].nunique() > 1 else 4)
    label_points(axes, _labels(front), list(zip(points["x"], marks, strict=True)), lines)
    return figure


def _floor(finished: pd.DataFrame, y: str) -> float:
    """Below this, points stand at the lower edge, so that the front keeps the space of the picture."""
    front = finished[finished["kind"] == "front"]["y"]
    if y not in MAXIMISED or front.empty:
        return -np.inf
    return float(front.min()) - DEEPEST * max(float(front.max() - front.min()), LEAST_SPAN)


def _corners(front: pd.DataFrame, *, is_stepped: bool) -> list[tuple[float, float]]:
    """The corners of a front's line, from left to right."""
    found = list(zip(front["x"].map(float), front["y"].map(float), strict=True))
    if not is_stepped:
        return found
    steps = [corner for (_, up), at in pairwise(found) for corner in ((at[0], up), at)]
    return [*found[:1], *steps]


def _labels(front: pd.DataFrame) -> list[tuple[str, tuple[float, float]]]:
    """Depth and width of the networks of the front, the most accurate first."""
    shown = front.dropna(subset=["depth", "width"])[::-1]
    return [
        (f"d{int(row['depth'])} w{int(row['width'])}", (float(row["x"]), float(row["y"])))
        for _, row in shown.iterrows()
    ]
