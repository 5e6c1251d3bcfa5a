"""A worker: one process that asks for a configuration, trains it, tells the result, and asks again."""

from __future__ import annotations

import time
from dataclasses import dataclass

from omegaconf import DictConfig
from rich.console import Console

from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import Interrupted
from vggsweep.results.record import Record
from vggsweep.sweep.dispatch import Dispatcher, Stop, Task, Wait
from vggsweep.sweep.journal import write_ahead
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.pruning.watch import Watch, optuna_pruner
from vggsweep.sweep.samplers import build_sampler
from vggsweep.sweep.storage import SweepStorage
from vggsweep.sweep.study import open_study
from vggsweep.sweep.view import SweepView
from vggsweep.training.interruption import StopRequest, stop_on_signals
from vggsweep.trial import Assignment, run_trial

WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Ending:
    """How a worker ended.

    Args:
        reason: one sentence.
        is_early: whether the sweep is not done.
        signal_name: set when a signal ended it.
    """

    reason: str
    is_early: bool
    signal_name: str | None = None


@dataclass(frozen=True)
class Worker:
    """A picklable task function: any Hydra launcher can run it, in this process or another.

    Args:
        order: what the sweep was told.
        started: UNIX time at which the sweep's clock began.
    """

    order: SweepOrder
    started: float

    def __call__(self, _config: DictConfig | None = None) -> Ending:
        """Train until there is nothing left to do."""
        order = self.order
        study = open_study(
            order.directory,
            directions=[metric.direction for metric in order.metrics],
            storage=order.settings.storage,
            pruner=optuna_pruner(order.pruner, order.base["train"]["epochs"]),
        )
        # A continued sweep must not draw what it drew before, so the seed moves with what is there.
        seed = order.seed + 1000 * len(study.get_trials(deepcopy=False))
        study.sampler = build_sampler(order.sampler, order.sampler_fields, seed)
        storage = study._storage
        assert isinstance(storage, SweepStorage)
        with write_ahead(storage.file):
            dispatcher = Dispatcher(order, study)
            try:
                with stop_on_signals() as stop, SweepView(Console(stderr=True), order, study) as view:
                    return self._work(dispatcher, stop, view)
            finally:
                storage.close()  # or the log would stay

    def _work(self, dispatcher: Dispatcher, stop: StopRequest, view: SweepView) -> Ending:
        while True:
            step = dispatcher.next(is_time_up=self._is_time_up())
            if isinstance(step, Stop):
                return Ending(step.reason, step.is_early)
            if isinstance(step, Wait):
                time.sleep(WAIT_SECONDS)
            else:
                try:
                    record = self._train(step, dispatcher, stop, view)
                except Interrupted:
                    step.directory.released.touch()
                    return self._interrupted(stop)
                except KeyboardInterrupt:  # the second signal
                    step.directory.released.touch()
                    raise
                finally:
                    step.lock.release()
                view.trial_ended(record)
            if stop.is_set:
                return self._interrupted(stop)

    def _train(self, task: Task, dispatcher: Dispatcher, stop: StopRequest, view: SweepView) -> Record:
        configuration = read_configuration(task.plain)
        costs = configured_network(configuration).costs
        watch = Watch(
            study=dispatcher.study,
            trial_id=task.trial_id,
            settings=self.order.pruner,
            metrics=self.order.metrics,
            costs={"macs": costs.macs, "params": costs.params},
            epochs=configuration.train.epochs,
        )
        assignment = Assignment(
            sweep=self.order.name,
            number=task.number,
            directory=task.directory,
            plain=task.plain,
            overrides=[*self.order.fixed, *task.mark.words],
            swept=task.mark.swept,
        )
        view.trial_started(task.number, task.mark.swept or {})
        record = run_trial(assignment, stop=stop, console=view.console, on_epoch=watch)
        dispatcher.finish(task, record)
        return record

    def _is_time_up(self) -> bool:
        timeout = self.order.settings.timeout
        return timeout is not None and time.time() - self.started > timeout

    def _interrupted(self, stop: StopRequest) -> Ending:
        assert stop.signal_name is not None
        return Ending(f"stopped by {stop.signal_name}", is_early=True, signal_name=stop.signal_name)
