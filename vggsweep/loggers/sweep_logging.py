"""All chosen loggers of a sweep that has ended: each keeps its report, in a run of the sweep's own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from vggsweep.configuration.logger_settings import LoggerSettings
from vggsweep.files import write_atomically
from vggsweep.loggers import threads
from vggsweep.loggers.protocol import LoggedSweep, Logger, SweepLogger
from vggsweep.loggers.threads import LoggerThread, LoggerThreads
from vggsweep.results.disk.layout import SweepDirectory


def log_sweep(loggers: Mapping[str, LoggerSettings], sweep: LoggedSweep, console: Console) -> None:
    """Hand over a sweep that has ended, and wait until it is written, but not for long.

    Args:
        loggers: settings of each, by its name.
        sweep: what they are told of.
        console: where a failed one is said.
    """
    working: LoggerThreads[_SweepThread] = LoggerThreads(
        sweep.sweep, console, "The sweep's report is not there; the same command, typed again, writes it."
    )
    for name, settings in loggers.items():
        working.start(_SweepThread(name, settings, sweep))
    working.wait(lambda: threads.PATIENCE)


def logged_sweep(
    directory: SweepDirectory, notes: Mapping[str, str], results: Mapping[str, float]
) -> LoggedSweep:
    """The run of a sweep's report: the one that was written before, or a new one.

    Args:
        directory: the sweep's.
        notes, results: as `LoggedSweep` has them.

    Raises:
        WriteFailed: the directory cannot be written.
    """
    known = _first_word(directory.run)
    token = known or secrets.token_hex(8)
    if known is None:
        write_atomically(directory.run, f"{token}\n")
    trials = map(directory.trial, directory.begun_trials())
    runs = frozenset(word for trial in trials if (word := _first_word(trial.run)) is not None)
    files = (directory.report, directory.table, directory.front, directory.best)
    there = [path for path in files if path.is_file()]
    return LoggedSweep(directory.name, token, directory.path, runs, notes, results, there)


def _first_word(path: Path) -> str | None:
    with suppress(OSError, IndexError):
        return path.read_text(encoding="utf-8", errors="replace").split()[0]
    return None


class _SweepThread(LoggerThread):
    def __init__(self, name: str, settings: LoggerSettings, sweep: LoggedSweep) -> None:
        super().__init__(name, settings)
        self.logged = sweep

    def work(self, logger: Logger) -> None:
        if isinstance(logger, SweepLogger):  # one of a person's own may know trials alone
            logger.end_sweep(self.logged)
