"""Start workers through Hydra's launchers, watch over them, and start again what was lost.

One worker with Hydra's basic launcher trains in this process. Everything else (several workers, another
launcher, a limit on the time of a trial) runs keepers, see `vggsweep.sweep.engine.keeper`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig

from vggsweep.errors import SweepError, VggsweepError
from vggsweep.sweep.ending import Ending
from vggsweep.sweep.engine.guard import guarded
from vggsweep.sweep.engine.keeper import Keeper, pickled
from vggsweep.sweep.engine.monitor import Monitor
from vggsweep.sweep.engine.starter import this_process
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.worker import Worker
from vggsweep.training.interruption import StopRequest, stop_on_signals

# Launches that ended in an error of the launcher, one after the other without a further finished trial.
MOST_BROKEN_LAUNCHES = 5


def run_workers(config: DictConfig, hydra_context: HydraContext, worker: Worker) -> Ending:
    """Run the workers of this command until the sweep is done or they are stopped.

    Args:
        config: as Hydra composed it; its launcher is chosen, see `vggsweep.sweep.engine.launcher`.
        hydra_context: for the launcher.
        worker: what each of them does.

    Raises:
        SweepError: the launcher fails again and again.
    """
    # "Launching 1 jobs locally" would be read as one trial; it is one worker.
    logging.getLogger("hydra._internal.core_plugins.basic_launcher").setLevel(logging.WARNING)
    order = worker.order
    workers = order.settings.n_workers
    name = launcher_name(config)
    if name == "basic" and workers == 1 and order.settings.trial_timeout is None:
        return _launch(config, hydra_context, worker, order, 1)[0]
    logging.getLogger("hydra_plugins").setLevel(logging.WARNING)  # launchers list jobs that all look the same
    starter = this_process(order.directory)
    keeper = Keeper(
        root=order.root,
        worker=pickled(worker),
        workers=workers if name == "joblib" else _workers_here(name, workers),
        trial_timeout=order.settings.trial_timeout,
        starter=starter,
        folder=str(Path.cwd()),
    )
    try:
        with guarded(), stop_on_signals() as stop, Monitor(order, starter, stop) as monitor:
            return _launch_again_and_again(config, hydra_context, keeper, order, stop, monitor)
    finally:
        starter.stop_file.unlink(missing_ok=True)


def launcher_name(config: DictConfig) -> str:
    """``basic``, ``joblib``, ``ray`` …: the option of ``hydra/launcher``."""
    return str(config.hydra.runtime.choices["hydra/launcher"])


def _launch_again_and_again(
    config: DictConfig,
    hydra_context: HydraContext,
    keeper: Keeper,
    order: SweepOrder,
    stop: StopRequest,
    monitor: Monitor,
) -> Ending:
    broken = 0
    done = monitor.done
    while True:
        try:
            return _together(_launch(config, hydra_context, keeper, order, order.settings.n_workers), stop)
        except VggsweepError:
            raise
        except Exception as error:  # each launcher has its own for a process that it lost
            if stop.is_set:
                return _stopped(stop)
            monitor.look()
            broken = broken + 1 if monitor.done == done else 1
            done = monitor.done
            if broken > MOST_BROKEN_LAUNCHES:
                raise SweepError(
                    f"hydra/launcher={launcher_name(config)} failed {broken} times without a further "
                    f"finished trial: {type(error).__name__}: {_first_line(error)}"
                ) from error
            monitor.say(
                f"vggsweep: the launcher lost a process ({type(error).__name__}); starting the workers again"
            )


def _launch(
    config: DictConfig, hydra_context: HydraContext, task: Any, order: SweepOrder, count: int
) -> list[Ending]:
    launcher = Plugins.instance().instantiate_launcher(
        config=config, hydra_context=hydra_context, task_function=task
    )
    # All of the line: Hydra refuses a job without the experiment that chose its launcher.
    returns = launcher.launch([list(order.fixed)] * count, initial_job_idx=0)
    endings = [job.return_value for job in returns]
    assert all(isinstance(ending, Ending) for ending in endings)
    return endings


def _together(endings: Sequence[Ending], stop: StopRequest) -> Ending:
    """What the endings of single workers mean for the sweep."""
    if stop.is_set:
        return _stopped(stop)
    done = [ending for ending in endings if not ending.is_early]
    stopped = [ending for ending in endings if ending.signal_name is not None]
    return (done or stopped or list(endings))[0]


def _stopped(stop: StopRequest) -> Ending:
    return Ending(f"stopped by {stop.signal_name}", is_early=True, signal_name=stop.signal_name)


def _workers_here(launcher: str, workers: int) -> int:
    """How many share the cores that one sees; a cluster's job has cores of its own."""
    return workers if launcher in ("basic", "submitit_local", "local") else 1


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else ""
