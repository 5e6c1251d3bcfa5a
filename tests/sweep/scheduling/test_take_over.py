"""Warm starts: what an earlier sweep has trained to its end is not trained again."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState

from tests.sweep.conftest import drain, finish, record_of, scheduler_of, spec_of
from vggsweep.errors import ConfigError
from vggsweep.files import write_atomically
from vggsweep.results.disk.answers import Answers, read_answers, write_answers
from vggsweep.results.disk.history import read_history, write_history
from vggsweep.results.disk.record import Record, read_record, write_record
from vggsweep.sweep.scheduling import take_over
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, TakenOver
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import WarmStart
from vggsweep.sweep.storage.trial_attrs import scores_of

BOTH = ("arch.depth=4,5", "arch.width=4,8", "measure=none")


def earlier(*words: str, name: str = "earlier") -> SweepSpec:
    """A sweep whose trials are all done, the deeper the better."""
    spec = spec_of(*(words or BOTH), f"sweep.name={name}")
    drain(scheduler_of(spec), lambda assignment: assignment.plain["arch"]["depth"] / 10)
    return spec


def go_on(scheduler: TrialScheduler) -> tuple[list[TakenOver], list[Assignment]]:
    """To the end of a sweep: what was taken over, and what was trained."""
    taken, trained = [], []
    while not isinstance(step := scheduler.next(), Stop):
        if isinstance(step, TakenOver):
            taken.append(step)
        elif isinstance(step, Assignment):
            finish(scheduler, step, val_acc=(step.plain["arch"].get("depth") or 5) / 10)
            trained.append(step)
    return taken, trained


def misfits(spec: SweepSpec) -> list[str]:
    return WarmStart(spec.warm_start, spec.fingerprints).misfits(spec.space, spec.composer, spec.base)


def test_what_an_earlier_sweep_trained_is_taken_over_and_the_rest_is_trained() -> None:
    before = earlier().directory
    write_answers(Answers(np.arange(5) < 2, "split"), before.trial(0).answers)
    write_atomically(before.trial(1).answers, "{")
    spec = spec_of(
        *("arch.depth=4,5", "arch.width=4,8,12", "measure=none", "sweep.warm_start=earlier"),
        *("objective=acc_vs_macs", "pruner=pareto"),  # how it was searched for does not count
    )
    scheduler = scheduler_of(spec)
    taken, trained = go_on(scheduler)
    assert (len(taken), [one.plain["arch"]["width"] for one in trained]) == (4, [12, 12])
    trials = scheduler.study.get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 6
    assert {trial.values[0] for trial in trials} == {0.4, 0.5}
    for step in taken:
        record = read_record(spec.directory.trial(step.record.trial).record)
        assert record == step.record
        assert record.sweep == spec.name
        assert record.notes[-1] == f"taken over from {record.taken_over_from}"
        assert record.taken_over_from == f"earlier/{record.trial}" or record.trial >= 2
        assert record.configuration["objective"]["name"] == "acc_vs_macs"
        assert spec.fixed[-1] in record.overrides
        answers = read_answers(spec.directory.trial(record.trial).path)
        assert (answers is not None) == (record.taken_over_from == "earlier/0")
    assert misfits(spec) == []


def test_the_same_command_continues_and_needs_the_earlier_sweep_no_more() -> None:
    earlier()
    words = (*BOTH, "sweep.name=later")
    first = scheduler_of(spec_of(*words, "sweep.warm_start=earlier"))
    assert isinstance(first.next(), TakenOver)
    taken, trained = go_on(scheduler_of(spec_of(*words)))
    assert (len(taken), len(trained)) == (0, 3)


def test_several_names_stand_with_commas_or_as_a_list() -> None:
    one, other = earlier(name="one"), earlier("arch.depth=choice(6)", "measure=none", name="other")
    for written in ("one,other", "[one,other]", "'one, other'", "[one,'other']"):
        spec = spec_of("arch.depth=4,6", "measure=none", f"sweep.warm_start={written}")
        assert spec.warm_start == (one.root, other.root)


def test_a_name_that_leads_nowhere_or_to_the_sweep_itself_is_refused() -> None:
    earlier(name="quick")
    with pytest.raises(ConfigError, match="sweep.warm_start=qiuck.*Did you mean 'quick'"):
        spec_of(*BOTH, "sweep.warm_start=qiuck")
    with pytest.raises(ConfigError, match="is this sweep itself"):
        spec_of(*BOTH, "sweep.warm_start=quick", "sweep.name=quick")
    with pytest.raises(ConfigError, match="should be the name of a sweep"):
        spec_of(*BOTH, "sweep.warm_start={a: 1}")


def test_studies_in_databases_of_their_own_share_their_results_too(tmp_path: Path) -> None:
    one, other = (f"sweep.storage=sqlite:///{tmp_path / name}.db" for name in ("one", "other"))
    earlier(*BOTH, one)
    spec = spec_of(*BOTH, other, "sweep.warm_start=earlier", "objective=acc_vs_macs")
    taken, trained = go_on(scheduler_of(spec))
    assert (len(taken), len(trained)) == (4, 0)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == ["one.db", "other.db"]
    assert not spec.directory.study.exists()


def test_what_a_hook_draws_again_is_taken_over_and_the_rest_is_trained() -> None:
    words = ("space=stagewise", "measure=none", "hydra/sweeper/sampler=random")
    spec = spec_of(*words, "n_trials=3", "sweep.name=earlier")
    before, _ = drain(scheduler_of(spec))
    taken, trained = go_on(scheduler_of(spec_of(*words, "n_trials=5", "sweep.warm_start=earlier")))
    stages = [assignment.plain["arch"]["stages"] for assignment in before]
    assert [step.record.configuration["arch"]["stages"] for step in taken] == stages
    assert len(trained) == 2
    assert all(assignment.plain["arch"]["stages"] not in stages for assignment in trained)


@pytest.mark.parametrize(
    ("word", "why"),
    [
        ("train.epochs=3", "its train.epochs differs"),
        ("dataset.val_fraction=0.3", "data"),
        ("optimizer=adamw", "its optimizer"),
    ],
)
def test_other_settings_are_another_training_and_the_difference_is_said(word: str, why: str) -> None:
    earlier()
    spec = spec_of(*BOTH, word, "sweep.warm_start=earlier")
    taken, trained = go_on(scheduler_of(spec))
    assert (len(taken), len(trained)) == (0, 4)
    (line,) = misfits(spec)
    assert line.startswith("nothing in earlier fits: its ")
    assert why in line


def test_points_outside_the_space_are_said_too() -> None:
    earlier()
    assert misfits(spec_of("arch.depth=7,8", "arch.width=4,8", "sweep.warm_start=earlier")) == [
        "nothing in earlier fits: its arch.depth differs."
    ]


def test_another_seed_is_another_training_and_replicates_each_find_their_own() -> None:
    earlier("arch.depth=4,5", "measure=none", "sweep.replicates=2", "n_trials=4")
    spec = spec_of("arch.depth=4,5", "measure=none", "sweep.warm_start=earlier", "seed=1", "n_trials=2")
    taken, trained = go_on(scheduler_of(spec))
    assert (len(taken), len(trained)) == (2, 0)
    spec = spec_of("arch.depth=4,5", "measure=none", "sweep.warm_start=earlier", "sweep.replicates=3")
    scheduler = scheduler_of(spec)
    taken, trained = go_on(scheduler)
    assert (len(taken), [one.plain["seed"] for one in trained]) == (4, [2, 2])
    assert [trial.value for trial in scheduler.study.get_trials()] == pytest.approx([0.4] * 3 + [0.5] * 3)


def test_a_result_that_lacks_what_this_sweep_asks_for_is_trained_instead() -> None:
    earlier()
    for words in (
        ("objective=acc_vs_latency", "measure=default"),
        ("measure=default",),
        ("train.keep_weights=true",),
        ("train.keep_checkpoint=true",),
    ):
        spec = spec_of(
            *BOTH[:2],
            "sweep.warm_start=earlier",
            *(words if "measure=default" in words else ("measure=none", *words)),
        )
        assert isinstance(scheduler_of(spec).next(), Assignment), words


def test_failed_and_stopped_trials_are_not_taken_over() -> None:
    spec = spec_of("arch.depth=4,5", "measure=none", "sweep.name=earlier")
    scheduler = scheduler_of(spec)
    for state in ("PRUNED", "FAIL"):
        step = scheduler.next()
        assert isinstance(step, Assignment)
        finish(scheduler, step, state=state)
    again = spec_of("arch.depth=4,5", "measure=none", "sweep.warm_start=earlier")
    assert go_on(scheduler_of(again))[0] == []


def test_history_and_weights_come_along_under_the_new_identity() -> None:
    words = ("arch.depth=choice(4)", "measure=none", "train.keep_weights=true")
    spec = spec_of(*words, "sweep.name=earlier")
    scheduler = scheduler_of(spec)
    step = scheduler.next()
    assert isinstance(step, Assignment)
    rows = [
        {"epoch": 1, "val_acc": 0.3, "averaged_val_acc": None},
        {"epoch": 2, "val_acc": 0.5, "averaged_val_acc": 0.6},
    ]
    write_history(rows, step.directory.history, step.identity)
    write_atomically(step.directory.weights, b"weights")
    record = replace(record_of(step), weights_sha256=hashlib.sha256(b"weights").hexdigest())
    write_record(record, step.directory.path)
    scheduler.finish(step, record)
    step.lock.release()
    later = spec_of(*words, "sweep.warm_start=earlier", "objective=acc_vs_macs")
    taken = scheduler_of(later).next()
    assert isinstance(taken, TakenOver)
    directory = later.directory.trial(0)
    assert taken.record.configuration_hash != record.configuration_hash
    assert read_history(directory.history, taken.record.identity) == [
        {"epoch": 1, "val_acc": 0.3},
        {"epoch": 2, "val_acc": 0.5, "averaged_val_acc": 0.6},
    ]
    assert directory.weights.read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("pruner", "objective", "expected"),
    [
        ("pareto", "acc_vs_macs", {1: 0.15, 2: 0.2}),
        ("successive_halving", "val_acc", {1: 0.15}),
        ("none", "val_acc", {}),
    ],
)
def test_the_pruner_compares_later_trials_with_what_was_taken_over(
    pruner: str, objective: str, expected: dict[int, float]
) -> None:
    words = ("arch.depth=choice(4)", "measure=none", "train.epochs=4")
    scheduler = scheduler_of(spec_of(*words, "sweep.name=earlier"))
    step = scheduler.next()
    assert isinstance(step, Assignment)
    rows = [
        {"epoch": epoch, "train_acc": 0.1 * epoch, "averaged_val_acc": 0.2 if epoch < 3 else None}
        for epoch in range(1, 5)
    ]
    write_history(rows, step.directory.history, step.identity)
    finish(scheduler, step)
    later = scheduler_of(
        spec_of(*words, "sweep.warm_start=earlier", f"pruner={pruner}", f"objective={objective}")
    )
    assert isinstance(later.next(), TakenOver)
    assert scores_of(later.study.get_trials()[0]) == pytest.approx(expected)


@pytest.mark.parametrize("after", range(5))
def test_a_kill_at_any_step_leaves_a_trial_that_ends_under_its_own_number(
    after: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier("arch.depth=choice(4)", "measure=none")
    spec = spec_of("arch.depth=choice(4)", "measure=none", "sweep.warm_start=earlier", "sweep.max_retries=0")
    steps = 0

    def killing(function):  # type: ignore[no-untyped-def]
        def step(*arguments: object, **named: object) -> object:
            nonlocal steps
            if steps == after:
                raise KeyboardInterrupt
            steps += 1
            return function(*arguments, **named)

        return step

    scheduler, locks = scheduler_of(spec), []
    take = scheduler._take

    def taking(*arguments: Any) -> Any:
        locks.append(take(*arguments))
        return locks[-1]

    with monkeypatch.context() as patched:
        patched.setattr(scheduler, "_take", taking)
        for name in ("copy_history", "write_atomically", "write_record"):
            patched.setattr(take_over, name, killing(getattr(take_over, name)))
        patched.setattr(scheduler.settler, "tell", killing(scheduler.settler.tell))
        with pytest.raises(KeyboardInterrupt):
            scheduler.next()
    for lock in locks:  # its process is gone, and with it the locks
        lock.release()
    again = scheduler_of(spec)
    _, trained = go_on(again)
    assert trained == []
    (trial,) = again.study.get_trials()
    assert (trial.number, trial.state, trial.value) == (0, TrialState.COMPLETE, 0.4)


def test_a_trial_that_was_begun_goes_on_though_a_warm_start_was_added() -> None:
    earlier("arch.depth=choice(4)", "measure=none")
    words = ("arch.depth=choice(4)", "measure=none", "sweep.name=later")
    step = scheduler_of(spec_of(*words)).next()
    assert isinstance(step, Assignment)
    step.directory.checkpoint.write_bytes(b"two epochs")
    step.lock.release()
    again = scheduler_of(spec_of(*words, "sweep.warm_start=earlier")).next()
    assert isinstance(again, Assignment)
    assert again.number == step.number


def test_training_again_what_is_asked_for_takes_nothing_over() -> None:
    earlier("arch.depth=choice(4)", "measure=none")
    spec = spec_of("arch.depth=choice(4)", "measure=none", "sweep.warm_start=earlier")
    scheduler = scheduler_of(spec)
    scheduler.suggester.suggest([])
    step = scheduler_of(replace(spec, only=(0,))).next()
    assert isinstance(step, Assignment)


def test_known_results_guide_the_sampler_and_the_known_front_comes_first() -> None:
    def score(assignment: Assignment) -> float:
        return 0.5 + assignment.plain["arch"]["width"] / 100 - abs(assignment.plain["arch"]["depth"] - 6) / 50

    words = ("measure=none", "objective=acc_vs_macs", "hydra/sweeper/sampler=known_cost")
    first = spec_of("arch.depth=4,6,8", "arch.width=4,16", *words, "sweep.name=earlier", "n_trials=6")
    drain(scheduler_of(first), score)
    spec = spec_of(
        *("arch.depth=range(4,10)", "arch.width=range(4,17,4)", *words),
        *("sweep.warm_start=earlier", "n_trials=5"),
    )
    scheduler = scheduler_of(spec)
    known = scheduler.suggester.known_points
    assert len(known) == 6
    assert all(one.is_free for one in known)
    seen: list[tuple[bool, int, int]] = []
    while not isinstance(step := scheduler.next(), Stop):
        assert isinstance(step, Assignment | TakenOver)
        plain = step.record.configuration if isinstance(step, TakenOver) else step.plain
        seen.append((isinstance(step, TakenOver), plain["arch"]["depth"], plain["arch"]["width"]))
        if isinstance(step, Assignment):
            finish(scheduler, step, val_acc=score(step))
    # by width alone the records' costs count: depth 6 is best at both widths
    assert {one[1:] for one in seen[:2]} == {(6, 4), (6, 16)}
    assert [one[0] for one in seen] == [True, True, False, False, False]
    assert seen[2][2] in (8, 12)  # what is known is not trained beside itself


def test_records_of_a_release_without_fingerprints_are_left_alone() -> None:
    spec = earlier("arch.depth=choice(4)", "measure=none")
    path = spec.directory.trial(0).path
    record: Record = read_record(path)
    write_record(replace(record, data_fingerprint=None), path)
    again = spec_of("arch.depth=choice(4)", "measure=none", "sweep.warm_start=earlier")
    assert isinstance(scheduler_of(again).next(), Assignment)
