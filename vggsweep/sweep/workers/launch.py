"""Start workers through Hydra's launchers, watch over them, and start again what was lost.

One worker with Hydra's basic launcher trains in this process. Everything else (several workers, another
launcher, a limit on the time of a trial) runs supervisors, see `vggsweep.sweep.workers.supervisor`.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.types import HydraContext
from omegaconf import DictConfig

from vggsweep.configuration.hydra_node import launcher_of
from vggsweep.errors import SweepError, VggsweepError
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.workers.launchers import HERE
from vggsweep.sweep.workers.monitor import Monitor
from vggsweep.sweep.workers.parent import this_process
from vggsweep.sweep.workers.reaper import reaping
from vggsweep.sweep.workers.supervisor import WorkerSupervisor
from vggsweep.sweep.workers.worker import Worker
from vggsweep.training.interruption import StopRequest, stop_on_signals

# Launches that ended in an error of the launcher, one after the other without a further finished trial.
MOST_BROKEN_LAUNCHES = 5


def run_workers(config: DictConfig, hydra_context: HydraContext, worker: Worker) -> WorkerOutcome:
    """Run the workers of this command until the sweep is done or they are stopped.

    Args:
        config: as Hydra composed it; its launcher is chosen, see `vggsweep.sweep.workers.launchers`.
        hydra_context: for the launcher.
        worker: what each of them does.

    Raises:
        SweepError: the launcher fails again and again.
    """
    # "Launching 1 jobs locally" would be read as one trial; it is one worker.
    logging.getLogger("hydra._internal.core_plugins.basic_launcher").setLevel(logging.WARNING)
    spec = worker.spec
    workers = spec.settings.n_workers
    name = launcher_of(config.hydra)
    if name == "basic" and workers == 1 and spec.settings.trial_timeout is None:
        return _launch(config, hydra_context, worker, spec, 1)[0]
    logging.getLogger("hydra_plugins").setLevel(logging.WARNING)  # launchers list jobs that all look the same
    parent = this_process(spec.directory)
    supervisor = WorkerSupervisor(
        root=spec.root,
        worker=pickle.dumps(worker),
        # a cluster's job has cores of its own
        workers=workers if name in HERE else 1,
        trial_timeout=spec.settings.trial_timeout,
        parent=parent,
        folder=str(Path.cwd()),
    )
    launch = partial(_launch, config, hydra_context, supervisor, spec, workers)
    try:
        with reaping(), stop_on_signals() as stop, Monitor(spec, parent, stop) as monitor:
            return launch_with_retries(launch, name, stop, monitor)
    finally:
        parent.stop_file.unlink(missing_ok=True)


def launch_with_retries(
    launch: Callable[[], list[WorkerOutcome]], launcher: str, stop: StopRequest, monitor: Monitor
) -> WorkerOutcome:
    """Launch the workers, again when the launcher lost one of its processes.

    Raises:
        SweepError: launches failed one after the other without a further finished trial.
    """
    broken = 0
    done = monitor.done
    while True:
        try:
            return merge_outcomes(launch(), stop)
        except VggsweepError:
            raise
        except Exception as error:  # each launcher has its own for a process that it lost
            if stop.is_set:
                return WorkerOutcome.stopped(stop.signal_name)
            monitor.look()
            broken = broken + 1 if monitor.done == done else 1
            done = monitor.done
            if broken > MOST_BROKEN_LAUNCHES:
                raise SweepError(
                    f"hydra/launcher={launcher} failed {broken} times without a further "
                    f"finished trial: {type(error).__name__}: {''.join(str(error).strip().splitlines()[:1])}"
                ) from error
            monitor.say(
                f"vggsweep: the launcher lost a process ({type(error).__name__}); starting the workers again"
            )


def _launch(
    config: DictConfig, hydra_context: HydraContext, task_function: Any, spec: SweepSpec, count: int
) -> list[WorkerOutcome]:
    launcher = Plugins.instance().instantiate_launcher(
        config=config, hydra_context=hydra_context, task_function=task_function
    )
    # All of the line: Hydra refuses a job without the experiment that chose its launcher.
    return [job.return_value for job in launcher.launch([list(spec.fixed)] * count, initial_job_idx=0)]


def merge_outcomes(outcomes: Sequence[WorkerOutcome], stop: StopRequest) -> WorkerOutcome:
    """What the outcomes of single workers mean for the sweep."""
    if stop.is_set:
        return WorkerOutcome.stopped(stop.signal_name)
    done = [outcome for outcome in outcomes if not outcome.is_early]
    stopped = [outcome for outcome in outcomes if outcome.signal_name is not None]
    return (done or stopped or list(outcomes))[0]
