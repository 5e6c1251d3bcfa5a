"""The configurations of a verdict as rows: each with what it lies below the best by, and how sure that is."""

from __future__ import annotations

from typing import Any

from vggsweep.results.findings.standing import Standing
from vggsweep.results.findings.verdict import Verdict
from vggsweep.results.plain import PlainTable, union_of_names


def ranking(verdict: Verdict, x: str = "macs", y: str = "val_acc") -> PlainTable:
    """One row for each configuration, the most accurate first; groups of equal cost one after the other.

    Args:
        verdict: of `vggsweep.results.findings.verdict.reach_verdict`.
        x, y: the cost and the accuracy that it was reached with.

    Returns:
        ``configuration``, ``seeds``, the accuracy (mean over seeds) with the ends ``low`` and ``high`` of its
        95 % interval, the cost, ``below_best`` with the ends ``below_low`` and ``below_high`` of its interval
        and ``p`` where the networks were compared image by image, and ``verdict``.
    """
    rows = [_row(one, group[0], verdict.equal_cost or x, y) for group in verdict.standings for one in group]
    return PlainTable(union_of_names(rows), rows)


def _row(one: Standing, best: Standing, x: str, y: str) -> dict[str, Any]:
    row: dict[str, Any] = {"configuration": one.name, "seeds": one.seeds, y: one.accuracy}
    if one.interval is not None:
        row |= {"low": one.interval.low, "high": one.interval.high}
    row |= {x: one.cost, "below_best": best.accuracy - one.accuracy}
    if one.difference is not None and one.difference.interval is not None:
        ends = one.difference.interval
        row |= {"below_low": ends.low, "below_high": ends.high, "p": one.difference.p}
    return row | {"verdict": _word(one, best)}


def _word(one: Standing, best: Standing) -> str:
    if one.is_at_chance:
        return "stayed at chance"
    if one.accuracy == best.accuracy:
        return "best"
    if one.margin is None:
        return "noise not known"
    return "worse" if one.is_told_apart else "within the noise"
