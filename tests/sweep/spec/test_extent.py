"""How much there is to do, by what the study holds; how long, by who works."""

from __future__ import annotations

import pytest

from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.sweep.spec.extent import Extent, seconds_left


def test_a_small_space_is_the_total_and_points_that_cannot_be_trained_leave_it() -> None:
    spec = spec_of("arch.depth=range(3,7)", "arch.width=4,8,12", "sweep.name=small")
    scheduler = scheduler_of(spec)
    assert spec.extent.total([]) == 12  # of 20 by default

    drain(scheduler)

    trials = scheduler.study.get_trials()
    assert spec.extent.total(trials) == 9, "depth 3 has too few convolutions for four blocks"
    assert sum(trial.state.name == "COMPLETE" for trial in trials) == 9


def test_a_point_that_is_another_ones_configuration_leaves_the_total() -> None:
    spec = spec_of("arch.depth=4,5", "train.threshold_acc=0.8,0.9", "sweep.name=twice")
    scheduler = scheduler_of(spec)

    drain(scheduler)

    assert spec.extent.total(scheduler.study.get_trials()) == 2


def test_replicates_count_for_themselves() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.replicates=3", "sweep.name=thrice")
    scheduler = scheduler_of(spec)
    assert spec.extent.total([]) == 6

    tasks, _ = drain(scheduler)

    assert len(tasks) == spec.extent.total(scheduler.study.get_trials()) == 6


@pytest.mark.parametrize(
    ("extent", "total"),
    [
        (Extent(n_trials=20, space_size=200), 20),
        (Extent(n_trials=20, space_size=None), 20),
        (Extent(n_trials=5, replicates=3, space_size=4), 5),
        (Extent(), None),
    ],
)
def test_total_is_never_more_than_was_asked_for(extent: Extent, total: int | None) -> None:
    assert extent.total([]) == total


@pytest.mark.parametrize(
    ("trials", "begun", "workers", "expected"),
    [
        (4, [], 1, 40.0),
        (4, [], 2, 20.0),
        (5, [], 2, 30.0),
        (4, [10.0, 5.0], 2, 15.0),
        (1, [4.0], 8, 6.0),
        (1, [25.0], 1, 0.0),  # longer than most: it may end at any moment
        (6, [0.0, 0.0, 0.0], 2, 20.0),  # a third host has joined
        (0, [], 2, 0.0),
    ],
)
def test_workers_share_what_is_left(trials: int, begun: list[float], workers: int, expected: float) -> None:
    assert seconds_left(trials, 10.0, begun, workers) == expected
