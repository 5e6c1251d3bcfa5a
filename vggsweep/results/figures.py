"""Figures: a table in, a figure out; nothing here writes files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from vggsweep.results.front import MAXIMISED, pareto_front
from vggsweep.results.units import short_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito 2008: distinguishable with every kind of colour vision, and in grey print by lightness.
BLUE, ORANGE, GREY = "#0072B2", "#D55E00", "#767676"
LABELS = {
    "val_acc": "validation accuracy",
    "test_acc": "test accuracy",
    "macs": "multiply-accumulates of one image (MACs)",
    "params": "parameters",
    "conv_params": "convolution parameters",
    "activations": "activations of one image (elements)",
    "latency_ms_p50": "latency, median (ms)",
    "train_seconds": "training time (s)",
    "throughput": "inference throughput (images/s)",
}


def accuracy_cost_figure(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Figure:
    """Accuracy against cost with the front; pruned trials are hollow.

    Args:
        table: a results table with at least one row that has both columns.
        x: column of the cost, drawn on a logarithmic axis.
        y: column of the accuracy.
    """
    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axes = figure.add_subplot()
    shown = table.dropna(subset=[x, y])
    is_front = pareto_front(shown, x, y)
    is_pruned = shown["state"] == "PRUNED"
    others = shown[~is_front & ~is_pruned & (shown["state"] == "COMPLETE")]
    pruned, front = shown[is_pruned], shown[is_front].sort_values(x)
    axes.scatter(pruned[x], pruned[y], facecolors="none", edgecolors=GREY, s=28, label="pruned")
    axes.scatter(others[x], others[y], color=GREY, s=28, marker="s", label="dominated")
    axes.plot(front[x], front[y], color=BLUE, drawstyle="steps-post" if y in MAXIMISED else None, zorder=2)
    axes.scatter(front[x], front[y], color=ORANGE, s=46, zorder=3, label="front")
    _label_front(axes, front, x, y)
    _finish(axes, x, y)
    return figure


def _label_front(axes: Axes, front: pd.DataFrame, x: str, y: str) -> None:
    """Depth and width beside each network of the front."""
    if not {"depth", "width"} <= set(front.columns):
        return
    for index, (_, row) in enumerate(front.iterrows()):
        if pd.isna(row["depth"]) or pd.isna(row["width"]):
            continue
        above = index % 2 == 0
        axes.annotate(
            f"d{int(row['depth'])} w{int(row['width'])}",
            (row[x], row[y]),
            textcoords="offset points",
            xytext=(0, 7 if above else -13),
            ha="center",
            fontsize=7.5,
            color="#333333",
        )


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))
    axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: _minor_label(value)))
    axes.tick_params(axis="x", which="minor", labelsize=7.5)
    axes.set_xlabel(LABELS.get(x, x))
    axes.set_ylabel(LABELS.get(y, y))
    axes.grid(True, which="major", color="#DDDDDD", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(y=0.12)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)


def _minor_label(value: float) -> str:
    # On a logarithmic axis 2 and 5 say enough between two powers of ten.
    return short_count(value) if f"{value:e}"[0] in "25" else ""
