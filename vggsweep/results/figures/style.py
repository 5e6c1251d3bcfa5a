"""What all figures share: colours, labels with units, axes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import Bbox

from vggsweep.errors import NothingToDraw
from vggsweep.results.columns import COLUMNS
from vggsweep.results.units import short_count
from vggsweep.visible import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.text import Annotation

# Okabe & Ito 2008: distinguishable with every kind of colour vision, and in grey print by lightness.
BLUE, ORANGE, GREEN, PINK, SKY, YELLOW = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00"
SERIES = (BLUE, ORANGE, GREEN, PINK, SKY, YELLOW)
GREY = "#767676"
# The report replaces these by the page's own, light or dark.
INK, FAINT, RULE, PAPER = "#1F2328", "#59636E", "#D8DEE4", "#FFFFFF"
# Viridis is even in lightness for every kind of colour vision; without its ends it shows on light and dark.
RAMP: Colormap = LinearSegmentedColormap.from_list("ramp", colormaps["viridis"](np.linspace(0.18, 0.9, 256)))
DASHES = ("-", "--", ":", "-.")
LEGEND: dict[str, Any] = {
    "frameon": False,
    "fontsize": 9,
    "labelcolor": INK,
    "handletextpad": 0.4,
    "columnspacing": 1.1,
}
# A mark that stands out from the lines below it.
MARK: dict[str, Any] = {"edgecolors": PAPER, "linewidths": 0.8, "zorder": 3}
SIZE = (6.4, 4.2)
# A longer name would push the axes off the sheet.
LONGEST_NAME = 34
# Above this ratio an axis of a cost is logarithmic.
LOG_RATIO = 3.0


def label_of(name: str) -> str:
    """A column's name as people read it, with its unit.

    >>> label_of("latency_ms_p50"), label_of("augment.crop_padding")
    ('latency, median (ms)', 'augment.crop_padding')
    """
    return COLUMNS[name].title if name in COLUMNS else plain(name)


def plain(text: str) -> str:
    r"""A text that somebody chose: for Matplotlib a dollar begins a formula, an underscore hides an entry.

    >>> print(plain("cost in $"))
    cost in \$
    """
    text = visible(text)
    short = text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"
    return ("\u200a" if text.startswith("_") else "") + short.replace("$", r"\$")


def new_axes(size: tuple[float, float] = SIZE) -> tuple[Figure, Axes]:
    """An empty figure with one pair of axes in the house's style."""
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    dress(axes)
    return figure, axes


def dress(axes: Axes) -> None:
    """Give axes a quiet frame, a quiet grid, and text in ink."""
    axes.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(FAINT)
    axes.grid(True, which="major", color=RULE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelcolor=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)


def cost_axis(axes: Axes, values: pd.Series, name: str) -> None:
    """The horizontal axis of a cost: logarithmic where the values differ by more than `LOG_RATIO`."""
    axes.set_xlabel(label_of(name))
    low, high = float(values.min()), float(values.max())
    if low > 0 and high / low > LOG_RATIO:
        axes.set_xscale("log")
        # Between two powers of ten 2 and 5 say enough, unless there is hardly one of them in sight.
        digits = "25" if high / low > 10 else "23468"
        axes.xaxis.set_minor_formatter(
            FuncFormatter(lambda value, _: short_count(value) if f"{value:e}"[0] in digits else "")
        )
        axes.tick_params(axis="x", which="minor", labelsize=8, labelcolor=FAINT, color=FAINT)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
        if low == high:
            axes.set_xlim(low - abs(low or 1) * 0.1, high + abs(high or 1) * 0.1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_count(value)))


def legend_above(axes: Axes, columns: int = 4) -> None:
    """The legend over the axes, where it hides no point."""
    handles, _ = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            loc="lower left",
            bbox_to_anchor=(0, 1),
            ncols=columns if len(handles) <= columns else min(columns, 3),  # more would leave the sheet
            borderaxespad=0.2,
            **LEGEND,
        )


def note(
    axes: Axes, text: str, place: tuple[float, float], offset: tuple[float, float] = (0, 0), **settings: Any
) -> Annotation:
    """A small text beside a point, so many points (1/72 inch) away from it."""
    look = {"fontsize": 8, "color": INK, **settings}
    return axes.annotate(text, place, xytext=offset, textcoords="offset points", **look)


def draw_series(axes: Axes, x: Any, y: Any, at: int, drawstyle: Any = "steps-post", **settings: Any) -> str:
    """One line of several, in the colour and the dashes of its number; returns the colour."""
    colour, dashes = SERIES[at % len(SERIES)], DASHES[at // len(SERIES) % len(DASHES)]
    axes.plot(x, y, color=colour, linestyle=dashes, linewidth=1.8, drawstyle=drawstyle, **settings)
    return colour


def colour_scale(values: pd.Series) -> ScalarMappable:
    """The colours of these values, the lowest at the dark end of the ramp."""
    low, high = float(values.min()), float(values.max())
    return ScalarMappable(Normalize(low, high if high > low else low + 1e-6), RAMP)


def colour_bar(figure: Figure, axes: Axes | Sequence[Axes], mappable: ScalarMappable, name: str) -> Colorbar:
    """The scale of the colours, labelled as the column that they show."""
    bar = figure.colorbar(mappable, ax=axes, pad=0.02)
    bar.set_label(label_of(name), color=INK)
    bar.ax.tick_params(colors=FAINT, labelcolor=INK, labelsize=9)
    bar.outline.set_visible(False)
    return bar


def number_columns(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The named columns as floats; what is no number is NaN.

    Raises:
        NothingToDraw: the table lacks one.
    """
    for name in names:
        if name not in table.columns:
            raise NothingToDraw(f"no trial of this table has a value of {name}")
    return pd.DataFrame({name: as_numbers(table[name]) for name in names}, index=table.index)


def as_numbers(column: pd.Series) -> pd.Series:
    """A column as floats; what is no number is NaN."""
    numbers: pd.Series = pd.to_numeric(column, errors="coerce").astype("float64")
    return numbers


def complete_rows(table: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The COMPLETE rows that have a number in each of the named columns.

    Raises:
        NothingToDraw: there is none.
    """
    numbers = number_columns(table, *names)
    kept = table[numbers.notna().all(axis=1) & (table["state"] == "COMPLETE")]
    if kept.empty:
        raise NothingToDraw(f"no COMPLETE trial has {' and '.join(names)}")
    return kept.assign(**{name: numbers[name] for name in names})


# --- labels beside points: each where it covers neither a point nor another label

# Offsets in points, and the side of the label that lies there. Above and to the left comes first: no other
# point of a front of accuracy against a cost lies there.
PLACES = (
    (-5, 4, "right", "bottom"),
    (5, 4, "left", "bottom"),
    (5, -4, "left", "top"),
    (-5, -4, "right", "top"),
    (0, 7, "center", "bottom"),
    (0, -7, "center", "top"),
)
# Points around the centre of a mark.
MARK_RADIUS = 4.0
# Pixels between the samples of a line.
STEP = 3.0

Point = tuple[float, float]


def label_points(
    axes: Axes,
    labels: Iterable[tuple[str, Point]],
    marks: Sequence[Point],
    lines: Iterable[Sequence[Point]],
) -> None:
    """Put a label beside each point, where there is room for one.

    It covers no mark, no other label and, if that can be, no line. Call it when everything else is drawn, as
    what follows may move the axes.

    Args:
        axes: with its final scales and limits.
        labels: text and point in data coordinates, the most important first.
        marks: the centres of all marks, in data coordinates.
        lines: corners of the lines and bars, in data coordinates.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # lays out the axes
    pixel = figure.dpi / 72
    taken = [_around(centre, MARK_RADIUS * pixel) for centre in _pixels(axes, marks)]
    drawn = [_around(at, 1) for line in lines for at in _samples(_pixels(axes, line))]
    for text, point in labels:
        label = note(axes, text, point, in_layout=False)
        for others in ([*taken, *drawn], taken):
            if (room := _first_room(axes, label, others)) is not None:
                taken.append(room)
                break
        else:
            label.remove()


def _first_room(axes: Axes, label: Any, others: Sequence[Bbox]) -> Bbox | None:
    for across, up, horizontal, vertical in PLACES:
        label.set(position=(across, up), horizontalalignment=horizontal, verticalalignment=vertical)
        room: Bbox = label.get_window_extent()
        is_inside = axes.bbox.x0 <= room.x0 and room.x1 <= axes.bbox.x1
        is_inside = is_inside and axes.bbox.y0 <= room.y0 and room.y1 <= axes.bbox.y1
        if is_inside and not room.count_overlaps(others):
            return room
    return None


def _pixels(axes: Axes, points: Sequence[Point]) -> np.ndarray:
    found: np.ndarray = axes.transData.transform(np.asarray(points, dtype=float).reshape(-1, 2))
    return found


def _samples(corners: np.ndarray) -> Iterable[Point]:
    for start, end in pairwise(corners):
        yield from np.linspace(start, end, max(2, int(np.hypot(*(end - start)) / STEP)))


def _around(centre: Any, radius: float) -> Bbox:
    x, y = centre
    return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)
