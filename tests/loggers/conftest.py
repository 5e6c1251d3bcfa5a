"""One trial that is logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tests.sweep.conftest import spec_of
from vggsweep.errors import Interrupted
from vggsweep.loggers import run_logging, threads
from vggsweep.results.disk.layout import TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.display.logged_report import log_report
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import EpochObserver
from vggsweep.trial import TrialSpec, run_trial

DONE = WorkerOutcome("every point of the space is done", is_early=False)


@dataclass
class LoggedTrial:
    """Trial 7 of the sweep ``logged``, which can be trained again and again in its directory."""

    plain: dict[str, Any]
    output: StringIO = field(default_factory=StringIO)

    @property
    def directory(self) -> TrialDirectory:
        return sweep_directory("logged").trial(7)

    def __call__(self, on_epoch: EpochObserver | None = None) -> Record:
        self.directory.path.mkdir(parents=True, exist_ok=True)
        spec = TrialSpec("logged", 7, self.directory, self.plain)
        console = Console(file=self.output, width=200)
        return run_trial(spec, stop=StopRequest(), console=console, on_epoch=on_epoch)

    def interrupted_after(self, epoch: int) -> None:
        def stop(result: EpochResult, _images: int) -> None:
            if result.epoch == epoch:
                raise Interrupted

        with pytest.raises(Interrupted):
            self(stop)


@pytest.fixture
def logged(tiny: Callable[..., dict[str, Any]]) -> Callable[..., LoggedTrial]:
    """``logged("logger=tensorboard")``: a trial of that configuration."""
    return lambda *words: LoggedTrial(tiny(*words))


@pytest.fixture
def report_again(quickstart: Path) -> Callable[..., None]:
    """``report_again("logger=tensorboard")``: ``quickstart`` ends once more, with these words."""
    words = ("arch.num_blocks=2", "arch.depth=2,3", "arch.width=2,4", "objective=acc_vs_macs")

    def end(*further: str, outcome: WorkerOutcome = DONE) -> None:
        log_report(spec_of(*words, "sweep.name=quickstart", *further), outcome)

    return end


@pytest.fixture(autouse=True)
def nothing_has_failed_before() -> Iterator[None]:
    threads._shown.clear()
    run_logging._rests_until.clear()
    yield
    run_logging._rests_until.clear()


@pytest.fixture
def my_loggers(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``my_loggers(text)``: a module of that name whose classes ``logger=custom`` finds."""

    def write(text: str) -> None:
        (own_folder / "my_loggers.py").write_text(text)
        monkeypatch.syspath_prepend(str(own_folder))
        monkeypatch.delitem(__import__("sys").modules, "my_loggers", raising=False)

    return write
