"""A worker: one process that asks for a configuration, trains it, tells the result, and asks again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from omegaconf import DictConfig
from rich.console import Console

from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.cache import RECENT
from vggsweep.device import resolve_device
from vggsweep.errors import ConfigError, DataChanged, Interrupted, Superseded, VggsweepError, WriteFailed
from vggsweep.measure.cores import CoreWatch
from vggsweep.results.disk.record import Record
from vggsweep.sweep.display.live import SweepView
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.pruning.callback import PruningCallback, rungs
from vggsweep.sweep.scheduling.clock import StartTime
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, TakenOver, Wait
from vggsweep.sweep.scheduling.heartbeat import HeartbeatThread
from vggsweep.sweep.scheduling.ownership import is_signed_by
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.file_lock import host_name
from vggsweep.sweep.storage.sqlite_wal import write_ahead
from vggsweep.sweep.storage.study import storage_of
from vggsweep.training.interruption import StopRequest, stop_on_signals
from vggsweep.trial import TrialSpec, run_trial

log = logging.getLogger("vggsweep.worker")

WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Role:
    """Which of several workers this is.

    Args:
        name: for people, such as ``alpha-0``; empty for the only one.
        device: replaces the configuration's, or None.
        is_orphan: whether the process that started this one is gone.
        report: told of each trial that begins; of None between two.
        is_first: whether it is the first on its host, which alone says what concerns all of them.
    """

    name: str = ""
    device: str | None = None
    is_orphan: Callable[[], bool] = lambda: False
    report: Callable[[Assignment | None], None] = lambda assignment: None
    is_first: bool = True


@dataclass(frozen=True)
class Worker:
    """A picklable task function: any Hydra launcher can run it, in this process or another.

    Args:
        spec: what the sweep was told.
        started: when the sweep's clock began.
    """

    spec: SweepSpec
    started: StartTime

    def __call__(self, _config: DictConfig | None = None) -> WorkerOutcome:
        """Train until there is nothing left to do."""
        return self.work(Role())

    def work(self, role: Role) -> WorkerOutcome:
        """Train until there is nothing left to do, as one of several."""
        try:
            return self._run(role)
        except VggsweepError as error:  # of the world, not of a trial: a full disk, a damaged database
            return WorkerOutcome(str(error).rstrip("."), is_early=True)

    def _run(self, role: Role) -> WorkerOutcome:
        spec = self.spec
        if role.name:
            RECENT.share(spec.directory.images(host_name()))
        study = spec.open_study()
        device = _device_in_words(role.device or spec.base["device"])
        with write_ahead(storage_of(study).file):
            scheduler = TrialScheduler(spec, study, role.name or "main", device)
            try:
                with (
                    stop_on_signals() as stop,
                    SweepView(Console(stderr=True), spec, study) as view,
                    HeartbeatThread(
                        spec.open_study,
                        scheduler.lease_monitor,
                        stop,
                        spec.settings.trial_timeout,
                        role.is_orphan,
                    ) as heartbeats,
                ):
                    # what a process of its own shows goes into its log
                    cores = (
                        CoreWatch(partial(log.warning, "%s")) if role.name and role.is_first else CoreWatch()
                    )
                    return self._work(_WorkerContext(role, scheduler, stop, view, heartbeats, cores))
            finally:
                storage_of(study).close()  # or the log would stay

    def _work(self, bench: _WorkerContext) -> WorkerOutcome:
        while True:
            step = bench.scheduler.next(is_time_up=self._is_time_up())
            if isinstance(step, Stop):
                outcome = WorkerOutcome(step.reason, step.is_early)
                if self.spec.settings.detach:  # no command waits for the end
                    from vggsweep.sweep.display.closing import close_in_turn  # loads pandas

                    close_in_turn(self.spec, outcome)
                return outcome
            if isinstance(step, Wait):
                time.sleep(WAIT_SECONDS)
            elif isinstance(step, TakenOver):
                bench.view.trial_ended(step.record)
            else:
                try:
                    record = self._train(step, bench)
                except KeyboardInterrupt:  # the second signal: no question to a database that may not answer
                    with suppress(OSError):
                        step.directory.released.touch()
                    raise
                except (Interrupted, WriteFailed, DataChanged) as error:
                    # no death of the trial, and none of its faults
                    with suppress(VggsweepError):  # the lock is released anyhow
                        bench.scheduler.release(step)
                    if not isinstance(error, Interrupted):
                        raise
                    return WorkerOutcome.stopped(bench.stop.signal_name)
                finally:
                    step.lock.release()
                if record is not None:
                    bench.view.trial_ended(record)
            if bench.stop.is_set:
                return WorkerOutcome.stopped(bench.stop.signal_name)

    def _train(self, assignment: Assignment, bench: _WorkerContext) -> Record | None:
        """The trial's record; None when another worker had taken the trial over."""
        view, scheduler = bench.view, bench.scheduler
        view.trial_started(assignment.number, assignment.attrs.swept or {})
        bench.stop.begin_trial(owns=partial(is_signed_by, assignment.directory, assignment.owner))
        bench.heartbeats.trial_began(assignment)
        bench.role.report(assignment)
        try:
            record = run_trial(
                replace(self._assignment(assignment, bench.role.device), cores=bench.cores),
                stop=bench.stop,
                console=view.console,
                on_epoch=self._watch(assignment, scheduler),
            )
            if scheduler.finish(assignment, record):
                return record
        except Superseded:
            pass
        finally:
            bench.heartbeats.trial_ended()
            bench.role.report(None)
        view.say(f"trial {assignment.number} was taken over by another worker while this one was silent")
        return None

    def _assignment(self, assignment: Assignment, device: str | None) -> TrialSpec:
        return TrialSpec(
            sweep=self.spec.name,
            number=assignment.number,
            directory=assignment.directory,
            plain=assignment.plain if device is None else {**assignment.plain, "device": device},
            overrides=[*self.spec.fixed, *assignment.attrs.words],
            swept=assignment.attrs.swept,
            identity=assignment.identity,
            notes=assignment.notes,
            fingerprints=self.spec.fingerprints,
            rungs=rungs(self.spec.pruner, assignment.plain["train"]["epochs"]),
            keeps_weights=self.spec.settings.keep == "front",
        )

    def _watch(self, assignment: Assignment, scheduler: TrialScheduler) -> PruningCallback:
        configuration = read_configuration(assignment.plain)
        costs = configured_network(configuration).costs
        return PruningCallback(
            study=scheduler.study,
            trial_id=assignment.trial_id,
            settings=self.spec.pruner,
            metrics=self.spec.metrics,
            costs={"macs": costs.macs, "params": costs.params},
            epochs=configuration.train.epochs,
        )

    def _is_time_up(self) -> bool:
        timeout = self.spec.settings.timeout
        return timeout is not None and self.started.passed() > timeout


def _device_in_words(word: str) -> str:
    """The device that others are told of: what ``auto`` means here."""
    try:
        return str(resolve_device(word))
    except ConfigError:  # each trial will say so
        return word


@dataclass(frozen=True)
class _WorkerContext:
    """Collaborators of one worker."""

    role: Role
    scheduler: TrialScheduler
    stop: StopRequest
    view: SweepView
    heartbeats: HeartbeatThread
    cores: CoreWatch
