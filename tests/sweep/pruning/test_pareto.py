from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.sweep.pruning.pareto import is_stopped, pareto_rungs, standard_error

RUNG = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 5).map(float)), max_size=12)


@given(RUNG, st.floats(0, 0.1))
def test_the_best_of_its_cost_is_never_stopped_however_dear(
    before: list[tuple[float, float]], margin: float
) -> None:
    best = max((score for score, cost in before if cost <= 3.0), default=0.0)
    assert not is_stopped(best + 1e-6, 3.0, before, margin)


@given(RUNG, st.floats(0, 1), st.integers(0, 5).map(float))
def test_a_wider_margin_stops_no_more(before: list[tuple[float, float]], score: float, cost: float) -> None:
    stopped = [is_stopped(score, cost, before, margin) for margin in (0.0, 0.01, 0.1, 0.5)]
    assert all(narrow or not wide for narrow, wide in pairwise(stopped))


def test_a_better_network_stops_only_those_that_cost_as_much() -> None:
    before = [(0.9, 2e6)]
    assert is_stopped(0.8, 2e6, before, margin=0.05)
    assert is_stopped(0.8, 3e6, before, margin=0.05)
    assert not is_stopped(0.8, 1.9e6, before, margin=0.05)


def test_a_difference_of_just_the_margin_is_enough() -> None:
    assert is_stopped(0.5, 1.0, [(0.75, 1.0)], margin=0.25)
    assert not is_stopped(0.5, 1.0, [(0.75, 1.0)], margin=0.26)


def test_nobody_is_stopped_where_nobody_came_before() -> None:
    assert not is_stopped(0.0, 1e9, [], margin=0.0)


def test_fewer_images_are_a_wider_margin() -> None:
    assert standard_error(0.5, 100) == 0.05
    assert standard_error(0.5, 10_000) == 0.005
    assert standard_error(1.0, 100) == standard_error(0.98, 100) > 0


def test_rungs_end_before_the_last_epoch() -> None:
    settings = ParetoSettings(name="pareto", first_rung=2, rung_factor=3, margin=1.0)
    assert pareto_rungs(settings, 18) == [2, 6]
    assert pareto_rungs(settings, 19) == [2, 6, 18]
    assert pareto_rungs(settings, 2) == []


def test_the_first_rung_is_a_quarter_of_the_training() -> None:
    settings = ParetoSettings(name="pareto", first_rung=None, rung_factor=2, margin=1.0)
    found = {epochs: pareto_rungs(settings, epochs) for epochs in (1, 2, 4, 8, 20)}
    assert found == {1: [], 2: [1], 4: [1, 2], 8: [2, 4], 20: [5, 10]}
