"""A study made anew, by the real verb over records written by hand."""

from __future__ import annotations

import re

import optuna
import pytest

from tests.sweep.conftest import drain, finish, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.trial_attrs import REASON, counted, is_duplicate, is_infeasible


def begun(*words: str) -> SweepSpec:
    spec = spec_of("sweep.name=s", *words)
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    return spec


def told(sweep: SweepDirectory) -> list[tuple[object, ...]]:
    trials = counted(read_study(sweep).get_trials())
    return [
        (t.number, t.state, t.params, t.distributions, t.values, t.user_attrs.get(REASON)) for t in trials
    ]


TWO_OBJECTIVES = ("arch.depth=range(4,10)", "optimizer=sgd,adamw", "n_trials=6", "objective=acc_vs_macs")
REPLICATES = ("arch.depth=range(4,10)", "sweep.replicates=2", "n_trials=6")


@pytest.mark.parametrize(
    ("words", "damage"),
    [
        (TWO_OBJECTIVES, "lost"),
        (TWO_OBJECTIVES, "damaged"),
        (TWO_OBJECTIVES, "none"),
        (REPLICATES, "lost"),
        pytest.param(REPLICATES, "damaged", marks=pytest.mark.slow),
        pytest.param(REPLICATES, "none", marks=pytest.mark.slow),
    ],
)
def test_what_the_study_told_is_there_again_and_the_sweep_goes_on(
    words: tuple[str, ...], damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = begun(*words, "sweep.max_failures=1")
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        state, reason = ("FAIL", "no memory") if step.number == 3 else ("COMPLETE", None)
        finish(scheduler, step, state=state, reason=reason, val_acc=step.number / 10)
    before = told(spec.directory)
    if damage == "lost":
        spec.directory.study.unlink()
    if damage == "damaged":
        spec.directory.study.write_bytes(spec.directory.study.read_bytes()[:5000])
    assert run_verb("repair", ["s"]) == 0
    assert re.search(r"s: 5 COMPLETE,( \d DUPLICATE,)? 1 FAIL\n", capsys.readouterr().out)
    assert told(spec.directory) == before
    more = spec_of("sweep.name=s", *words, "sweep.max_failures=1", "n_trials=8")
    check_same_sweep(more)
    join_study(more)
    tasks, _ = drain(scheduler_of(more))
    assert len(tasks) == 2
    assert told(spec.directory)[: len(before)] == before


def test_optuna_itself_reads_a_repaired_study() -> None:
    spec = begun("arch.depth=range(4,10)", "n_trials=3")
    drain(scheduler_of(spec), lambda assignment: assignment.plain["arch"]["depth"] / 10)
    spec.directory.study.unlink()
    run_verb("repair", ["s"])
    study = optuna.load_study(study_name="s", storage=f"sqlite:///{spec.directory.study}")
    assert study.best_value == study.best_params["arch.depth"] / 10


def test_a_study_that_can_be_read_keeps_what_no_record_tells() -> None:
    spec = begun("arch.depth=range(2,6)", "train.threshold_acc=0.8,0.9")
    drain(scheduler_of(spec))
    (spec.directory.trial(4).path / "record.json").unlink(missing_ok=True)
    kinds = [(is_infeasible(t), is_duplicate(t)) for t in read_study(spec.directory).get_trials()]
    assert (True, False) in kinds
    assert (False, True) in kinds
    run_verb("repair", ["s"])
    assert [(is_infeasible(t), is_duplicate(t)) for t in read_study(spec.directory).get_trials()] == kinds


def test_without_sweep_yaml_the_results_are_there_and_the_command_brings_the_space_back(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = begun("arch.depth=4,6")
    drain(scheduler_of(spec), lambda assignment: assignment.plain["arch"]["depth"] / 10)
    before = told(spec.directory)
    spec.directory.study.unlink()
    spec.directory.settings.unlink()
    assert run_verb("repair", ["s"]) == 0
    assert "sweep.yaml is lost or damaged as well" in capsys.readouterr().err
    assert [(one[0], one[4]) for one in told(spec.directory)] == [(one[0], one[4]) for one in before]
    check_same_sweep(spec)
    join_study(spec)
    assert told(spec.directory) == before


def test_a_directory_without_trials_has_nothing_to_repair() -> None:
    begun("arch.depth=4,6")
    with pytest.raises(ConfigError, match="holds no trial that was begun"):
        run_verb("repair", ["s"])
