"""``hydra/sweeper=vggsweep``, the class that Hydra finds.

Hydra imports this module in every application of the environment, so it holds a thin class and nothing
else; the work is imported when a sweep starts.
"""

from __future__ import annotations

import sys
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class VggSweeper(Sweeper):
    """Hands the words of ``vggsweep -m`` to workers that any Hydra launcher can run.

    Args:
        sampler: node of the chosen Optuna sampler; read again from the words, as workers do.
    """

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Remember what Hydra knows; our workers train by themselves and need no task function."""
        self.hydra_context = hydra_context
        self.config = config

    def sweep(self, arguments: list[str]) -> None:
        """Run the sweep to its end.

        Raises:
            SystemExit: always, with the exit code of the sweep.
        """
        from vggsweep.configuration.schema import NODES
        from vggsweep.configuration.secrets import masked
        from vggsweep.errors import ConfigError, VggsweepError
        from vggsweep.sweep.run import run_sweep

        assert self.config is not None
        assert self.hydra_context is not None
        try:
            if not set(NODES) <= set(self.config):
                raise ConfigError(
                    "hydra/sweeper=vggsweep trains the networks of the command vggsweep and cannot run "
                    "another application's task. Use hydra/sweeper=optuna here."
                )
            code = run_sweep(self.config, self.hydra_context, arguments)
        except VggsweepError as error:  # Hydra would show a traceback
            print(f"vggsweep: {masked(str(error))}", file=sys.stderr)
            code = error.exit_code
        raise SystemExit(code)
