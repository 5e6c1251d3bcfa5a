"""Whether a training waits for cores that other work has, while its threads spin."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import torch

# Of the thread that reads it: nanoseconds that it ran, and that it waited for a core.
SCHEDULED = Path("/proc/thread-self/schedstat")
WINDOW_SECONDS = 10.0
# Of the time in which a thread could run. Of two threads on two cores .13 was waited with most of both cores
# to themselves, .43 beside one busy process (a third of the images per second), .57 beside two, .9 beside
# fifteen.
MOST_WAITED = 1 / 3


class CoreWatch:
    """Says once that the thread which trains waits for cores.

    torch's threads spin while they wait for each other. One that has lost its core keeps all others spinning,
    so that a step takes many times as long, not twice. Where the kernel does not say how long a thread waited
    (elsewhere than on Linux) nothing is said.

    Args:
        tell: gets the sentence as well.
    """

    def __init__(self, tell: Callable[[str], None] = lambda text: None) -> None:
        self._tell = tell
        self._is_said = False
        self._since = time.monotonic()
        self._before: tuple[int, int, int] | None = None

    def begin(self, device: str = "cpu") -> None:
        """Count from now on, in the thread that trains; only the CPU is looked at."""
        self._since = time.monotonic()
        self._before = _scheduled() if device == "cpu" and not self._is_said else None

    def look(self) -> str | None:
        """The sentence, once, when a window has passed in which a third of the time was waited."""
        if self._before is None or (now := time.monotonic()) - self._since < WINDOW_SECONDS:
            return None
        before, found = self._before, _scheduled()
        self._since, self._before = now, found
        if found is None or before[0] != found[0]:  # another thread's numbers
            return None
        ran, waited = found[1] - before[1], found[2] - before[2]
        text = crowded(
            ran / 1e9, waited / 1e9, torch.get_num_threads(), os.environ.get("OMP_WAIT_POLICY", "")
        )
        if text is not None:
            self._is_said, self._before = True, None
            self._tell(text)
        return text


def crowded(ran: float, waited: float, threads: int, policy: str) -> str | None:
    """What to say of a thread that waited for a core, or None where all is well.

    Args:
        ran, waited: seconds of a window; where they are few the thread slept, and nothing is wrong.
        threads: of torch; one waits for no other.
        policy: of OpenMP; passive threads do not spin.

    >>> crowded(9.0, 1.0, 2, ""), crowded(1.0, 9.0, 1, ""), crowded(1.0, 9.0, 2, "passive")
    (None, None, None)
    >>> crowded(0.1, 0.9, 2, "")
    >>> print(crowded(4.0, 6.0, 2, "").partition(":")[0])
    this training waits for a core 60 % of the time
    """
    runnable = ran + waited
    if threads == 1 or policy.lower() == "passive" or runnable < WINDOW_SECONDS / 4:
        return None
    if waited <= MOST_WAITED * runnable:
        return None
    return (
        f"this training waits for a core {100 * waited / runnable:.0f} % of the time: other work has it, and "
        f"torch's {threads} threads spin meanwhile. OMP_WAIT_POLICY=passive before the same command, or "
        "train.threads=1 in a new one, can make it several times as fast."
    )


def _scheduled() -> tuple[int, int, int] | None:
    """This thread, and its nanoseconds of running and of waiting for a core."""
    try:
        ran, waited = SCHEDULED.read_text(encoding="ascii").split()[:2]
        return int(SCHEDULED.parent.readlink().name), int(ran), int(waited)
    except (OSError, ValueError):
        return None
