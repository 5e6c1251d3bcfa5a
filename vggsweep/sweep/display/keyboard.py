"""Single keys of the terminal, without Enter."""

from __future__ import annotations

import os
import select
import sys
import time
from typing import Any

if sys.platform != "win32":
    import termios
    import tty


class Keys:
    """Reads keys while the block lasts; where no person is at the keyboard it only waits.

    A command in the background may not ask the terminal: it would be stopped. On Windows it only waits.
    """

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self._before: list[Any] = []

    def __enter__(self) -> Keys:
        if sys.platform != "win32":
            try:
                descriptor = sys.stdin.fileno()
                if os.tcgetpgrp(descriptor) == os.getpgrp():
                    self._before = termios.tcgetattr(descriptor)
                    tty.setcbreak(descriptor)  # Ctrl-C stays what it is
                    self._descriptor = descriptor
            except (OSError, ValueError, AttributeError, termios.error):  # no terminal, or closed
                pass
        return self

    def __exit__(self, *_: object) -> None:
        if sys.platform != "win32" and self._descriptor is not None:
            termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)

    def wait(self, seconds: float) -> str:
        """The next key within some seconds; empty for none."""
        if self._descriptor is None:
            time.sleep(seconds)
            return ""
        ready, _, _ = select.select([self._descriptor], [], [], seconds)
        key = os.read(self._descriptor, 1) if ready else b""
        if ready and not key:  # the terminal is gone
            self._descriptor = None
        return key.decode("utf-8", "replace").lower()
