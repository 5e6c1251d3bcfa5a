"""One trial outside of any study, for the tests of what a trial does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from vggsweep.errors import Interrupted
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import EpochObserver
from vggsweep.trial import TrialSpec, run_trial


@dataclass
class Trial:
    """One trial outside of any study."""

    plain: Mapping[str, Any]
    directory: TrialDirectory
    output: StringIO
    rungs: tuple[int, ...] = ()

    def __call__(self, on_epoch: EpochObserver | None = None) -> Record:
        swept = {"arch.kernel_size": 3}
        assignment = TrialSpec("alone", 7, self.directory, self.plain, ["a=1"], swept, rungs=self.rungs)
        console = Console(file=self.output, width=200)
        return run_trial(assignment, stop=StopRequest(), console=console, on_epoch=on_epoch)


@pytest.fixture
def trial(tiny: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Trial]:
    """``trial("seed=1")``: that configuration, to be trained in the same directory again and again."""
    directory = TrialDirectory(tmp_path / "00007")
    directory.path.mkdir()
    return lambda *words: Trial(tiny(*words), directory, StringIO())


def interrupted_after(epoch: int) -> EpochObserver:
    """Stops a trial as a second Ctrl-C does, right after an epoch's checkpoint."""

    def observe(result: EpochResult, _val_images: int) -> None:
        if result.epoch == epoch:
            raise Interrupted

    return observe
