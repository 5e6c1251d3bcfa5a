"""Whose weights a sweep keeps while its front moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.processes import Command
from tests.sweep.conftest import finish, record_of, scheduler_of, spec_of
from vggsweep.errors import ConfigError
from vggsweep.model import load_model
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.record import read_record, write_record
from vggsweep.sweep.scheduling.decisions import Assignment, Stop
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.spec.spec import SweepSpec

LINE = ("arch.depth=4", "arch.width=2,4,8,16", "sweep.name=s", "hydra/sweeper/sampler=grid")


def train(scheduler: TrialScheduler, accuracies: Mapping[int, float]) -> None:
    """Finish the trials to come, each with weights and the accuracy of its width; MACs grow with it."""
    while isinstance(step := scheduler.next(), Assignment):
        step.directory.weights.write_bytes(b"weights")
        finish(scheduler, step, val_acc=accuracies[step.plain["arch"]["width"]])


def kept(spec: SweepSpec) -> set[int]:
    """Widths whose weights are there."""
    found = set()
    for number in range(10):
        directory = spec.directory.trial(number)
        if directory.weights.exists():
            words = directory.record.read_text()
            found.add(next(width for width in (2, 4, 8, 16) if f'"arch.width": {width}\n' in words))
    return found


@pytest.mark.parametrize(
    ("objective", "accuracies", "left"),
    [
        ("val_acc", {2: 0.5, 4: 0.9, 8: 0.7, 16: 0.8}, {4}),
        ("val_acc", {2: 0.5, 4: 0.9, 8: 0.7, 16: 0.9}, {4, 16}),
        ("acc_vs_macs", {2: 0.5, 4: 0.9, 8: 0.7, 16: 0.95}, {2, 4, 16}),
    ],
    ids=["the best", "equals of the best", "a front of three"],
)
def test_weights_are_those_of_the_front_and_no_others(
    objective: str, accuracies: Mapping[int, float], left: set[int]
) -> None:
    spec = spec_of(*LINE, f"objective={objective}", "sweep.keep=front")

    train(scheduler_of(spec), accuracies)

    assert kept(spec) == left


def test_without_the_word_no_weights_are_removed() -> None:
    spec = spec_of(*LINE)

    train(scheduler_of(spec), {2: 0.5, 4: 0.9, 8: 0.7, 16: 0.8})

    assert kept(spec) == {2, 4, 8, 16}


def test_weights_that_a_person_asked_for_stay_when_the_front_leaves_them() -> None:
    asked = spec_of(*LINE, "train.keep_weights=true", "sweep.n_trials=2")
    train(scheduler_of(asked), dict.fromkeys((2, 4, 8, 16), 0.5))
    before = kept(asked)
    spec = spec_of(*LINE, "sweep.keep=front", "sweep.n_trials=4")

    train(scheduler_of(spec), dict.fromkeys((2, 4, 8, 16), 0.6))

    assert len(before) == 2
    assert kept(spec) == {2, 4, 8, 16}


def test_weights_trained_again_on_request_stay_when_the_front_leaves_them() -> None:
    spec = spec_of(*LINE, "sweep.keep=front")
    scheduler = scheduler_of(spec)
    step = scheduler.next()
    assert isinstance(step, Assignment)
    step.directory.weights.write_bytes(b"weights")
    step.directory.retrained.path.mkdir()
    write_record(record_of(step), step.directory.retrained.path)
    finish(scheduler, step, val_acc=0.1)

    train(scheduler, dict.fromkeys((2, 4, 8, 16), 0.6))

    assert step.directory.weights.exists()


def test_a_result_that_a_killed_worker_had_not_told_moves_the_front_when_the_sweep_continues() -> None:
    spec = spec_of(*LINE, "sweep.keep=front", "sweep.n_trials=2")
    scheduler = scheduler_of(spec)
    first, second = scheduler.next(), scheduler.next()
    assert isinstance(first, Assignment)
    assert isinstance(second, Assignment)
    for step, accuracy in ((first, 0.5), (second, 0.9)):
        step.directory.weights.write_bytes(b"weights")
        write_record(record_of(step, val_acc=accuracy), step.directory.path)
        step.lock.release()  # as the kernel does when the process dies

    assert isinstance(scheduler_of(spec).next(), Stop)

    assert second.directory.weights.exists()
    assert not first.directory.weights.exists()


def test_all_seeds_of_the_best_configuration_keep_their_weights() -> None:
    spec = spec_of(
        "arch.depth=4", "arch.width=2,4", "sweep.name=s", "sweep.replicates=2", "sweep.n_trials=4",
        "sweep.keep=front",
    )  # fmt: skip
    scores = iter((0.5, 0.7, 0.65, 0.65))
    scheduler = scheduler_of(spec)
    weights = {}
    while isinstance(step := scheduler.next(), Assignment):
        step.directory.weights.write_bytes(b"weights")
        weights[step.number] = step
        finish(scheduler, step, val_acc=next(scores))

    widths = [one.plain["arch"]["width"] for one in weights.values() if one.directory.weights.exists()]
    assert len(widths) == 2
    assert len(set(widths)) == 1


def test_where_rates_are_searched_the_networks_at_their_own_keep_their_weights() -> None:
    spec = spec_of(
        "arch.depth=4,5", "optimizer.lr=0.02,0.1,0.6", "sweep.fair_lr=2", "sweep.name=s", "n_trials=14",
        "sweep.keep=front",
    )  # fmt: skip
    scheduler = scheduler_of(spec)
    found = []
    while isinstance(step := scheduler.next(), Assignment):
        step.directory.weights.write_bytes(b"weights")
        rate, seed = step.plain["optimizer"]["lr"], step.plain["seed"]
        found.append((step, seed > 0 and rate != 0.1))
        luckiest = seed == 0 and rate == 0.1 and step.plain["arch"]["depth"] == 4
        finish(scheduler, step, val_acc=0.9 if luckiest else 0.5 + (0.1 if rate == 0.1 else 0) + seed / 100)

    kept = {one.number for one, _ in found if one.directory.weights.exists()}
    assert sum(is_own for _, is_own in found) == 4
    assert kept == {one.number for one, is_own in found if is_own} | {1}, "the luckiest stays as well"


def test_both_words_that_keep_weights_are_refused_together() -> None:
    with pytest.raises(ConfigError, match="train.keep_weights=true keeps the weights of every trial"):
        spec_of(*LINE, "train.keep_weights=true", "sweep.keep=front")


@pytest.mark.parametrize(
    "workers",
    [(), pytest.param(("n_workers=2", "hydra/launcher=joblib"), marks=pytest.mark.slow)],
    ids=["alone", "two workers"],
)
def test_a_real_sweep_that_was_killed_and_continued_holds_the_best_networks_and_no_others(
    start: Callable[..., Command], workers: tuple[str, ...]
) -> None:
    line = ("-m", "arch.width=2,4", "seed=3", "sweep.name=s", "sweep.keep=front", "train.epochs=1")
    killed = start(*line, killed_after="vggsweep.trial.write_record")
    assert killed.end() == -9

    again = start(*line, *workers)

    assert again.end() == 0, again.text
    directory = sweep_directory("s")
    found = {number: read_record(directory.trial(number).record) for number in (0, 1)}
    highest = max(record.metrics["val_acc"] for record in found.values())
    best = {number for number, record in found.items() if record.metrics["val_acc"] == highest}
    assert {number for number in found if directory.trial(number).weights.exists()} == best
    assert load_model("s/best").class_names
