"""The learning rate that suits each network, on accuracies whose optimum is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.results.best_rates import best_rates

RATES = (0.02, 0.05, 0.12, 0.3, 0.75)
Point = tuple[str, float, float]


def accuracy(rate: float, optimum: float, least_error: float = 0.1, curvature: float = 0.1) -> float:
    """On a parabola of the logarithms."""
    return 1 - least_error * float(np.exp(curvature * np.log(rate / optimum) ** 2))


def points(optima: dict[str, float], rates: tuple[float, ...] = RATES) -> list[Point]:
    return [(name, rate, accuracy(rate, optimum)) for name, optimum in optima.items() for rate in rates]


def test_the_optimum_between_two_rates_is_found() -> None:
    found = best_rates(points({"shallow": 0.2, "deep": 0.06}))

    assert found["shallow"].rate == pytest.approx(0.2, rel=0.01)
    assert found["deep"].rate == pytest.approx(0.06, rel=0.01)
    assert not any(one.is_on_edge for one in found.values())


@pytest.mark.parametrize(("optimum", "end"), [(0.005, 0.02), (4.0, 0.75)])
def test_an_optimum_outside_of_what_was_searched_is_its_end_and_flagged(optimum: float, end: float) -> None:
    found = best_rates(points({"a": optimum, "b": 0.12}))

    assert (found["a"].rate, found["a"].is_on_edge) == (end, True)
    assert (found["a"].low, found["a"].high) == (0.02, 0.75)
    assert not found["b"].is_on_edge


def test_a_rate_at_which_a_network_does_not_learn_hardly_moves_its_optimum() -> None:
    table = points({"a": 0.12, "b": 0.12})
    fallen = [(name, rate, 0.1 if rate == 0.75 else value) for name, rate, value in table]

    assert best_rates(fallen)["a"].rate == pytest.approx(0.12, rel=0.25)


def test_networks_share_what_they_learn_so_that_rates_lie_nearer_to_the_truth_than_the_best_trials() -> None:
    random = np.random.default_rng(0)
    ours, picked = [], []
    for _ in range(40):
        noisy = [(name, r, v + random.normal(0, 0.004)) for name, r, v in points(dict.fromkeys("abcde", 0.1))]
        found = best_rates(noisy)
        for name in "abcde":
            ours.append(abs(np.log(found[name].rate / 0.1)))
            best = max((one for one in noisy if one[0] == name), key=lambda one: one[2])
            picked.append(abs(np.log(best[1] / 0.1)))

    assert np.mean(ours) < 0.5 * np.mean(picked)


def test_without_a_bottom_the_best_trial_decides() -> None:
    hill = [("a", rate, 0.9 - 0.1 * (rate == 0.1)) for rate in (0.01, 0.1, 1.0)]

    assert best_rates(hill)["a"].rate == 0.01
    assert best_rates(hill)["a"].is_on_edge


def test_no_trial_has_no_rate() -> None:
    assert best_rates([]) == {}


@given(st.permutations(points({"a": 0.2, "b": 0.06, "c": 0.1})))
def test_the_order_of_the_trials_changes_nothing(shuffled: list[Point]) -> None:
    found, expected = best_rates(shuffled), best_rates(points({"a": 0.2, "b": 0.06, "c": 0.1}))

    assert {name: one.rate for name, one in found.items()} == pytest.approx(
        {name: one.rate for name, one in expected.items()}, rel=0.011
    )


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"), st.sampled_from(RATES), st.floats(min_value=0.0, max_value=1.0, width=32)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_a_rate_never_lies_outside_of_what_its_network_was_trained_at(table: list[Point]) -> None:
    for name, one in best_rates(table).items():
        own = [rate for network, rate, _ in table if network == name]
        assert min(own) <= one.rate <= max(own)
