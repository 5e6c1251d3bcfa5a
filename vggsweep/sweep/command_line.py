"""Which trials the next sweep of this process trains again; the environment holds them until it is asked."""

from __future__ import annotations

import os
from collections.abc import Sequence

ONLY = "VGGSWEEP_ONLY"


def choose_only(numbers: Sequence[int]) -> None:
    """Make the next sweep of this process train these trials again and no other."""
    os.environ[ONLY] = " ".join(map(str, numbers))


def take_only() -> tuple[int, ...]:
    """Return the trials that were chosen, once: the choice is then forgotten."""
    return tuple(int(word) for word in os.environ.pop(ONLY, "").split())
