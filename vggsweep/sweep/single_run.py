"""One configuration outside our sweeper: a single run, or a job of Hydra's stock sweepers.

The study gives the number. An unfinished trial of the same configuration is continued; one that was
killed between writing its record and telling it is told. A finished one is left alone, and the
configuration becomes a new trial.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from filelock import FileLock
from rich.console import Console

from vggsweep.configuration.identity import configuration_hash
from vggsweep.errors import ConfigError, RecordError
from vggsweep.files import make_directory, set_obstacle_aside
from vggsweep.results.layout import SINGLE_RUNS, SweepDirectory, TrialDirectory, sweep_directory
from vggsweep.results.record import Record, read_record
from vggsweep.sweep.locks import claim
from vggsweep.sweep.marks import Mark
from vggsweep.sweep.study import add_trial, open_study, running_trials, tell
from vggsweep.training.interruption import StopRequest
from vggsweep.trial import Assignment, drop_checkpoint, run_trial


@dataclass(frozen=True)
class Place:
    """A trial number of which this process holds the lock."""

    number: int
    directory: TrialDirectory
    lock: FileLock


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
        ConfigError: the name is that of a sweep with several objectives.
        WriteFailed: the output directory cannot be written.
    """
    sweep = sweep_directory(plain["sweep"]["name"] or SINGLE_RUNS)
    make_directory(sweep.trials)
    study = open_study(sweep)
    if len(study.directions) > 1:
        raise ConfigError(
            f"sweep.name={sweep.name} is a sweep with {len(study.directions)} objectives, but a single run "
            "tells one result. Choose another sweep.name."
        )
    place = _take_place(study, sweep, configuration_hash(plain))
    try:
        record = _untold_record(place.directory)
        if record is not None:
            drop_checkpoint(record, place.directory)
        else:
            assignment = Assignment(sweep.name, place.number, place.directory, plain, overrides)
            record = run_trial(assignment, stop=stop, console=console)
        tell(study, record, _values(record))
    finally:
        place.lock.release()
    return record, place.directory


def _take_place(study: optuna.Study, sweep: SweepDirectory, hash_: str) -> Place:
    while True:
        for number in running_trials(study, hash_):
            directory = sweep.trial(number)
            set_obstacle_aside(directory.path, "directory")
            make_directory(directory.path)
            lock = claim(directory.lock)
            if lock is None:
                continue  # a living process trains it at this moment
            if number in running_trials(study, hash_):
                return Place(number, directory, lock)
            lock.release()  # it was finished in the moment before
        # Whoever looks in this moment may claim the new trial first; then another is added.
        add_trial(study, Mark(hash_).attributes())


def _untold_record(directory: TrialDirectory) -> Record | None:
    """The record of a trial that was killed between writing and telling it."""
    if not directory.record.exists():
        return None
    try:
        return read_record(directory.record)
    except RecordError:
        return None


def _values(record: Record) -> list[float] | None:
    value = record.metrics.get("val_acc")
    return None if value is None else [float(value)]
