"""Learning curves from each trial's ``history.csv``, and where pruning ended some of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vggsweep.errors import NothingToDraw, RecordError
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.figures.style import FAINT, GREY, INK, RAMP, colour_bar, label_of, new_axes

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
        try:
            epochs = read_history(TrialDirectory(Path(str(row.get("dir")))).history)
            found += [
                {
                    "row": label,
                    "state": row["state"],
                    "depth": row.get("depth"),
                    "epoch": int(epoch["epoch"]),
                    value: epoch[value],
                    SCORE: epoch.get(SCORE, np.nan),
                }
                for epoch in epochs
                if value in epoch
            ]
        except RecordError:
            continue
    if not found:
        raise NothingToDraw(f"no trial's history.csv holds {value}")
    curves = pd.DataFrame(found)
    curves["depth"] = pd.to_numeric(curves["depth"], errors="coerce").astype(float)
    return curves


def rungs_seen(curves: pd.DataFrame) -> pd.Series:
    """Trials that were pruned after each epoch at which some were: index epoch, values counts."""
    ends = curves[curves["state"] == "PRUNED"].groupby("row")["epoch"].max()
    counts: pd.Series = ends.value_counts().sort_index()
    return counts


def learning_curves_figure(table: pd.DataFrame, value: str = "val_acc") -> Figure:
    """Accuracy against epochs, coloured by depth; pruned trials are grey and end in a ring.

    Diamonds are what the average of a trial's weights reached where a pruner looked: it compares those, as
    the weights themselves jump about while the learning rate is high.

    Raises:
        NothingToDraw: see `learning_curves`.
    """
    curves = learning_curves(table, value)
    figure, axes = new_axes()
    depths = curves["depth"].dropna()
    scale = Normalize(depths.min(), depths.max()) if len(depths) else Normalize(0, 1)
    is_crowded = curves["row"].nunique() > 40
    for _, curve in curves.groupby("row", sort=False):
        state, depth = curve["state"].iloc[0], curve["depth"].iloc[0]
        colour = RAMP(scale(depth)) if state == "COMPLETE" and np.isfinite(depth) else GREY
        if value == "val_acc" and curve[SCORE].notna().any():
            axes.plot(
                curve["epoch"],
                curve[SCORE],
                "D",
                color=colour,
                markerfacecolor="none",
                markersize=4,
                zorder=2.2,
            )
        if state != "COMPLETE":
            axes.plot(curve["epoch"], curve[value], color=GREY, linewidth=0.9, alpha=0.7, zorder=1.5)
            axes.plot(
                curve["epoch"].iloc[-1:],
                curve[value].iloc[-1:],
                marker="o" if state == "PRUNED" else "x",
                markerfacecolor="none",
                color=GREY,
                markersize=5,
                zorder=2,
            )
            continue
        axes.plot(
            curve["epoch"],
            curve[value],
            color=RAMP(scale(depth)) if np.isfinite(depth) else INK,
            linewidth=1.0 if is_crowded else 1.6,
            marker="o" if len(curve) <= 12 else None,
            markersize=3,
            zorder=2.5,
        )
    for epoch, count in rungs_seen(curves).items():
        axes.axvline(float(epoch), color=FAINT, linewidth=0.9, linestyle=(0, (2, 3)), zorder=1)  # type: ignore[arg-type]
        axes.annotate(
            f"{count} pruned",
            (float(epoch), 1.0),  # type: ignore[arg-type]
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            xytext=(0, 2),  # above the frame, where no curve is
            ha="center",
            fontsize=8,
            color=FAINT,
        )
    axes.set_xlabel("epoch")
    axes.set_ylabel(label_of(value))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if curves["epoch"].max() == 1:
        axes.set_xlim(0.5, 1.5)
    if depths.nunique() > 1:
        bar = colour_bar(figure, axes, ScalarMappable(scale, RAMP), "depth")
        bar.ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
