"""Loggers at work, each in a thread of its own: what becomes of one holds nobody up.

One that raises is said once and left; one that does not answer is waited for only at the end, and not for
long.
"""

from __future__ import annotations

import threading
import time
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from rich.console import Console

from vggsweep.configuration.logger_settings import LoggerSettings
from vggsweep.configuration.secrets import masked
from vggsweep.loggers.choice import make_logger
from vggsweep.loggers.protocol import Logger
from vggsweep.trial_log import log

# How long a trial, or a sweep, waits for its loggers when it has ended.
PATIENCE = 30.0
PATIENCE_ON_SIGNAL = 5.0
# Of what a library says; all of it is in the trial's log.
LONGEST_REASON = 200
# What this process has seen fail, by sweep and name: a server that is gone is gone for the next trial too.
_shown: set[tuple[str, str]] = set()


class LoggerThread(threading.Thread, ABC):
    """One logger at work; it never holds the process back from ending.

    Args:
        name: the logger's.
        settings: of it.
    """

    def __init__(self, name: str, settings: LoggerSettings) -> None:
        super().__init__(name=f"vggsweep logger {name}", daemon=True)
        self.logger_name = name
        self.settings = settings
        self.failure: tuple[str, str] | None = None

    @abstractmethod
    def work(self, logger: Logger) -> None:
        """Do what there is to do; it may raise anything."""

    def make(self) -> bool:
        """Make the logger, which imports what it needs; False where that failed."""
        with self._failing():
            self.logger = make_logger(self.settings)
        return self.failure is None

    def run(self) -> None:
        with self._failing():
            self.work(self.logger)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            words = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
            shown = words if len(words) <= LONGEST_REASON else f"{words[:LONGEST_REASON]}…"
            self.failure = shown, traceback.format_exc()


T = TypeVar("T", bound=LoggerThread)


class LoggerThreads(Generic[T]):
    """Loggers that work at the same time.

    Args:
        sweep: name of the sweep.
        console: where a failed one is said, once.
        consequence: what a failure means, as a sentence.
    """

    def __init__(self, sweep: str, console: Console, consequence: str) -> None:
        self.at_work: list[T] = []
        self._sweep = sweep
        self._console = console
        self._consequence = consequence

    def start(self, thread: T) -> None:
        """Let a logger begin.

        It is made in the thread that calls: a training that forks readers of pictures must meet no import
        that is half done.
        """
        self.at_work.append(thread)
        if thread.make():
            thread.start()

    def wait(self, patience: Callable[[], float]) -> list[str]:
        """Wait until all are done, and say which are not.

        Args:
            patience: seconds for all of them together; asked again and again, as a signal shortens it.

        Returns:
            Names of those that failed or did not answer.
        """
        began = time.monotonic()
        failed = []
        for thread in self.at_work:
            while thread.is_alive() and (passed := time.monotonic() - began) < patience():
                thread.join(min(0.2, patience() - passed))
            if thread.is_alive():
                thread.failure = f"it has not answered for {patience():g} s", ""
            if thread.failure is not None:
                failed.append(thread.logger_name)
        self.tell_failures()
        self.at_work = []
        return failed

    def tell_failures(self) -> None:
        """Say why a logger failed; what this process has shown before, in the trial's log alone."""
        for thread in [one for one in self.at_work if one.failure is not None]:
            assert thread.failure is not None
            self.at_work.remove(thread)
            reason, trace = thread.failure
            if trace:
                log.info("%s", masked(trace))
            line = masked(f"logger {thread.logger_name} failed: {reason}. {self._consequence}")
            log.info("%s", line)
            if (key := (self._sweep, thread.logger_name)) not in _shown:
                _shown.add(key)
                self._console.print(line, highlight=False, markup=False, soft_wrap=True)
