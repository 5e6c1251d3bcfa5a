"""Learning curves from each trial's ``history.csv``, and where pruning ended some of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from vggsweep.errors import NothingToDraw
from vggsweep.results.disk.history import finished_epochs
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.figures.style import (
    FAINT,
    GREY,
    INK,
    LEGEND,
    colour_bar,
    colour_scale,
    label_of,
    new_axes,
    note,
)

# A curve that did not reach its last epoch.
ENDED: dict[str, Any] = {
    "color": GREY,
    "linewidth": 0.9,
    "alpha": 0.7,
    "zorder": 1.5,
    "markerfacecolor": "none",
    "markersize": 5,
}

# A trial without a result yet, as the dashboard shows it.
RUNNING = "RUNNING"
UNFINISHED: dict[str, Any] = {
    "linestyle": (0, (4, 2)),
    "linewidth": 1.6,
    "marker": "o",
    "markersize": 4,
    "zorder": 2.6,
}

# What averaged weights reached where a pruner looked.
SCORE = "averaged_val_acc"


def learning_curves(table: pd.DataFrame, value: str = "val_acc") -> pd.DataFrame:
    """Every epoch of every trial whose directory still holds its history.

    Args:
        table: a results table with the column ``dir``.
        value: a column of ``history.csv``.

    Returns:
        One row an epoch: ``row`` (index label in the table), ``state``, ``depth``, ``epoch`` (from 1), the
        value, and ``averaged_val_acc`` where a pruner looked. A history that is missing or damaged is left
        out; its trial still has a row in the table.

    Raises:
        NothingToDraw: no history has the value.
    """
    found = []
    for label, row in table.iterrows():
        epochs = finished_epochs(TrialDirectory(Path(str(row.get("dir")))).history)
        points = [(int(epoch["epoch"]), epoch[value], epoch.get(SCORE)) for epoch in epochs if value in epoch]
        found += [(label, row["state"], row.get("depth"), *point) for point in points]
    if not found:
        raise NothingToDraw(f"no trial's history.csv holds {value}")
    curves = pd.DataFrame(found, columns=["row", "state", "depth", "epoch", value, SCORE])
    curves = curves.loc[:, ~curves.columns.duplicated()].astype({SCORE: float})
    curves["depth"] = pd.to_numeric(curves["depth"], errors="coerce").astype(float)
    return curves


def rungs_seen(curves: pd.DataFrame) -> pd.Series:
    """Trials that were pruned after each epoch at which some were: index epoch, values counts."""
    ends = curves[curves["state"] == "PRUNED"].groupby("row")["epoch"].max()
    counts: pd.Series = ends.value_counts().sort_index()
    return counts


def learning_curves_figure(table: pd.DataFrame, value: str = "val_acc") -> Figure:
    """Accuracy against epochs, coloured by depth; pruned trials are grey and end in a ring.

    The curves of running trials, which a table of results does not have, are dashed.


    Diamonds are what the average of a trial's weights reached where a pruner looked: it compares those, as
    the weights themselves jump about while the learning rate is high.

    Raises:
        NothingToDraw: see `learning_curves`.
    """
    curves = learning_curves(table, value)
    figure, axes = new_axes()
    depths = curves["depth"].dropna()
    scale = colour_scale(depths)
    is_crowded = curves["row"].nunique() > 40
    for _, curve in curves.groupby("row", sort=False):
        state, depth = curve["state"].iloc[0], curve["depth"].iloc[0]
        is_coloured = state in ("COMPLETE", RUNNING) and np.isfinite(depth)
        colour = scale.to_rgba(depth) if is_coloured else GREY
        if value == "val_acc" and curve[SCORE].notna().any():
            hollow: dict[str, Any] = {"markerfacecolor": "none", "markersize": 4, "zorder": 2.2}
            axes.plot(curve["epoch"], curve[SCORE], "D", color=colour, **hollow)
        if state == RUNNING:
            axes.plot(curve["epoch"], curve[value], color=colour, markevery=[-1], **UNFINISHED)
            continue
        if state != "COMPLETE":
            marker = "o" if state == "PRUNED" else "x"
            axes.plot(curve["epoch"], curve[value], marker=marker, markevery=[-1], **ENDED)
            continue
        axes.plot(
            curve["epoch"],
            curve[value],
            color=scale.to_rgba(depth) if np.isfinite(depth) else INK,
            linewidth=1.0 if is_crowded else 1.6,
            marker="o" if len(curve) <= 12 else None,
            markersize=3,
            zorder=2.5,
        )
    for epoch, count in rungs_seen(curves).items():
        axes.axvline(float(epoch), color=FAINT, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)  # type: ignore[arg-type]
        top = (float(epoch), 1.0)  # type: ignore[arg-type]
        # above the frame, where no curve is
        note(
            axes, f"{count} pruned", top, (0, 2), xycoords=("data", "axes fraction"), ha="center", color=FAINT
        )
    if (running := curves.loc[curves["state"] == RUNNING, "row"].nunique()) > 0:
        dashed = Line2D([], [], color=INK, **UNFINISHED | {"marker": ""})  # which would hide the gaps
        axes.legend([dashed], [f"{running} running"], loc="lower right", handlelength=2.6, **LEGEND)
    axes.set(xlabel="epoch", ylabel=label_of(value))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curves["epoch"].max() == 1:
        axes.set_xlim(0.5, 1.5)
    if depths.nunique() > 1:
        bar = colour_bar(figure, axes, scale, "depth")
        bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
