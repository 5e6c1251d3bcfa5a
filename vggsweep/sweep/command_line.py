"""The line as a person typed it: for messages, and for ``sweep.yaml``. Worker processes inherit it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

VARIABLE = "VGGSWEEP_COMMAND"
ONLY = "VGGSWEEP_ONLY"


def remember(words: Sequence[str]) -> None:
    """Keep the words of this process's command line."""
    os.environ[VARIABLE] = shlex.join(["vggsweep", *words])


def choose_only(numbers: Sequence[int]) -> None:
    """Make the next sweep of this process train these trials again and no other."""
    os.environ[ONLY] = " ".join(map(str, numbers))


def take_only() -> tuple[int, ...]:
    """Return the trials that were chosen, once: the choice is then forgotten."""
    return tuple(int(word) for word in os.environ.pop(ONLY, "").split())


def command_line() -> str:
    """The command, ready to paste."""
    return os.environ.get(VARIABLE, "vggsweep")
