"""``hydra/sweeper=vggsweep``, the class that Hydra finds.

Hydra imports this module in every application of the environment, so it holds a thin class and nothing
else; the work is imported when a sweep starts.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from vggsweep.sweep.outcome import SweepEnding


class VggSweeper(Sweeper):
    """Hands the sweep of ``vggsweep -m`` to workers that any Hydra launcher can run.

    Args:
        sampler: node of the chosen Optuna sampler; it was read with the line.
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra knows; our workers train by themselves and read nothing but the command."""
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> SweepEnding:
        """Run the sweep to its end, as it was checked before Hydra started.

        Raises:
            SystemExit: another application chose this sweeper.
            VggsweepError: the sweep cannot start.
        """
        from vggsweep.errors import EXIT_USAGE
        from vggsweep.sweep.hydra_task import SweepJob
        from vggsweep.sweep.run import run_sweep

        assert self.config is not None
        assert self.hydra_context is not None
        job = self.task_function
        if not isinstance(job, SweepJob) or job.order is None:
            # an exception would be shown as a traceback there
            print(
                "vggsweep: hydra/sweeper=vggsweep trains the networks of the command vggsweep and cannot run "
                "another application's task. Use hydra/sweeper=optuna here.",
                file=sys.stderr,
            )
            raise SystemExit(EXIT_USAGE)
        return run_sweep(job.order, self.config, self.hydra_context)
