"""The knee: the point of the front farthest above the line between its ends."""

from __future__ import annotations

import pytest

from tests.results.made_tables import results
from vggsweep.results.statistics.knee import knee


def table_of(*points: tuple[int, float]):  # type: ignore[no-untyped-def]
    return results(*({"macs": macs, "val_acc": acc} for macs, acc in points))


def test_bend_of_the_front_is_found_on_the_logarithm_of_the_cost() -> None:
    # On a linear axis the line from (1, .5) to (1000, .9) lies lowest under 10; on the logarithm under 100.
    assert knee(table_of((1, 0.5), (10, 0.65), (100, 0.88), (1000, 0.9))) == 2


def test_dominated_points_have_no_say() -> None:
    assert knee(table_of((1, 0.5), (10, 0.8), (11, 0.1), (100, 0.9))) == 1


@pytest.mark.parametrize(
    "points",
    [
        [(1, 0.5)],
        [(1, 0.5), (10, 0.9)],
        [(1, 0.5), (10, 0.9), (10, 0.9)],
        [(1, 0.5), (10, 0.6), (100, 0.9)],  # bends the other way
        [(1, 0.5), (10, 0.7), (100, 0.9)],  # straight
    ],
)
def test_front_that_bends_nowhere_has_no_knee(points: list[tuple[int, float]]) -> None:
    assert knee(table_of(*points)) is None


def test_fronts_of_several_machines_have_no_common_knee() -> None:
    rows = [{"latency_ms_p50": 10.0**at, "val_acc": acc} for at, acc in enumerate((0.5, 0.8, 0.9))]

    assert knee(results(*rows), "latency_ms_p50") == 1
    assert knee(results(*rows, {**rows[0], "device": "a GPU"}), "latency_ms_p50") is None
