"""The report of a sweep that still runs: drawn anew when records have changed, as often as costs little."""

from __future__ import annotations

import hashlib
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from vggsweep import __version__
from vggsweep.configuration.secrets import masked
from vggsweep.dashboard.live_curves import DrawnCurves, curves_stamp, draw_curves
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.display.progress import RunningTrial
from vggsweep.visible import visible

if TYPE_CHECKING:
    import pandas as pd

# While trials train, drawing takes at most one second of a processor in so many.
SHARE = 10
# A training goes first; beside two of them a drawing of two seconds still ends within ten.
NICENESS = 5


@dataclass(frozen=True)
class DrawnReport:
    """A whole page.

    Args:
        stamp: of the records that it shows.
        page: HTML, as UTF-8.
    """

    stamp: str
    page: bytes


class LiveReport:
    """The report of one sweep and its learning curves, drawn in a thread of its own, one at a time."""

    def __init__(self) -> None:
        self.drawn: DrawnReport | None = None
        self.curves: DrawnCurves | None = None
        self.fault = ""
        self._finished: pd.DataFrame | None = None
        self._tried: str | None = None
        self._tried_curves: str | None = None
        self._not_before = 0.0
        self._thread: threading.Thread | None = None

    def refresh(
        self, directory: SweepDirectory, running: Sequence[RunningTrial] = (), *, is_training: bool
    ) -> None:
        """Begin to draw what has changed since the last time.

        Args:
            directory: the sweep's.
            running: trials without a result, whose curves join those of the report.
            is_training: whether drawing would take time from a training; otherwise it begins at once.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        if is_training and time.monotonic() < self._not_before:
            return
        stamp = records_stamp(directory)
        if stamp is not None and stamp != self._tried:
            self._tried = stamp
            self._begin(partial(self._draw_report, directory, stamp))
        elif self.drawn is not None:
            of_curves = curves_stamp(self.drawn.stamp, running)
            if of_curves is None:
                self.curves = None  # those of the report are all there are
            elif of_curves != self._tried_curves:
                self._tried_curves = of_curves
                self._begin(partial(self._draw_curves, of_curves, directory, tuple(running)))

    def wait(self, seconds: float) -> None:
        """Until the drawing that has begun is done, at most so long."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _begin(self, drawing: Callable[[], None]) -> None:
        # a drawing does not keep the command from ending
        self._thread = threading.Thread(target=self._draw, args=(drawing,), name="report", daemon=True)
        self._thread.start()

    def _draw(self, drawing: Callable[[], None]) -> None:
        if sys.platform == "linux":  # where a thread has a priority of its own
            with suppress(OSError):
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        began = time.thread_time()
        try:
            drawing()
            self.fault = ""
        except Exception as error:  # files that vanish or are edited; the next change is tried again
            self.fault = visible(masked(f"the report cannot be drawn: {type(error).__name__}: {error}"))
        finally:
            self._not_before = time.monotonic() + SHARE * (time.thread_time() - began)

    def _draw_report(self, directory: SweepDirectory, stamp: str) -> None:
        # a second of imports, which the page does not wait for
        from vggsweep.results.findings.evidence import load_evidence
        from vggsweep.results.report import report_page
        from vggsweep.results.statistics.front import same_data

        evidence = load_evidence([directory], keeps_index=False)
        page = report_page(evidence, version=__version__)
        self._finished, _ = same_data(evidence.table)
        self.drawn = DrawnReport(stamp, page.encode())

    def _draw_curves(self, stamp: str, directory: SweepDirectory, running: Sequence[RunningTrial]) -> None:
        assert self._finished is not None
        self.curves = draw_curves(stamp, self._finished, directory, running)


def records_stamp(directory: SweepDirectory) -> str | None:
    """What changes whenever the report would: a digest of every record's name, time and size.

    Returns:
        None where there is no record.
    """
    digest = hashlib.blake2b(digest_size=8)
    found = False
    try:
        with os.scandir(directory.trials) as entries:
            names = sorted(entry.name for entry in entries if entry.name.isdecimal())
    except OSError:
        return None
    files = [f"{directory.trials}/{name}/record.json" for name in names]
    for file in (*files, str(directory.settings), str(directory.best)):
        with suppress(OSError):
            status = os.stat(file)
            digest.update(f"{file}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_size}\n".encode())
            found = found or file.endswith("record.json")
    return digest.hexdigest() if found else None
