"""Which points no other point dominates: plain Python, for tables that are printed without pandas."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from vggsweep.results.columns import MAXIMISED


def non_dominated(points: Sequence[tuple[float, float]]) -> list[bool]:
    """Mask the non-dominated (Pareto-optimal) points; equal points all stay.

    One pass over the sorted points, as Kung, Luccio & Preparata 1975 do for two losses.

    Args:
        points: N pairs of losses, both to be minimised.

    >>> non_dominated([(1, 3), (2, 2), (2, 3), (1, 3)])
    [True, True, False, True]
    """
    is_front = [False] * len(points)
    best: tuple[float, float] | None = None
    for position in sorted(range(len(points)), key=points.__getitem__):
        point = points[position]
        if best is None or point[1] < best[1]:
            best = point
        is_front[position] = point == best
    return is_front


def front_within(points: Iterable[tuple[float, float] | None], fields: Iterable[Hashable]) -> list[bool]:
    """For each point whether it lies on the front of its field.

    Args:
        points: pairs of losses; None for what is not compared.
        fields: as many; only points of one field are compared.

    >>> front_within([(1, 3), (2, 4), None, (2, 4)], ["a", "a", "a", "b"])
    [True, False, False, True]
    """
    flags: list[bool] = []
    of_field: dict[Hashable, dict[int, tuple[float, float]]] = {}
    for position, (point, field) in enumerate(zip(points, fields, strict=True)):
        flags.append(False)
        if point is not None:
            of_field.setdefault(field, {})[position] = point
    for compared in of_field.values():
        for position, is_front in zip(compared, non_dominated(list(compared.values())), strict=True):
            flags[position] = is_front
    return flags


def front_flags(rows: Sequence[Mapping[str, Any]], x: str = "macs", y: str = "val_acc") -> list[bool]:
    """Which rows lie on the front; those that are not COMPLETE or lack a value do not.

    Args:
        rows: of a results table; each is compared with those on the same ``images``.
        x, y: two columns; see `vggsweep.results.columns.MAXIMISED` for their directions.
    """
    points = (
        (loss(row.get(x), x), loss(row.get(y), y))
        if row.get("state") == "COMPLETE" and _is_finite(row.get(x)) and _is_finite(row.get(y))
        else None
        for row in rows
    )
    return front_within(points, (row.get("images") for row in rows))


def loss(value: Any, column: str) -> float:
    """The value as something to be minimised."""
    return -float(value) if column in MAXIMISED else float(value)


def _is_finite(value: Any) -> bool:
    # An edited record may hold an integer beyond any float.
    return isinstance(value, float | int) and abs(value) <= 1e300
