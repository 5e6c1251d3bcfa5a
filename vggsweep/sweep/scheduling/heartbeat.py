"""A thread beside the training: signs of life, the time limit, and whether everybody is still there."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from vggsweep.results.disk.history import finished_epochs
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.ownership import BEAT, BEATS_PER_LEASE, Heartbeat, LeaseMonitor, owns
from vggsweep.sweep.storage.study import storage_of
from vggsweep.training.interruption import StopRequest

log = logging.getLogger("vggsweep.worker")
TICK_SECONDS = 0.25
# A beat on its way may wait for a database that does not answer.
LONGEST_FAREWELL_SECONDS = 5.0


@dataclass
class _Watched:
    assignment: Assignment
    began: float
    heartbeats: int = 0


@dataclass
class HeartbeatThread:
    """Runs as long as its worker; a context manager.

    Args:
        open_study: opens the study once more: this thread has a connection of its own.
        lease_monitor: shown every running trial, so that it knows who fell silent.
        stop: told of the time limit, and of a trial that another worker took over.
        trial_timeout: seconds, or None.
        is_orphan: whether the process that started this one is gone.
    """

    open_study: Callable[[], optuna.Study]
    lease_monitor: LeaseMonitor
    stop: StopRequest
    trial_timeout: float | None
    is_orphan: Callable[[], bool] = lambda: False
    _watched: _Watched | None = field(default=None, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)

    def __enter__(self) -> HeartbeatThread:
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(timeout=LONGEST_FAREWELL_SECONDS)

    def trial_began(self, assignment: Assignment) -> None:
        """Watch this trial."""
        self._watched = _Watched(assignment, time.monotonic())

    def trial_ended(self) -> None:
        """Watch none."""
        self._watched = None

    def _run(self) -> None:
        study: optuna.Study | None = None
        next_beat = 0.0
        while not self._over.wait(TICK_SECONDS):
            try:
                self._look_after(self._watched)
                if time.monotonic() >= next_beat:
                    next_beat = time.monotonic() + self.lease_monitor.lease / BEATS_PER_LEASE
                    study = self.open_study() if study is None else study
                    self._beat(study, self._watched)
            except Exception as error:  # the next beat may get through
                log.warning("No sign of life this time: %s", error)
        if study is not None:
            storage_of(study).close()

    def _look_after(self, watched: _Watched | None) -> None:
        """What needs no database: whether the parent process lives, and whether the time is over."""
        limit = self.trial_timeout
        if watched is not None and limit is not None and time.monotonic() - watched.began > limit:
            self.stop.time_limit = limit
        if not self.stop.is_set and self.is_orphan():
            self.stop.signal_name = "the end of the process that started it"

    def _beat(self, study: optuna.Study, watched: _Watched | None) -> None:
        trials = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        self.lease_monitor.look(trials)
        if watched is None:
            return
        assignment = watched.assignment
        if not owns(assignment.owner, next((one for one in trials if one.number == assignment.number), None)):
            if self._watched is watched:  # else it has just been told
                self.stop.is_superseded = True
            return
        watched.heartbeats += 1
        history = finished_epochs(assignment.directory.history, assignment.identity)
        val_acc = history[-1].get("val_acc") if history else None
        heartbeat = asdict(Heartbeat(watched.heartbeats, time.time(), len(history), val_acc))
        with suppress(UpdateFinishedTrialError):  # seen at the next beat, unless it was us who told it
            key = BEAT + assignment.owner.token
            storage_of(study).set_trial_system_attr(assignment.trial_id, key, heartbeat)
