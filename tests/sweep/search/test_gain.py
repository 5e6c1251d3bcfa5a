from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.results.statistics.hypervolume import dominated_area
from vggsweep.sweep.search.gain import Front

POINT = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 3.0))
POINTS = st.lists(POINT, min_size=1, max_size=8)
REFERENCE = (0.2, 2.5)


def area(points: list[tuple[float, float]]) -> float:
    """The same by the function that tables and reports use."""
    losses = np.array([(-accuracy, cost) for accuracy, cost in points])
    return dominated_area(losses, np.array([-REFERENCE[0], REFERENCE[1]]))


def front_of(points: list[tuple[float, float]]) -> Front:
    accuracies, costs = np.array(points).T
    return Front.of(accuracies, costs, REFERENCE)


@given(POINTS)
def test_hypervolume_is_that_of_the_tables(points: list[tuple[float, float]]) -> None:
    assert np.isclose(front_of(points).hypervolume, area(points), atol=1e-9)


@given(POINTS, POINT)
def test_a_gain_is_the_area_that_a_point_adds(
    points: list[tuple[float, float]], new: tuple[float, float]
) -> None:
    gain = front_of(points).gains(np.array([new[0]]), np.array([new[1]]))
    assert np.isclose(gain[0], area([*points, new]) - area(points), atol=1e-9)


def test_expected_gain_and_chance_are_those_of_many_draws() -> None:
    front = front_of([(0.5, 0.5), (0.7, 1.0), (0.8, 2.0)])
    mean, deviation, cost = np.array([0.72]), np.array([0.08]), np.array([0.8])
    draws = np.random.default_rng(0).normal(mean, deviation, size=200_000)
    gains = front.gains(draws, np.full(draws.shape, cost))
    assert np.isclose(front.expected_gains(mean, deviation, cost)[0], gains.mean(), rtol=0.02)
    for least in (0.0, 0.01, 0.1):
        chance = front.chances(mean, deviation, cost, least)[0]
        assert np.isclose(chance, (gains > least).mean(), atol=0.005)


def test_a_network_at_the_reference_cost_adds_nothing() -> None:
    front = front_of([(0.5, 0.5)])
    dear = np.array([REFERENCE[1]])
    assert front.expected_gains(np.array([0.99]), np.array([0.1]), dear)[0] == 0.0
    assert front.chances(np.array([0.99]), np.array([0.1]), dear, 0.0)[0] == 0.0
