"""One sweep as a browser follows it: looked at when asked, at most once a second, by one thread at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from importlib.util import find_spec

from vggsweep.configuration.secrets import masked
from vggsweep.dashboard.live_report import LiveReport
from vggsweep.dashboard.optuna_pages import OptunaPages
from vggsweep.dashboard.state import TRAINING, WAITING, PageState, page_state
from vggsweep.errors import ConfigError, VggsweepError
from vggsweep.results.disk.layout import SweepDirectory, find_sweep
from vggsweep.results.disk.sweep_file import read_ended
from vggsweep.sweep.display.progress import RunningTrial
from vggsweep.sweep.status import NothingYet, StatusReader
from vggsweep.visible import visible

SECONDS_BETWEEN_LOOKS = 1.0
# A database that does not answer makes one look wait; the others say so after this time.
PATIENCE = 3.0


class LiveSweep:
    """What the page shows of one sweep. When nobody looks at the page, nothing is read.

    Args:
        word: directory or name, as for other verbs; None for the newest. It need not exist yet.
    """

    def __init__(self, word: str | None) -> None:
        self.report = LiveReport()
        self.optuna: OptunaPages | None = None
        self._word = word
        self._reader: StatusReader | None = None
        self._state = PageState(visible(word or "the first sweep"), WAITING, "")
        self._looked = -SECONDS_BETWEEN_LOOKS
        self._lock = threading.Lock()

    def state(self) -> PageState:
        """The sweep now, or a second ago; never raises, whatever became of its files."""
        if not self._lock.acquire(timeout=PATIENCE):
            return replace(self._state, message="the study does not answer; this is what it said last")
        try:
            if time.monotonic() - self._looked >= SECONDS_BETWEEN_LOOKS:
                self._state = self._look()
                self._looked = time.monotonic()
            return self._with_report(self._state)
        finally:
            self._lock.release()

    def _with_report(self, state: PageState) -> PageState:
        """The report may have been drawn since the look."""
        drawn, curves, fault = self.report.drawn, self.report.curves, self.report.fault
        return replace(
            state,
            notes=(*state.notes, fault) if fault else state.notes,
            report=None if drawn is None else drawn.stamp,
            curves=None if curves is None else curves.stamp,
        )

    def _look(self) -> PageState:
        try:
            if self._reader is None:
                self._reader = StatusReader(find_sweep(self._word))
            return self._read(self._reader)
        except ConfigError as error:  # NothingYet among them
            waits = f"waiting for {self._state.name}: {error}" if self._reader is None else str(error)
            return self._troubled(waits)
        except VggsweepError as error:
            return self._troubled(str(error))
        except Exception as error:  # what is removed or edited under our hands; the next look may succeed
            return self._troubled(f"{type(error).__name__}: {error}")

    def _read(self, reader: StatusReader) -> PageState:
        directory = reader.directory
        if not directory.path.is_dir():
            raise NothingYet(f"{directory.path} is gone; the page goes on when it is back.")
        is_training = False
        running: tuple[RunningTrial, ...] = ()
        try:
            status = reader.read()
            running = status.progress.running
            state = page_state(directory.name, status, _last_end(directory))
            is_training = state.phase == TRAINING
        finally:
            reader.disconnect()
            # single runs and sweeps without a study have results all the same
            self.report.refresh(directory, running, is_training=is_training)
        if status.is_of_records:
            self.optuna = None
        elif self.optuna is None and find_spec("optuna_dashboard") is not None:
            self.optuna = OptunaPages(directory, status.storage)
        return replace(state, has_optuna=self.optuna is not None)

    def _troubled(self, message: str) -> PageState:
        """What was known before, and why no more is."""
        name = self._state.name if self._reader is None else visible(self._reader.directory.name)
        last = replace(self._state, name=name, phase=WAITING, left="", running=())
        return replace(last, message=visible(masked(" ".join(message.split()))))


def _last_end(directory: SweepDirectory) -> str | None:
    """Why the sweep's command ended; None where it has begun a trial since."""
    try:
        if directory.trials.stat().st_mtime > directory.best.stat().st_mtime:
            return None
    except OSError:
        return None
    return read_ended(directory.best)
