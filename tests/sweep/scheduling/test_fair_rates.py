"""A sweep with ``sweep.fair_lr``: a search of learning rates, then the comparison with fresh seeds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.sweep.conftest import drain, finish, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, Wait
from vggsweep.sweep.spec.spec import SweepSpec

WORDS = ("arch.depth=4,8", "optimizer.lr=choice(0.01,0.05,0.25,1.25)", "sweep.fair_lr=2", "n_trials=16")
OPTIMA = {4: 0.3, 8: 0.05}


@pytest.fixture
def fair() -> SweepSpec:
    """Two networks, four rates, two fresh seeds: 8 trials search, 8 compare."""
    return spec_of(*WORDS)


def point(assignment: Assignment) -> tuple[int, float, int]:
    plain = assignment.plain
    return plain["arch"]["depth"], plain["optimizer"]["lr"], plain["seed"]


def score(assignment: Assignment) -> float:
    depth, rate, seed = point(assignment)
    return 0.9 - 0.02 * float(np.log(rate / OPTIMA[depth]) ** 2) - 0.001 * seed


def test_every_rate_is_searched_and_then_each_network_compared_with_fresh_seeds(fair: SweepSpec) -> None:
    assignments, stop = drain(scheduler_of(fair), score)
    points = [point(one) for one in assignments]
    search, comparison = points[:8], points[8:]

    assert {seed for *_, seed in search} == {0}
    assert Counter(seed for *_, seed in comparison) == {1: 4, 2: 4}, "no seed of the search is used again"
    assert {seed for *_, seed in comparison[:4]} == {1}, "all networks have a seed before any has the next"
    rates = {depth: {rate for d, rate, _ in comparison if d == depth} for depth in OPTIMA}
    for depth, optimum in OPTIMA.items():
        own = rates[depth] - {0.1}
        assert 0.1 in rates[depth], "the common rate"
        assert own.pop() == pytest.approx(optimum, rel=0.2)
        assert not own
    assert "all 16 trials are done" in stop.reason


def test_without_a_limit_the_sweep_ends_when_all_are_compared() -> None:
    spec = spec_of("arch.depth=4,8", "optimizer.lr=0.01,0.05,0.25", "sweep.fair_lr=1", "n_trials=99")
    assignments, stop = drain(scheduler_of(spec), score)

    assert (len(assignments), stop.is_early) == (10, False)
    assert "own learning rate" in stop.reason


def test_the_comparison_waits_until_every_rate_has_a_result(fair: SweepSpec) -> None:
    first, second = scheduler_of(fair, "first"), scheduler_of(fair, "second")
    for _ in range(7):
        step = first.next()
        assert isinstance(step, Assignment)
        finish(first, step, val_acc=score(step))
    last = first.next()
    assert isinstance(last, Assignment)

    assert isinstance(second.next(), Wait)
    finish(first, last, val_acc=score(last))
    begun = second.next()
    assert isinstance(begun, Assignment)
    assert point(begun)[2] == 1
    begun.lock.release()


def test_a_sweep_that_was_stopped_goes_on_with_the_rates_that_it_began_with(fair: SweepSpec) -> None:
    whole = [point(one) for one in drain(scheduler_of(fair), score)[0]]
    other = spec_of(*WORDS, "sweep.name=again")
    done: list[tuple[int, float, int]] = []
    while True:
        scheduler = scheduler_of(other)  # a new process for every trial
        step = scheduler.next()
        if isinstance(step, Stop):
            break
        assert isinstance(step, Assignment)
        finish(scheduler, step, val_acc=score(step))
        done.append(point(step))

    assert done == whole


def test_more_rates_go_on_with_the_search_and_compare_at_the_rates_that_it_moves() -> None:
    words = ("arch.depth=4,8", "sweep.fair_lr=1", "n_trials=99", "sweep.name=wider")
    before = _continued(spec_of(*words, "optimizer.lr=choice(0.01,0.02,0.05)"))
    after = _continued(spec_of(*words, "optimizer.lr=choice(0.01,0.02,0.05,0.25,1)"))

    assert {rate for _, rate, seed in before if seed} == {0.1, 0.05}, "the end of what was searched"
    search, comparison = [[one for one in after if bool(one[2]) is is_fresh] for is_fresh in (False, True)]
    assert sorted(search) == [(depth, rate, 0) for depth in (4, 8) for rate in (0.25, 1.0)]
    own = {depth: rate for depth, rate, _ in comparison}
    assert own[4] == pytest.approx(0.3, rel=0.2)
    assert 0.1 not in own.values(), "what was compared already is not trained again"


def _continued(spec: SweepSpec) -> list[tuple[int, float, int]]:
    spec.directory.trials.mkdir(parents=True, exist_ok=True)
    check_same_sweep(spec)
    join_study(spec)
    save_spec(spec)
    return [point(one) for one in drain(scheduler_of(spec), score)[0]]


def test_a_study_that_was_made_anew_from_records_knows_what_was_compared(fair: SweepSpec) -> None:
    whole = _continued(fair)
    for file in fair.directory.path.glob("study.db*"):
        file.unlink()

    assert run_verb("repair", [fair.name]) == 0
    assert len(whole) == 16
    assert _continued(replace(fair, settings=replace(fair.settings, n_trials=99))) == []


def test_a_rate_that_fails_is_left_out_of_the_fit(fair: SweepSpec) -> None:
    scheduler = scheduler_of(fair)
    done = []
    while isinstance(step := scheduler.next(), Assignment):
        state = "FAIL" if point(step)[1] == 1.25 else "COMPLETE"
        finish(scheduler, step, val_acc=score(step), state=state)
        done.append(point(step))

    own = {depth: rate for depth, rate, seed in done if seed and rate != 0.1}
    assert own[4] == pytest.approx(0.25, rel=0.2)
    assert own[8] == pytest.approx(0.05, rel=0.2)


def test_a_search_in_which_everything_failed_ends_early() -> None:
    spec = spec_of(
        *("arch.depth=4,8", "optimizer.lr=0.01,0.05,0.25", "sweep.fair_lr=1", "n_trials=99"),
        "sweep.max_failures=1",
    )
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step, state="FAIL")

    assert isinstance(step, Stop)
    assert step.is_early
    assert "no trial of the search for learning rates has finished" in step.reason
