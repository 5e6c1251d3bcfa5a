"""The sweep room: from the words of ``vggsweep -m`` to trained trials in an Optuna study.

application.py   a line checked and run by Hydra: the command's, or that of a call from Python
plugin.py        the class that Hydra finds as ``hydra/sweeper=vggsweep``
run.py           a sweep from its first word to its last
single_run.py    one configuration without a sweep; rerun.py trains failed ones again
confirm.py       the best networks of a sweep as a sweep of their own; tested.py opens the test set for them
status.py        a sweep at one moment, for a process that only looks at it
hydra_task.py    Hydra's task functions, of a single run and of a sweep
stagewise.py     the hook of ``space=stagewise``
command_line.py  which trials the next sweep trains again
outcome.py       how a worker, and a sweep, ended

spec/            what was asked: search space, sampler, objective, pruner, and the checks of all
storage/         the study, its database, its locks, and what is written on its trials
pruning/         which trials end early
search/          the sampler that knows costs, and when a sweep has reached a plateau
scheduling/      which configuration is next, who trains it, and whether its worker lives
display/         how far a sweep is, and what it found
workers/         processes that train, through any of Hydra's launchers
recovery/        continuing a sweep, and putting right what was lost or changed

`[tool.importlinter]` in pyproject.toml says which floor imports which: storage is the lowest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from vggsweep.python.sweep import Sweep


class _Callable(ModuleType):
    """Lets ``vggsweep.sweep([…])`` run a sweep although this room has the same name.

    Importing a module of the room puts the room in the package in place of any function of its name.
    """

    def __call__(
        self,
        overrides: Iterable[str] = (),
        *,
        n_trials: int | None = None,
        n_workers: int | None = None,
        config_dir: str | Path | None = None,
    ) -> Sweep:
        """Run a sweep to its end; see `vggsweep.python.calls.sweep`."""
        from vggsweep.python.calls import sweep

        return sweep(overrides, n_trials=n_trials, n_workers=n_workers, config_dir=config_dir)


sys.modules[__name__].__class__ = _Callable
