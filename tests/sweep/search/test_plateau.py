from __future__ import annotations

import numpy as np

from tests.sweep.search.conftest import Point, Search
from tests.sweep.search.test_known_cost import rising
from vggsweep.sweep.search.belief import Belief
from vggsweep.sweep.search.gain import Front
from vggsweep.sweep.search.plateau import find_plateau, gain_chances


def until_plateau(search: Search, most: int = 60) -> int:
    for number in range(most):
        trials = search.study.get_trials()
        if find_plateau(search.sampler(), trials, share=0.01, risk=0.05) is not None:
            return number
        search.run(1)
    return most


def test_a_search_ends_once_little_can_be_gained_and_not_before() -> None:
    search = Search(rising, noise=0.002)
    trials = until_plateau(search)
    assert 8 <= trials <= 50  # of 72 points
    assert search.share() > 0.93


def test_a_surface_that_keeps_rising_is_searched_on() -> None:
    def steep(point: Point) -> float:
        return rising(point) if point["arch.width"] < 32 else 0.99

    search = Search(rising, noise=0.002)
    search.run(6)
    assert find_plateau(search.sampler(), search.study.get_trials(), share=0.01, risk=0.05) is None


def test_nothing_is_said_before_the_model_has_its_first_trials() -> None:
    search = Search(rising)
    search.run(2)
    assert find_plateau(search.sampler(), search.study.get_trials(), share=0.5, risk=0.99) is None


def test_a_chance_is_that_of_a_gain_larger_than_the_share() -> None:
    front = Front.of(np.array([0.5]), np.array([1.0]), (0.0, 2.0))  # area .5
    belief = Belief(
        np.arange(2), np.array([0.55, 0.50]), np.array([0.1, 0.1]), np.array([1.0, 1.0]), front, 0.0
    )
    half, less = gain_chances(belief, 0.1)  # more than .05 of area: an accuracy above .55
    assert np.isclose(half, 0.5, atol=1e-6)
    assert 0.3 < less < 0.32


def test_its_reason_is_a_sentence() -> None:
    search = Search(lambda point: 0.5 + point["arch.width"] * 1e-6)
    for _ in range(30):
        search.run(1)
        plateau = find_plateau(search.sampler(), search.study.get_trials(), share=0.5, risk=0.5)
        if plateau is not None:
            assert "raises the hypervolume by more than 50.00%" in str(plateau)
            assert "below sweep.plateau_risk=0.5" in str(plateau)
            return
    raise AssertionError("a flat surface has a plateau")
