"""All chosen loggers of one run: what becomes of them stops no training.

Each is handed the epochs so far and catches up with them.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from vggsweep.configuration.logger_settings import LoggerSettings
from vggsweep.errors import Superseded
from vggsweep.files import write_atomically
from vggsweep.identity import Identity
from vggsweep.loggers import threads
from vggsweep.loggers.protocol import Ending, LoggedRun, Logger
from vggsweep.loggers.threads import LoggerThread, LoggerThreads
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.training.interruption import StopRequest
from vggsweep.trial_log import log

# Nodes of a record whose numbers are results.
RESULT_NODES = ("network", "costs", "metrics", "measurements", "timings")
NO_RUN = LoggedRun("", 0, "", False, Path(), {})
# One that a trial had to wait for is left alone for a while, or each short trial would wait as long.
REST_SECONDS = 600.0
_rests_until: dict[tuple[str, str], float] = {}

Epochs = Sequence[Mapping[str, Any]]


class RunLogging:
    """The loggers of one run; with none it does nothing.

    Args:
        loggers: settings of each, by its name.
        run: what they are told of.
        stop: a signal shortens the wait for them.
        console: where a failed one is said, once.
    """

    def __init__(
        self, loggers: Mapping[str, LoggerSettings], run: LoggedRun, stop: StopRequest, console: Console
    ) -> None:
        self.run = run
        self.stop = stop
        self.threads: LoggerThreads[_RunThread] = LoggerThreads(
            run.sweep, console, "Training goes on without it."
        )
        waiting = {thread.name for thread in threading.enumerate()}
        for name, settings in loggers.items():
            thread = _RunThread(name, settings, run)
            if thread.name in waiting or _rests_until.get((run.sweep, name), 0.0) > time.monotonic():
                log.info("logger %s did not answer a trial before this one, which is not logged there", name)
                continue
            self.threads.start(thread)
        self.threads.tell_failures()

    def publish(self, epochs: Epochs) -> None:
        """Hand over all finished epochs; each logger writes those that it has not yet."""
        rows = [{name: value for name, value in row.items() if value is not None} for row in epochs]
        for thread in self.threads.at_work:
            thread.tasks.put(rows)
        self.threads.tell_failures()

    def end(self, record: Record) -> None:
        """Hand over the result, and wait until it is written."""
        self._end(_ending(record, TrialDirectory(self.run.directory)))

    def interrupt(self) -> None:
        """Hand over that the same command continues the run."""
        self._end(Ending("INTERRUPTED"))

    def _end(self, ending: Ending) -> None:
        for thread in self.threads.at_work:
            thread.tasks.put(ending)
        for name in self.threads.wait(self._patience):
            _rests_until[self.run.sweep, name] = time.monotonic() + REST_SECONDS

    def _patience(self) -> float:
        return threads.PATIENCE_ON_SIGNAL if self.stop.is_set else threads.PATIENCE


@contextmanager
def logging_trial(
    loggers: Mapping[str, LoggerSettings],
    sweep: str,
    trial: int,
    directory: TrialDirectory,
    identity: Identity,
    plain: Mapping[str, Any],
    stop: StopRequest,
    console: Console,
) -> Iterator[RunLogging]:
    """Log a trial within the block; one that ends without a record counts as interrupted.

    Args:
        loggers: settings of each, by its name.
        sweep: name of the sweep.
        trial: the study's trial number.
        directory: the trial's.
        identity: of the trial.
        plain: resolved values of its configuration.
        stop, console: of the trial.

    Raises:
        WriteFailed: the directory cannot be written.
    """
    run = logged_run(sweep, trial, directory, identity, plain) if loggers else NO_RUN
    logging = RunLogging(loggers, run, stop, console)
    try:
        yield logging
    except Superseded:  # another worker goes on with the run
        raise
    except BaseException:
        logging.interrupt()
        raise


class _RunThread(LoggerThread):
    """One logger of a run, which is handed all finished epochs again and again."""

    def __init__(self, name: str, settings: LoggerSettings, run: LoggedRun) -> None:
        super().__init__(name, settings)
        self.logged = run
        self.tasks: queue.SimpleQueue[Epochs | Ending] = queue.SimpleQueue()

    def work(self, logger: Logger) -> None:
        done = logger.begin(self.logged)
        while not isinstance(task := self.tasks.get(), Ending):
            for number, row in enumerate(task[done:], start=done + 1):
                logger.epoch(number, {name: value for name, value in row.items() if name != "epoch"})
            done = max(done, len(task))
        logger.end(task)


def logged_run(
    sweep: str, trial: int, directory: TrialDirectory, identity: Identity, plain: Mapping[str, Any]
) -> LoggedRun:
    """The run of a trial: the one that was begun before, unless its epochs are trained anew.

    Args, Raises: as `logging_trial`.
    """
    known = (
        directory.run.read_text(encoding="utf-8", errors="replace").split() if directory.run.is_file() else []
    )
    has_checkpoint = directory.checkpoint.exists() or directory.previous_checkpoint.exists()
    is_continued = known[1:] == [identity.short] and (has_checkpoint or not directory.history.is_file())
    token = known[0] if is_continued else secrets.token_hex(8)
    if not is_continued:
        write_atomically(directory.run, f"{token} {identity.short}\n")
    return LoggedRun(sweep, trial, token, is_continued, directory.path, plain)


def _ending(record: Record, directory: TrialDirectory) -> Ending:
    """How a trial with a record ended."""
    plain = asdict(record)
    results = {
        f"{node}/{name}": float(value)
        for node in RESULT_NODES
        for name, value in plain[node].items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    files = [path for path in (directory.record, directory.config, directory.history) if path.is_file()]
    return Ending(record.state, record.reason, results, files)
