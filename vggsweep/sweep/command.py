"""The line as a person typed it: for messages, and for ``sweep.yaml``. Worker processes inherit it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

VARIABLE = "VGGSWEEP_COMMAND"


def remember(words: Sequence[str]) -> None:
    """Keep the words of this process's command line."""
    os.environ[VARIABLE] = shlex.join(["vggsweep", *words])


def command_line() -> str:
    """The command, ready to paste."""
    return os.environ.get(VARIABLE, "vggsweep")
