"""Which points no other point dominates: plain Python, for tables that are printed without pandas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vggsweep.results.columns import MAXIMISED


def non_dominated(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For each point whether no other is nowhere worse and somewhere better. Equal points all stay.

    One pass over the sorted points, as Kung, Luccio & Preparata 1975 do for two losses.

    Args:
        points: N pairs of losses, both to be minimised.

    >>> non_dominated([(1, 3), (2, 2), (2, 3), (1, 3)])
    [True, True, False, True]
    """
    is_front = [False] * len(points)
    best: tuple[float, float] = (math.inf, math.inf)
    for position in sorted(range(len(points)), key=points.__getitem__):
        point = points[position]
        if point[1] < best[1]:
            best = point
        is_front[position] = point == best
    return is_front


def front_flags(rows: Sequence[Mapping[str, Any]], x: str = "macs", y: str = "val_acc") -> list[bool]:
    """Which rows lie on the front; those that are not COMPLETE or lack a value do not.

    Args:
        rows: of a results table; each is compared with those on the same ``images``.
        x, y: two columns; see `vggsweep.results.columns.MAXIMISED` for their directions.
    """
    fields: dict[Any, dict[int, tuple[float, float]]] = {}
    for position, row in enumerate(rows):
        if row.get("state") == "COMPLETE" and _is_finite(row.get(x)) and _is_finite(row.get(y)):
            points = fields.setdefault(row.get("images"), {})
            points[position] = (loss(row.get(x), x), loss(row.get(y), y))
    flags = [False] * len(rows)
    for points in fields.values():
        for position, is_front in zip(points, non_dominated(list(points.values())), strict=True):
            flags[position] = is_front
    return flags


def loss(value: Any, column: str) -> float:
    """The value as something to be minimised."""
    return -float(value) if column in MAXIMISED else float(value)


def _is_finite(value: Any) -> bool:
    # An edited record may hold an integer beyond any float.
    return isinstance(value, float | int) and abs(value) <= 1e300
