from __future__ import annotations

import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from tests.sweep.search.conftest import DEPTH_WIDTH, Point, Search, macs_of
from vggsweep.sweep.spec.samplers import fixing
from vggsweep.sweep.spec.search_space import point_key
from vggsweep.sweep.storage.trial_attrs import DUPLICATE_OF, RUNG


def rising(point: Point) -> float:
    """Wider is better, and there is a best depth, which grows with width: as on real pictures."""
    best = 4 + math.log2(point["arch.width"])
    return 0.7 + 0.06 * math.log2(point["arch.width"]) - 0.004 * (point["arch.depth"] - best) ** 2


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_it_finds_the_front_of_a_known_surface_in_a_quarter_of_the_space(seed: int, noise: float) -> None:
    search = Search(rising, noise=noise, seed=seed)
    search.run(20)
    assert search.share() > 0.94


def test_no_point_is_proposed_twice_until_the_space_is_done() -> None:
    search = Search(
        rising, distributions={"arch.depth": IntDistribution(4, 9), "arch.width": IntDistribution(4, 8)}
    )
    points = search.run(30)
    assert len({point_key(point) for point in points}) == 30 == search.space.size


def test_a_flat_surface_is_searched_from_its_cheap_end() -> None:
    search = Search(lambda _: 0.1)
    points = search.run(12)
    assert points[0] == {"arch.depth": 4, "arch.width": 4}
    assert len({point_key(point) for point in points}) == 12


def test_ties_are_no_trouble() -> None:
    search = Search(lambda point: 0.8 if point["arch.width"] >= 16 else 0.7)
    search.run(14)
    assert search.share() > 0.95


def test_what_is_no_network_is_never_proposed_though_its_corner_be_the_best() -> None:
    search = Search(rising, is_feasible=lambda point: point["arch.depth"] * point["arch.width"] <= 150)
    points = search.run(16)
    assert all(search.is_feasible(point) for point in points)
    assert search.share() > 0.95


def test_an_interrupted_search_proposes_what_an_uninterrupted_one_would() -> None:
    whole = Search(rising, noise=0.005)
    points = whole.run(12)
    first = Search(rising, noise=0.005)
    first.run(7)
    assert first.run(5) == points[7:]


def test_workers_beside_each_other_propose_different_networks_and_find_the_front() -> None:
    search = Search(rising)
    for _ in range(5):
        asked = [search.ask() for _ in range(3)]
        assert len({point_key(trial.params) for trial in asked}) == 3
        for trial in asked:
            search.tell(trial)
    assert search.share() > 0.93


def test_a_trial_that_was_stopped_or_failed_is_not_proposed_again() -> None:
    search = Search(rising)
    seen = []
    for number in range(12):
        trial = search.ask()
        seen.append(point_key(trial.params))
        if number % 3 == 1:
            state = TrialState.PRUNED if number % 2 else TrialState.FAIL
            search.study.tell(trial, state=state)
        else:
            search.tell(trial)
    assert len(set(seen)) == 12


def test_repeats_of_one_network_are_no_three_networks() -> None:
    search = Search(rising)
    point = {"arch.depth": 4, "arch.width": 4}
    for number in range(3):
        search.study.add_trial(
            create_trial(
                params=point,
                distributions=DEPTH_WIDTH,
                values=[rising(point), macs_of(point)],
                user_attrs={DUPLICATE_OF: 0} if number else {},
            )
        )
    assert search.sampler().believe(search.study.get_trials()) is None
    assert search.ask().params["arch.depth"] == 12  # still one far along each parameter


def test_stopped_trials_say_through_their_rungs_where_not_to_look() -> None:
    """With every wide network stopped at a rung, the search still learns that width pays."""

    def finished(search: Search) -> float:
        widths = []
        for _ in range(16):
            trial = search.ask()
            trial.set_user_attr(f"{RUNG}1", {"score": rising(trial.params) / 2})
            widths.append(trial.params["arch.width"])
            if trial.params["arch.depth"] > 7:
                search.study.tell(trial, state=TrialState.PRUNED)
            else:
                search.tell(trial)
        return search.share()

    search = Search(rising)
    assert finished(search) > 0.9


def test_trials_that_were_stopped_count_among_the_first_ones() -> None:
    """Where most of the first trials are stopped, the model still chooses from the fourth known one on."""
    search = Search(rising, distributions={**DEPTH_WIDTH, "arch.num_blocks": IntDistribution(3, 4)})
    for number in range(4):
        trial = search.ask()
        trial.set_user_attr(f"{RUNG}1", {"score": rising(trial.params) / 2})
        assert search.sampler().believe(search.study.get_trials()) is None
        if number < 3:
            search.tell(trial)
        else:
            search.study.tell(trial, state=TrialState.PRUNED)
    assert search.sampler().believe(search.study.get_trials()) is not None


def test_what_does_not_move_the_cost_begins_in_the_middle() -> None:
    """A range of learning rates is put around the best one: its ends wait until the model hopes for them."""

    def accuracy(point: Point) -> float:
        return rising(point) - 0.05 * abs(math.log10(point["optimizer.lr"]) + 1)

    rates = CategoricalDistribution([0.01, 0.03, 0.1, 0.3, 1.0])
    search = Search(accuracy, distributions={**DEPTH_WIDTH, "optimizer.lr": rates})
    points = search.run(16)
    assert points[0] == {"arch.depth": 4, "arch.width": 4, "optimizer.lr": 0.1}
    assert [point["optimizer.lr"] for point in points[1:3]] == [0.1, 0.1]
    assert points[1]["arch.depth"] > 8 and points[2]["arch.width"] > 16
    assert search.share() > 0.88  # of 360 points


def test_categories_and_endless_spaces_are_searched_too() -> None:
    def accuracy(point: Point) -> float:
        good = {"sgd": 0.05, "adam": 0.0, "rmsprop": -0.05}[point["optimizer"]]
        lr = -0.02 * (math.log10(point["optimizer.lr"]) + 2) ** 2
        return 0.7 + good + lr + 0.05 * math.log2(point["arch.width"])

    search = Search(
        accuracy,
        distributions={
            "arch.width": IntDistribution(4, 32, step=4),
            "optimizer": CategoricalDistribution(["adam", "rmsprop", "sgd"]),
            "optimizer.lr": FloatDistribution(1e-4, 1.0, log=True),
        },
        cost=lambda point: 1000.0 * point["arch.width"] ** 2,
    )
    points = search.run(24)
    late = points[12:]
    assert sum(point["optimizer"] == "sgd" for point in late) > len(late) / 2
    best = max(accuracy(point) - 0.05 * math.log2(point["arch.width"]) for point in points)
    assert best > 0.74  # of .75 at the best rate with sgd


def test_a_measured_cost_is_learned() -> None:
    """Latency that is not in the order of the MACs: deep networks are slow."""
    search = Search(rising)
    trials = []
    for _ in range(14):
        search.study.sampler = search.sampler("acc_vs_latency")
        trial = search.study.ask(search.distributions)
        trials.append(trial)
        search.study.tell(trial, [rising(trial.params), trial.params["arch.depth"] ** 2 * 0.1])
    shallow = [trial.params["arch.depth"] for trial in trials[4:]]
    assert np.mean(shallow) < 7.5  # of 4 … 12


def test_a_baseline_with_some_parameters_given_gets_the_others_at_random() -> None:
    search = Search(rising)
    search.study.sampler = fixing(search.sampler(), {"arch.depth": 9})
    trial = search.study.ask(DEPTH_WIDTH)
    assert trial.params["arch.depth"] == 9
    assert trial.params["arch.width"] in range(4, 33, 4)
