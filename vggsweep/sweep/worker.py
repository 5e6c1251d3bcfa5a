"""A worker: one process that asks for a configuration, trains it, tells the result, and asks again."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import optuna
from omegaconf import DictConfig
from rich.console import Console

from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.cache import RECENT
from vggsweep.errors import Interrupted, Superseded, VggsweepError, WriteFailed
from vggsweep.results.record import Record
from vggsweep.sweep.clock import Start
from vggsweep.sweep.dispatch import Dispatcher
from vggsweep.sweep.ending import Ending
from vggsweep.sweep.journal import write_ahead
from vggsweep.sweep.locks import host_name
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.ownership import is_signed_by
from vggsweep.sweep.pruning.watch import Watch, optuna_pruner
from vggsweep.sweep.step import Stop, Task, Wait
from vggsweep.sweep.study import open_study, storage_of
from vggsweep.sweep.view import SweepView
from vggsweep.sweep.watchman import Watchman
from vggsweep.training.interruption import StopRequest, stop_on_signals
from vggsweep.trial import Assignment, run_trial

WAIT_SECONDS = 0.5


class Reporter(Protocol):
    """Who is told which trial a worker trains; None between two."""

    def __call__(self, task: Task | None) -> None: ...


@dataclass(frozen=True)
class Role:
    """Which of several workers this is.

    Args:
        name: for people, such as ``alpha-0``; empty for the only one.
        device: replaces the configuration's, or None.
        is_orphan: whether the process that started this one is gone.
        report: told of each trial.
    """

    name: str = ""
    device: str | None = None
    is_orphan: Callable[[], bool] = lambda: False
    report: Reporter = lambda task: None


@dataclass(frozen=True)
class Worker:
    """A picklable task function: any Hydra launcher can run it, in this process or another.

    Args:
        order: what the sweep was told.
        started: when the sweep's clock began.
    """

    order: SweepOrder
    started: Start

    def __call__(self, _config: DictConfig | None = None) -> Ending:
        """Train until there is nothing left to do."""
        return self.work(Role())

    def work(self, role: Role) -> Ending:
        """Train until there is nothing left to do, as one of several."""
        try:
            return self._run(role)
        except VggsweepError as error:  # of the world, not of a trial: a full disk, a damaged database
            return Ending(str(error).rstrip("."), is_early=True)

    def _run(self, role: Role) -> Ending:
        order = self.order
        if role.name:
            RECENT.share(order.directory.images(host_name()))
        study = self._open_study()
        device = role.device or order.base["device"]
        with write_ahead(storage_of(study).file):
            dispatcher = Dispatcher(order, study, role.name or "main", device)
            try:
                with (
                    stop_on_signals() as stop,
                    SweepView(Console(stderr=True), order, study) as view,
                    Watchman(
                        self._open_study, dispatcher.pulse, stop, order.settings.trial_timeout, role.is_orphan
                    ) as watchman,
                ):
                    return self._work(_Bench(role, dispatcher, stop, view, watchman))
            finally:
                storage_of(study).close()  # or the log would stay

    def _open_study(self) -> optuna.Study:
        order = self.order
        return open_study(
            order.directory,
            directions=[metric.direction for metric in order.metrics],
            storage=order.settings.storage,
            pruner=optuna_pruner(order.pruner, order.base["train"]["epochs"]),
        )

    def _work(self, bench: _Bench) -> Ending:
        while True:
            step = bench.dispatcher.next(is_time_up=self._is_time_up())
            if isinstance(step, Stop):
                return Ending(step.reason, step.is_early)
            if isinstance(step, Wait):
                time.sleep(WAIT_SECONDS)
            else:
                try:
                    record = self._train(step, bench)
                except Interrupted:
                    with suppress(VggsweepError):  # the lock is released anyhow
                        bench.dispatcher.release(step)
                    return self._interrupted(bench.stop)
                except KeyboardInterrupt:  # the second signal: no question to a database that may not answer
                    with suppress(OSError):
                        step.directory.released.touch()
                    raise
                except WriteFailed:  # no death of the trial, and none of its faults
                    with suppress(VggsweepError):
                        bench.dispatcher.release(step)
                    raise
                finally:
                    step.lock.release()
                if record is not None:
                    bench.view.trial_ended(record)
            if bench.stop.is_set:
                return self._interrupted(bench.stop)

    def _train(self, task: Task, bench: _Bench) -> Record | None:
        """The trial's record; None when another worker had taken the trial over."""
        view, dispatcher = bench.view, bench.dispatcher
        view.trial_started(task.number, task.mark.swept or {})
        bench.stop.begin_trial(owns=partial(is_signed_by, task.directory, task.owner))
        bench.watchman.trial_began(task)
        bench.role.report(task)
        try:
            record = run_trial(
                self._assignment(task, bench.role.device),
                stop=bench.stop,
                console=view.console,
                on_epoch=self._watch(task, dispatcher),
            )
            if dispatcher.finish(task, record):
                return record
        except Superseded:
            pass
        finally:
            bench.watchman.trial_ended()
            bench.role.report(None)
        view.say(f"trial {task.number} was taken over by another worker while this one was silent")
        return None

    def _assignment(self, task: Task, device: str | None) -> Assignment:
        return Assignment(
            sweep=self.order.name,
            number=task.number,
            directory=task.directory,
            plain=task.plain if device is None else {**task.plain, "device": device},
            overrides=[*self.order.fixed, *task.mark.words],
            swept=task.mark.swept,
            identity=task.identity,
            notes=task.notes,
        )

    def _watch(self, task: Task, dispatcher: Dispatcher) -> Watch:
        configuration = read_configuration(task.plain)
        costs = configured_network(configuration).costs
        return Watch(
            study=dispatcher.study,
            trial_id=task.trial_id,
            settings=self.order.pruner,
            metrics=self.order.metrics,
            costs={"macs": costs.macs, "params": costs.params},
            epochs=configuration.train.epochs,
        )

    def _is_time_up(self) -> bool:
        timeout = self.order.settings.timeout
        return timeout is not None and self.started.passed() > timeout

    def _interrupted(self, stop: StopRequest) -> Ending:
        assert stop.signal_name is not None
        return Ending(f"stopped by {stop.signal_name}", is_early=True, signal_name=stop.signal_name)


@dataclass(frozen=True)
class _Bench:
    """What a worker has at hand."""

    role: Role
    dispatcher: Dispatcher
    stop: StopRequest
    view: SweepView
    watchman: Watchman
