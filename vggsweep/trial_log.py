"""``trial.log``: every line of one trial, whatever the console shows."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from vggsweep.files import write_failed
from vggsweep.results.disk.layout import TrialDirectory

# The console has its own view (`ProgressBar`), so nothing propagates to it.
log = logging.getLogger("vggsweep.trial")
log.propagate = False
log.setLevel(logging.INFO)


@contextmanager
def logged_to(directory: TrialDirectory) -> Iterator[None]:
    """Write the lines of a trial into its ``trial.log`` within the block.

    Raises:
        WriteFailed: the file cannot be opened.
    """
    try:
        handler = LogFile(directory.log, encoding="utf-8")
    except OSError as error:
        raise write_failed(directory.log, error) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        with suppress(OSError):
            handler.close()


class LogFile(logging.FileHandler):
    """A full disk costs it lines; what must not be lost says so by itself."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Go on."""
