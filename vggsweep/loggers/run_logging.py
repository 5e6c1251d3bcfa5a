"""All chosen loggers of one run: what becomes of them stops no training.

Each works in a thread of its own, which is handed the epochs so far and catches up with them. One that raises
is said once and left; one that does not answer is waited for only at the end, and not for long.
"""

from __future__ import annotations

import queue
import secrets
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from vggsweep.configuration.logger_settings import LoggerSettings
from vggsweep.configuration.secrets import masked
from vggsweep.errors import Superseded
from vggsweep.files import write_atomically
from vggsweep.identity import Identity
from vggsweep.loggers.choice import make_logger
from vggsweep.loggers.protocol import Ending, LoggedRun, Logger
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.training.interruption import StopRequest
from vggsweep.trial_log import log

# How long a trial waits for its loggers when it has ended.
PATIENCE = 30.0
PATIENCE_ON_SIGNAL = 5.0
# Of what a library says; all of it is in the trial's log.
LONGEST_REASON = 200
# Nodes of a record whose numbers are results.
RESULT_NODES = ("network", "costs", "metrics", "measurements", "timings")
NO_RUN = LoggedRun("", 0, "", False, Path(), {})
# What this process has seen fail, by sweep and name: a server that is gone is gone for the next trial too.
# One that a trial had to wait for is left alone for a while, or each short trial would wait as long.
REST_SECONDS = 600.0
_shown: set[tuple[str, str]] = set()
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
        self.console = console
        self.threads: list[_LoggerThread] = []
        waiting = {thread.name for thread in threading.enumerate()}
        for name, settings in loggers.items():
            thread = _LoggerThread(name, settings, run)
            if thread.name in waiting or _rests_until.get((run.sweep, name), 0.0) > time.monotonic():
                log.info("logger %s did not answer a trial before this one, which is not logged there", name)
                continue
            self.threads.append(thread)
            # made here: a training that forks readers of pictures must meet no import that is half done
            if thread.make():
                thread.start()
        self._tell_failures()

    def publish(self, epochs: Epochs) -> None:
        """Hand over all finished epochs; each logger writes those that it has not yet."""
        rows = [{name: value for name, value in row.items() if value is not None} for row in epochs]
        for thread in self.threads:
            thread.tasks.put(rows)
        self._tell_failures()

    def end(self, record: Record) -> None:
        """Hand over the result, and wait until it is written."""
        self._end(_ending(record, TrialDirectory(self.run.directory)))

    def interrupt(self) -> None:
        """Hand over that the same command continues the run."""
        self._end(Ending("INTERRUPTED"))

    def _end(self, ending: Ending) -> None:
        for thread in self.threads:
            thread.tasks.put(ending)
        began = time.monotonic()
        for thread in self.threads:
            while thread.is_alive() and (passed := time.monotonic() - began) < self._patience:
                thread.join(min(0.2, self._patience - passed))
            if thread.is_alive():
                thread.failure = f"it has not answered for {self._patience:g} s", ""
            if thread.failure is not None:
                _rests_until[self.run.sweep, thread.logger_name] = time.monotonic() + REST_SECONDS
        self._tell_failures()
        self.threads = []

    @property
    def _patience(self) -> float:
        return PATIENCE_ON_SIGNAL if self.stop.is_set else PATIENCE

    def _tell_failures(self) -> None:
        """Say why a logger failed; what this process has shown before, in the trial's log alone."""
        for thread in [one for one in self.threads if one.failure is not None]:
            assert thread.failure is not None
            self.threads.remove(thread)
            reason, trace = thread.failure
            if trace:
                log.info("%s", masked(trace))
            line = masked(f"logger {thread.logger_name} failed: {reason}. Training goes on without it.")
            log.info("%s", line)
            if (key := (self.run.sweep, thread.logger_name)) not in _shown:
                _shown.add(key)
                self.console.print(line, highlight=False, markup=False, soft_wrap=True)


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


class _LoggerThread(threading.Thread):
    """One logger at work; it never holds the process back from ending."""

    def __init__(self, name: str, settings: LoggerSettings, run: LoggedRun) -> None:
        super().__init__(name=f"vggsweep logger {name}", daemon=True)
        self.logger_name = name
        self.settings = settings
        self.logged = run
        self.tasks: queue.SimpleQueue[Epochs | Ending] = queue.SimpleQueue()
        self.failure: tuple[str, str] | None = None

    def make(self) -> bool:
        """Make the logger, which imports what it needs; False where that failed."""
        with self._failing():
            self.logger: Logger = make_logger(self.settings)
        return self.failure is None

    def run(self) -> None:
        with self._failing():
            self._log(self.logger)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (Exception, SystemExit) as error:
            words = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".: ")
            shown = words if len(words) <= LONGEST_REASON else f"{words[:LONGEST_REASON]}…"
            self.failure = shown, traceback.format_exc()

    def _log(self, logger: Logger) -> None:
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
