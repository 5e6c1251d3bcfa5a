"""One configuration outside our sweeper: a single run, or a job of Hydra's stock sweepers.

The study gives the number. An unfinished trial of the same configuration is continued; one that was
killed between writing its record and telling it is told. A finished one is left alone, and the
configuration becomes a new trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.files import make_directory, set_obstacle_aside
from vggsweep.identity import Identity
from vggsweep.results.disk.layout import SINGLE_RUNS, SweepDirectory, TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.recovery.continuation import refuse_sweeps_directory, say
from vggsweep.sweep.recovery.reading import is_foreign
from vggsweep.sweep.recovery.rebuild import Plan, rebuilt_trials
from vggsweep.sweep.recovery.study_edits import refuse_while_at_work, replace_study
from vggsweep.sweep.spec.objectives import VAL_ACC, objective_values
from vggsweep.sweep.storage.file_lock import claim, held
from vggsweep.sweep.storage.study import open_study, storage_of, tell, trials_of
from vggsweep.sweep.storage.trial_attrs import TrialAttrs, attrs_of, notes_of
from vggsweep.training.interruption import StopRequest
from vggsweep.trial import TrialSpec, run_trial
from vggsweep.trial_directory import drop_checkpoint, own_record


def train_one(
    plain: Mapping[str, Any], overrides: Sequence[str], *, stop: StopRequest, console: Console
) -> tuple[Record, TrialDirectory]:
    """Train one checked configuration, or continue it.

    Args:
        plain: resolved values of the whole configuration.
        overrides: the words that led there.
        stop: set by signals.
        console: where progress is shown.

    Raises:
        Interrupted: a signal arrived; the same call continues.
        ConfigError: the name is a sweep's.
        WriteFailed: the output directory cannot be written.
    """
    sweep = sweep_directory(plain["sweep"]["name"] or SINGLE_RUNS)
    refuse_sweeps_directory(sweep)
    make_directory(sweep.trials)
    study = open_runs(sweep)
    fingerprints = Fingerprints()
    identities = fingerprints.identities(plain)
    trial, lock = _claim(study, sweep, identities, overrides)
    attrs = attrs_of(trial)
    assert attrs is not None, "running trials of ours have attributes"
    spec = TrialSpec(
        sweep.name,
        trial.number,
        sweep.trial(trial.number),
        plain,
        overrides,
        identity=replace(identities[0], configuration=attrs.configuration_hash),
        notes=notes_of(trial),
        fingerprints=fingerprints,
    )
    return train_there(study, lock, spec, stop=stop, console=console), spec.directory


def train_there(
    study: optuna.Study, lock: FileLock, spec: TrialSpec, *, stop: StopRequest, console: Console
) -> Record:
    """Train a trial whose lock is held, tell its result, and let the lock go."""
    assert spec.identity is not None
    try:
        record = own_record(spec.directory, spec.number, spec.identity)
        if isinstance(record, Record):  # it was killed between writing and telling it
            drop_checkpoint(record, spec.directory)
        else:
            record = run_trial(spec, stop=stop, console=console)
        tell(study, spec.number, record, objective_values((VAL_ACC,), record))
    finally:
        lock.release()
    return record


def open_runs(sweep: SweepDirectory) -> optuna.Study:
    """The study of single runs; made anew from their records where it is lost or older than they are."""
    with held(sweep.path / "join.lock"):
        numbers = sweep.begun_trials()  # before the study: a trial is there before it has a directory
        study = open_study(sweep)
        known = study.get_trials(deepcopy=False)
        is_other = is_foreign(study, sweep)
        if numbers and (numbers[-1] >= len(known) or is_other):
            storage_of(study).close()
            refuse_while_at_work(sweep)
            plan = Plan(known=() if is_other else known)
            replace_study(sweep, None, plan.metrics, rebuilt_trials(sweep, plan), {})
            say(f"{sweep.path} had lost runs of its study: it is made anew from {len(numbers)} on disk.")
            study = open_study(sweep)
    return study


def _claim(
    study: optuna.Study, sweep: SweepDirectory, identities: Sequence[Identity], words: Sequence[str]
) -> tuple[FrozenTrial, FileLock]:
    """A RUNNING trial of this configuration that no process trains, with its lock; a new one if need be."""
    while True:
        for trial in trials_of(study, identities, TrialState.RUNNING):
            directory = sweep.trial(trial.number)
            set_obstacle_aside(directory.path, "directory")
            make_directory(directory.path)
            lock = claim(directory.lock)
            if lock is None:
                continue  # a living process trains it at this moment
            if trial.number in [one.number for one in trials_of(study, identities, TrialState.RUNNING)]:
                return trial, lock
            lock.release()  # it was finished in the moment before
        own = identities[0]
        if finished := trials_of(study, identities, TrialState.COMPLETE):
            run = f"run {finished[0].number} of {sweep.name}"
            say(f"{run} finished with this configuration and seed: this is another")
        # Another process may claim the new trial first; then a further one is added.
        new = TrialAttrs(own.configuration, tuple(words), data=own.data).attributes()
        study.add_trial(create_trial(state=TrialState.RUNNING, user_attrs=new))
