from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.sweep.pruning.pareto import crowding_distances, front_numbers, is_stopped, rank

KEEP = ParetoSettings(name="pareto", first_rung=1, rung_factor=2, eta=3, keep_front=True)
PAPER = ParetoSettings(name="pareto", first_rung=1, rung_factor=2, eta=3, keep_front=False)
LOSSES = st.integers(1, 12).flatmap(
    lambda n: arrays(np.float64, (n, 2), elements=st.integers(0, 5).map(float))
)


def dominates(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a <= b).all() and (a < b).any())


@given(LOSSES)
def test_front_numbers_equal_peeling_by_hand(losses: np.ndarray) -> None:
    left = set(range(len(losses)))
    expected = np.zeros(len(losses), dtype=int)
    number = 0
    while left:
        front = {i for i in left if not any(dominates(losses[j], losses[i]) for j in left)}
        for i in front:
            expected[i] = number
        left -= front
        number += 1
    assert front_numbers(losses).tolist() == expected.tolist()


@given(LOSSES)
def test_rank_is_a_permutation_that_never_puts_a_later_front_first(losses: np.ndarray) -> None:
    fronts = front_numbers(losses)
    order = rank(losses, fronts)
    assert sorted(order.tolist()) == list(range(len(losses)))
    assert (np.diff(fronts[order]) >= 0).all()


@given(LOSSES)
def test_trial_on_its_rungs_front_is_never_stopped_by_default(losses: np.ndarray) -> None:
    if front_numbers(losses)[-1] == 0:
        assert not is_stopped(KEEP, losses.tolist())


def test_dominated_trial_is_stopped_once_a_third_can_be_told() -> None:
    good = [[0.1, 1.0], [0.2, 0.5]]
    assert not is_stopped(KEEP, [good[0], [0.5, 2.0]])
    assert is_stopped(KEEP, [*good, [0.5, 2.0]])


def test_papers_rule_may_stop_a_crowded_member_of_the_front() -> None:
    front = [[0.1, 1.0], [0.2, 0.9], [0.9, 0.1], [0.15, 0.95]]
    assert not is_stopped(KEEP, front)
    assert is_stopped(PAPER, front)


def test_one_objective_is_plain_successive_halving() -> None:
    assert is_stopped(KEEP, [[0.1], [0.2], [0.3]])
    assert not is_stopped(KEEP, [[0.3], [0.2], [0.1]])


def test_a_third_of_those_at_a_rung_goes_on_and_not_one_more() -> None:
    before = [[loss] for loss in (0.1, 0.2, 0.3, 0.4, 0.5)]
    assert not is_stopped(PAPER, [*before, [0.15]])  # the second of six
    assert is_stopped(PAPER, [*before, [0.25]])  # the third


def test_of_equal_trials_the_earlier_goes_on() -> None:
    assert is_stopped(PAPER, [[0.1]] * 3)


def test_ends_of_a_front_are_the_loneliest() -> None:
    distances = crowding_distances(np.array([[0.0, 4.0], [1.0, 3.0], [4.0, 0.0]]))
    assert np.isinf(distances[[0, 2]]).all()
    assert distances[1] == 2.0
