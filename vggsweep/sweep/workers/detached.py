"""Queue the workers of a sweep as jobs and do not wait for them: ``sweep.detach=true``.

The jobs are SLURM's, so they outlive the command, are listed by ``squeue`` and ended by ``scancel``. Their
ids are kept in ``workers/jobs.txt``: the same command queues no second set while they wait or run.
"""

from __future__ import annotations

import pickle
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from vggsweep.files import write_atomically
from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.trial_attrs import counted
from vggsweep.sweep.workers.jobs import jobs_of, refused
from vggsweep.sweep.workers.supervisor import WorkerSupervisor
from vggsweep.sweep.workers.worker import Worker


@dataclass(frozen=True)
class QueuedJobs:
    """The jobs of a sweep's workers.

    Args:
        before: ids of those that an earlier command queued and that still wait or run.
        new: ids of those that this one queued.
    """

    before: tuple[str, ...]
    new: tuple[str, ...]

    def lines(self, name: str) -> str:
        """What a person wants to know when the command ends."""
        ids = [*self.before, *self.new]
        said = [f"{len(self.new)} queued ({', '.join(self.new)})" if self.new else "none is added"]
        if self.before:
            said.insert(0, f"{len(self.before)} already queued or running ({', '.join(self.before)})")
        return "\n".join(
            [
                f"Sweep {name}, jobs of its workers: {', '.join(said)}.",
                f"  follow    vggsweep status {shlex.quote(name)} --watch",
                f"  jobs      squeue --jobs={','.join(ids)}",
                f"  end       scancel {' '.join(ids)}",
            ]
        )


def queue_workers(config: DictConfig, worker: Worker) -> QueuedJobs | None:
    """Queue as many jobs as ``n_workers`` lacks.

    Args:
        config: as Hydra composed it; its launcher is submitit's for SLURM.
        worker: what each job does.

    Returns:
        The jobs, or None when the sweep has reached its total and needs none.

    Raises:
        SweepError: SLURM does not answer, or refuses the jobs.
    """
    spec = worker.spec
    directory = spec.directory
    if not spec.only:
        trials = spec.open_study().get_trials(deepcopy=False)
        total = spec.extent.total(trials)
        if total is not None and len(counted(trials)) >= total:
            return None
    supervisor = WorkerSupervisor(
        root=spec.root,
        worker=pickle.dumps(worker),
        workers=1,  # a job has cores of its own
        trial_timeout=spec.settings.trial_timeout,
        parent=None,
        folder=str(Path.cwd()),
    )
    with held(directory.workers / "submit.lock"):  # two commands at once would queue two sets
        before = list(jobs_of(directory))
        missing = spec.settings.n_workers - len(before)
        new = submit(config.hydra.launcher, supervisor, missing) if missing > 0 else []
        write_atomically(directory.jobs, "".join(f"{job}\n" for job in [*before, *new]))
    return QueuedJobs(tuple(before), tuple(new))


def submit(launcher: DictConfig, supervisor: WorkerSupervisor, count: int) -> Sequence[str]:
    """Queue jobs as Hydra's launcher would, without its wait for their results; return their ids.

    Raises:
        SweepError: SLURM refuses them.
    """
    import submitit
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

    common = OmegaConf.structured(BaseQueueConf)
    told: dict[str, Any] = {}
    for key, value in OmegaConf.to_container(launcher, resolve=True).items():  # type: ignore[union-attr]
        told[str(key) if key in common else f"slurm_{key!s}"] = value
    del told["slurm__target_"]
    of_executor = {name: told.pop(name) for name in ("slurm_max_num_timeout", "slurm_python")}
    try:
        executor = submitit.AutoExecutor(folder=told.pop("submitit_folder"), cluster="slurm", **of_executor)
        executor.update_parameters(**told)
        return [str(job.job_id) for job in executor.map_array(supervisor, [None] * count)]
    except (OSError, RuntimeError, ValueError, subprocess.CalledProcessError) as error:
        raise refused(error) from error
