"""Standard output and error that cannot end the work: closed, full, or a pipe whose reader left.

What cannot be shown is lost, and nothing else: a training goes on, and its exit code is its own. Only a verb,
whose work is what it prints, fails when that could not be written.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import TextIO

from vggsweep.errors import VggsweepError

NAMES = ("stdin", "stdout", "stderr")


class _Lossy(io.FileIO):
    """A descriptor whose refusals are remembered instead of raised."""

    failure: OSError | None = None

    def write(self, data: object) -> int:
        """Write what can be written; claim that all of it was."""
        try:
            while (written := super().write(data)) is None:  # type: ignore[arg-type]
                select.select([], [self], [])  # somebody made the terminal or pipe non-blocking
            return written
        except OSError as error:
            self.failure = error
            return memoryview(data).nbytes  # type: ignore[arg-type]


def make_lossy() -> None:
    """Replace this process's standard streams by ones that never raise; those of a test are left alone.

    A stream that was closed leads nowhere from now on: its number would otherwise become that of the next
    file that is opened, and a library's message would be written into a database. What an encoding lacks is
    escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one
    for number in (1, 2):
        name = NAMES[number]
        if getattr(sys, name) is getattr(sys, f"__{name}__"):
            setattr(sys, name, _lossy(getattr(sys, name), number))


def _lossy(stream: TextIO | None, number: int) -> TextIO:
    raw = _Lossy(number, "w", closefd=False)
    is_by_line = number == 2 or bool(getattr(stream, "line_buffering", False))
    encoding = getattr(stream, "encoding", None) or "utf-8"
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=is_by_line
    )


def check_output() -> None:
    """Refuse to call output done that was not written; a reader that left has seen what it wanted.

    Raises:
        VggsweepError: naming the reason.
    """
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    failure = raw.failure if isinstance(raw, _Lossy) else None
    if failure is not None and failure.errno != errno.EPIPE:
        raise VggsweepError(f"Standard output cannot be written: {failure.strerror}. Some of it is missing.")
