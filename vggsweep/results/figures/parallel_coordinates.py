"""Parallel coordinates: every finished trial as a line through its settings, cost and accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from vggsweep.results.figures.style import (
    FAINT,
    INK,
    PAPER,
    colour_bar,
    colour_scale,
    complete_rows,
    label_of,
    note,
    plain,
)
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.units import short_count

MOST_AXES = 8
MOST_NAMES = 12
# Texts closer than this share of an axis would touch.
LEAST_GAP = 0.06
# What keeps a text legible on the lines.
BEHIND = {"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.75}


@dataclass(frozen=True)
class ParallelAxis:
    """One vertical axis.

    Args:
        name: the column.
        positions: of each row, 0 at the foot and 1 at the top, NaN where a row lacks a value.
        ticks: positions and texts of its marks.
        is_log: whether it is logarithmic.
    """

    name: str
    positions: pd.Series
    ticks: tuple[tuple[float, str], ...]
    is_log: bool


def parallel_axes(
    table: pd.DataFrame, columns: Sequence[str] | None = None, *, x: str = "macs", y: str = "val_acc"
) -> list[ParallelAxis]:
    """The axes: by default the settings that vary, then the cost, then the accuracy.

    Args:
        table: a results table; only COMPLETE trials count.
        columns: other columns; their order is that of the axes.
        x: the cost.
        y: the accuracy.

    Raises:
        NothingToDraw: nothing finished.
    """
    rows = complete_rows(table, y)
    if columns is None:
        costs = [x] if x in rows.columns and rows[x].notna().any() else []
        columns = [*varied_settings(rows)[: MOST_AXES - 2], *costs, y]
    return [_axis(name, rows[name]) for name in columns]


def _axis(name: str, column: pd.Series) -> ParallelAxis:
    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    is_name = column.map(lambda value: isinstance(value, (str, bool, list))).any()
    if is_name or (numbers.isna() & column.notna()).any():
        names = sorted({str(value) for value in column.dropna()})
        places = dict(zip(names, np.linspace(0, 1, len(names)) if len(names) > 1 else [0.5], strict=True))
        step = -(-len(names) // MOST_NAMES)
        ticks = tuple((places[value], plain(value[:18])) for value in names[::step])
        return ParallelAxis(name, column.map(lambda value: places.get(str(value), np.nan)), ticks, False)
    low, high = float(numbers.min()), float(numbers.max())
    if low == high:
        return ParallelAxis(name, numbers * 0 + 0.5, ((0.5, _text(name, low)),), False)
    is_log = low > 0 and high / low > 20
    scaled = pd.Series(np.log(numbers) if is_log else numbers)
    positions = (scaled - scaled.min()) / (scaled.max() - scaled.min())
    heights = dict(zip(numbers, positions, strict=True))
    marks = [(heights[value], _text(name, value)) for value in sorted(set(numbers.dropna()))]
    if len(marks) > 7 or min(np.diff([height for height, _ in marks])) < LEAST_GAP:
        even = np.geomspace(low, high, 5) if is_log else np.linspace(low, high, 5)
        if (numbers.dropna() % 1 == 0).all():  # of a whole number there is no half
            even = np.unique(even.round())
        on_axis = np.log(even) if is_log else even
        shares = (on_axis - scaled.min()) / (scaled.max() - scaled.min())
        marks = [(float(at), _text(name, float(value))) for at, value in zip(shares, even, strict=True)]
    return ParallelAxis(name, positions, tuple(marks), is_log)


def _text(name: str, value: float) -> str:
    return f"{value:.3f}" if name.endswith("_acc") else short_count(value)


def parallel_coordinates_figure(
    table: pd.DataFrame, columns: Sequence[str] | None = None, *, x: str = "macs", y: str = "val_acc"
) -> Figure:
    """Lines coloured by accuracy, the most accurate on top.

    Raises:
        NothingToDraw: see `parallel_axes`.
    """
    axes_list = parallel_axes(table, columns, x=x, y=y)
    rows = complete_rows(table, y).sort_values(y)
    figure = Figure(figsize=(max(6.4, 1.05 * len(axes_list) + 1.6), 4.2), layout="constrained")
    axes = figure.add_subplot()
    places = np.arange(len(axes_list))
    heights = np.column_stack([axis.positions.loc[rows.index].to_numpy(dtype=float) for axis in axes_list])
    scale = colour_scale(rows[y])
    lines = LineCollection(
        [np.column_stack([places, row]) for row in heights],
        colors=scale.to_rgba(rows[y].to_numpy(dtype=float)),
        linewidths=1.5 if len(rows) <= 40 else 0.9,
        alpha=0.9 if len(rows) <= 40 else 0.6,
    )
    axes.add_collection(lines)
    for place, axis in zip(places, axes_list, strict=True):
        axes.axvline(float(place), color=FAINT, linewidth=0.9, zorder=1)
        for height, text in axis.ticks:
            note(axes, text, (float(place), height), (-4, 0), ha="right", va="center", bbox=BEHIND)
    axes.set(xlim=(-0.45, len(axes_list) - 0.9), ylim=(-0.04, 1.04))
    axes.set_xticks(places, [_heading(axis) for axis in axes_list], color=INK, fontsize=8.5)
    axes.xaxis.tick_top()
    axes.tick_params(axis="x", length=0)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    if rows[y].nunique() > 1:
        colour_bar(figure, axes, scale, y)
    return figure


def _heading(axis: ParallelAxis) -> str:
    """The column's name in short lines, with its unit and scale."""
    label = label_of(axis.name)
    words = {"macs": "MACs of\none image", "width": "width\n(channels)"}
    text = words.get(axis.name, label.replace(" (", "\n(") if "(" in label else label.replace(".", ".\n", 1))
    return text.replace("validation accuracy", "validation\naccuracy") + ("\nlog" if axis.is_log else "")
