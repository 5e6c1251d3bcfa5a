"""Depth against width: a heat map of accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from vggsweep.errors import NothingToDraw
from vggsweep.results.figures.style import PAPER, RAMP, colour_bar, complete_rows, label_of, new_axes, note
from vggsweep.results.statistics.replicates import mean_over_seeds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MOST_NUMBERED_CELLS = 130
MOST_TICKS = 24


def depth_width_grid(table: pd.DataFrame, value: str = "val_acc") -> pd.DataFrame:
    """Values over the plane: seeds are averaged, then each cell keeps its best configuration.

    Args:
        table: a results table; only COMPLETE trials count, as a pruned one trained for fewer epochs.
        value: a column of which more is better.

    Returns:
        Depths as rows, widths as columns, both ascending; NaN where nothing finished.

    Raises:
        NothingToDraw: no finished trial has depth, width and the value, or there are several families, whose
            depths and widths are not the same thing.

    >>> columns = {"depth": [4, 8, 8], "width": 8, "lr": [1, 1, 2], "val_acc": [0.7, 0.8, 0.9]}
    >>> table = pd.DataFrame({"state": "COMPLETE", **columns})
    >>> depth_width_grid(table)
    width    8
    depth
    4      0.7
    8      0.9
    """
    rows = complete_rows(mean_over_seeds(table), "depth", "width", value)
    if "arch" in rows.columns and rows["arch"].nunique() > 1:
        raise NothingToDraw("depths and widths of several families are not the same thing")
    rows = rows.assign(depth=rows["depth"].astype(int), width=rows["width"].astype(int))
    grid: pd.DataFrame = rows.pivot_table(index="depth", columns="width", values=value, aggfunc="max")
    return grid


def depth_width_figure(table: pd.DataFrame, value: str = "val_acc") -> Figure:
    """Heat map of a value over depth and width; an empty cell was not trained to the end.

    Raises:
        NothingToDraw: see `depth_width_grid`.
    """
    grid = depth_width_grid(table, value)
    depths, widths = list(grid.index), list(grid.columns)
    figure, axes = new_axes((6.4, min(6.4, max(3.6, 0.42 * len(widths) + 1.4))))
    axes.grid(False)
    values = grid.to_numpy().T  # depth lies on the horizontal axis of every figure
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    image = axes.pcolormesh(
        np.arange(len(depths) + 1) - 0.5,
        np.arange(len(widths) + 1) - 0.5,
        np.ma.masked_invalid(values),
        cmap=RAMP,
        vmin=low,
        vmax=high if high > low else low + 1e-6,
        edgecolors=PAPER,
        linewidth=1.5,
    )
    _ticks(axes.xaxis, list(map(int, depths)))
    _ticks(axes.yaxis, list(map(int, widths)))
    axes.set(xlabel=label_of("depth"), ylabel=label_of("width"))
    if values.size <= MOST_NUMBERED_CELLS:
        _number_cells(axes, values, low, high)
    bar = colour_bar(figure, axes, image, value)
    if low == high:
        bar.set_ticks([low])
    return figure


def _ticks(axis: Axis, names: list[int]) -> None:
    step = -(-len(names) // MOST_TICKS)
    axis.set_ticks(range(0, len(names), step), [str(name) for name in names[::step]])


def _number_cells(axes: Axes, values: NDArray[np.float64], low: float, high: float) -> None:
    for at, value in np.ndenumerate(values):
        if np.isfinite(value):
            is_light = value - low > 0.55 * (high - low)
            # fixed colours: they stand on the cell's colour, not on the page's
            colour = "#101010" if is_light else "#FDFDFD"
            text = f"{value:.3f}".removeprefix("0")
            note(axes, text, (at[1], at[0]), ha="center", va="center", color=colour)
