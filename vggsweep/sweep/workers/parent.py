"""The process behind a command: its workers end with it, and stop when it asks them to."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from vggsweep.files import write_atomically
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage.file_lock import host_name


@dataclass(frozen=True)
class ParentProcess:
    """A process, told apart from a later one with the same number by the time it began.

    Args:
        host, pid, began: which process; the latter as `began_at` has it.
        stop_file: written by it to stop its workers, wherever they run.
    """

    host: str
    pid: int
    began: float
    stop_file: Path

    def is_alive(self) -> bool:
        """Whether it still runs; taken for granted on another host."""
        if self.host != host_name():
            return True
        try:
            return abs(began_at(psutil.Process(self.pid)) - self.began) < 1.0
        except psutil.NoSuchProcess:
            return False

    def stop_signal(self) -> str | None:
        """What its workers stop for, or None."""
        try:
            return self.stop_file.read_text(encoding="utf-8")
        except OSError:
            return None if self.is_alive() else "the end of the command that started it"

    def ask_to_stop(self, signal_name: str) -> None:
        """Stop all workers of this command."""
        write_atomically(self.stop_file, signal_name)


def began_at(process: psutil.Process) -> float:
    """Seconds from the host's start to the process's: no change of the clock moves it."""
    return float(process.create_time() - psutil.boot_time())


def this_process(directory: SweepDirectory) -> ParentProcess:
    """This process as the parent of workers."""
    process = psutil.Process()
    stop_file = directory.workers / f"{secrets.token_hex(4)}.stop"
    return ParentProcess(host_name(), process.pid, began_at(process), stop_file)
