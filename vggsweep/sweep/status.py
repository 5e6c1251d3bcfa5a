"""A sweep at one moment, read from its study and its files by a process that only looks at it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import optuna
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import ConfigError, RecordError, SweepError, VggsweepError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import read_record
from vggsweep.results.disk.sweep_file import read_saved_spec
from vggsweep.results.tables.reasons import number_words, shared_reasons
from vggsweep.sweep.display.progress import ProgressReader, SweepProgress
from vggsweep.sweep.recovery.continuation import check_same_sweep
from vggsweep.sweep.recovery.reading import NoStudyYet, read_study
from vggsweep.sweep.scheduling.fair_rates import is_searching, next_comparison
from vggsweep.sweep.scheduling.front import Best, best_trials
from vggsweep.sweep.spec.extent import saved_extent
from vggsweep.sweep.spec.search_space import point_key
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.buffered import BufferedStorage
from vggsweep.sweep.storage.study import close_study
from vggsweep.sweep.storage.trial_attrs import INFEASIBLE, REASON, counted, is_infeasible, reason_of
from vggsweep.sweep.workers.jobs import WAITS, jobs_of
from vggsweep.visible import visible

REASONS_SHOWN = 12
# Clusters ask not to be asked more often.
SECONDS_BETWEEN_QUEUES = 30.0


class NothingYet(ConfigError):
    """The sweep's directory is there, but no study in it."""


@dataclass(frozen=True)
class SweepStatus:
    """What a look at a sweep finds.

    Args:
        progress: how far it is.
        objective: names of the objectives, accuracy first.
        best: the best trial, or those that none dominates, and what they were chosen by.
        reasons: why trials failed and suggestions were no networks, a line each; the commonest first.
        damage: what is wrong with ``sweep.yaml``, or None.
        storage: ``sweep.storage`` as it was written; None for the directory's own file.
        queued: jobs of workers that a command left in SLURM's queue, and that wait there.
        is_of_records: whether the study is lost or damaged, so that the records say all this.
    """

    progress: SweepProgress
    objective: tuple[str, ...]
    best: Best
    reasons: tuple[str, ...]
    damage: str | None
    storage: str | None
    queued: int
    is_of_records: bool


class StatusReader:
    """Looks at one sweep, again and again; its study is opened once. A context manager.

    Args:
        directory: the sweep's.
    """

    def __init__(self, directory: SweepDirectory) -> None:
        self.directory = directory
        self.reader = ProgressReader(directory)
        self._opened: tuple[optuna.Study, tuple[object, ...]] | None = None
        self._queue: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        if self._opened is not None:
            close_study(self._opened[0])
            self._opened = None

    def disconnect(self) -> None:
        """Give back the connections until the next look: an open one keeps SQLite's log from being folded."""
        if self._opened is not None:
            close_study(self._opened[0])

    def read(self) -> SweepStatus:
        """Look once.

        Raises:
            NothingYet: it has no study.
            SweepError: its study cannot be read.
        """
        directory = self.directory
        if not directory.study.is_file() and not directory.settings.is_file():
            raise NothingYet(f"{directory.path} holds no study; `vggsweep table` reads its records.")
        saved, damage = None, None
        try:
            saved = read_saved_spec(directory.settings)
        except RecordError as error:
            damage = str(error)
        try:
            study = self._study(saved.storage if saved is not None else None)
        except NoStudyYet as error:
            raise NothingYet(str(error)) from None
        trials = study.get_trials(deepcopy=False)
        return SweepStatus(
            progress=self.reader.read(trials, saved_extent(saved, trials)),
            objective=tuple(saved.objective) if saved is not None else ("val_acc",),
            best=best_trials(study, saved.fair if saved is not None else None, directory),
            reasons=tuple(reason_lines(trials, directory)),
            damage=damage,
            storage=saved.storage if saved is not None else None,
            queued=self._queued(),
            is_of_records=not isinstance(study._storage, BufferedStorage),
        )

    def _queued(self) -> int:
        """How many jobs wait; a queue is asked seldom, and one that does not answer says nothing."""
        if self._queue is None or time.monotonic() - self._queue[0] > SECONDS_BETWEEN_QUEUES:
            count = 0
            with suppress(SweepError):
                count = list(jobs_of(self.directory).values()).count(WAITS)
            self._queue = time.monotonic(), count
        return self._queue[1]

    def _study(self, storage: str | None) -> optuna.Study:
        """Open it again only where the file, or the address, is another one."""
        place: tuple[object, ...] = (storage,)
        if storage is None and self.directory.study.is_file():
            status = os.stat(self.directory.study)
            place = (status.st_dev, status.st_ino)
        if self._opened is None or self._opened[1] != place:
            self.close()
            self._opened = (read_study(self.directory, storage), place)
        return self._opened[0]


def trials_left(spec: SweepSpec, most: int) -> tuple[int, int]:
    """How many trials of a sweep are done, and how many its command would still train; writes nothing.

    Args:
        spec: of the sweep, which need not have begun.
        most: how many there are in all.
    """
    try:
        if not spec.directory.settings.is_file():
            return 0, most
        check_same_sweep(spec)
        study = read_study(spec.directory, spec.settings.storage)
    except VggsweepError:  # no study yet, or another sweep's: the command says so
        return 0, most
    try:
        trials = study.get_trials(deepcopy=False)
    finally:
        close_study(study)
    done = len(counted(trials))
    if spec.fair is not None and not is_searching(trials):
        seen = {point_key(one.params) for one in trials}
        is_searched = all(point_key(point) in seen for point in spec.space.points())
        fair, seeds = spec.fair, spec.settings.fair_lr or 0
        if is_searched and next_comparison(trials, fair.common_rate, fair.seed, seeds) is None:
            return done, 0
    total = spec.extent.total(trials)
    return done, max(0, (most if total is None else min(most, total)) - done)


def count_words(progress: SweepProgress, queued: int = 0) -> str:
    """Trials by state, and jobs of workers that wait, as a sentence's end."""
    words = [f"{count} {state}" for state, count in progress.counts.items()]
    if progress.retried:
        words.append(f"{progress.retried} continued after a death")
    if queued:
        words.append(f"{queued} {'job' if queued == 1 else 'jobs'} queued")
    return ", ".join(words) or "nothing yet"


def reason_lines(trials: Sequence[FrozenTrial], directory: SweepDirectory) -> list[str]:
    """Why trials failed, and why suggestions were no networks; the commonest first."""
    failed = [trial for trial in counted(trials) if trial.state is TrialState.FAIL]
    reasons = [("", trial.number, _reason(trial, directory)) for trial in failed]
    refused = [("", t.number, str(t.user_attrs[INFEASIBLE])) for t in trials if is_infeasible(t)]
    return [
        visible(f"{state} {len(one.trials)} x {one} ({number_words([number for _, number in one.trials])})")
        for state, found in (("FAIL", reasons), ("INFEASIBLE", refused))
        for one in shared_reasons(found)[:REASONS_SHOWN]
    ]


def _reason(trial: FrozenTrial, directory: SweepDirectory) -> str:
    """Why a trial failed; earlier releases told the study nothing of single runs."""
    if REASON in trial.user_attrs:
        return str(trial.user_attrs[REASON])
    with suppress(RecordError):
        return reason_of(read_record(directory.trial(trial.number).record))
    return "no reason was told"
