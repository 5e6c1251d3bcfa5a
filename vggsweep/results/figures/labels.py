"""Labels beside points: each where it covers neither a point nor another label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.transforms import Bbox

from vggsweep.results.figures.style import note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
