"""Measure the time since a sweep began, also when the clock is set meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from vggsweep.sweep.storage.file_lock import host_name


@dataclass(frozen=True)
class StartTime:
    """The moment at which a sweep's time began; picklable.

    Processes of one host share a clock that nobody can set; others have only the time of day.

    Args:
        host: where it was taken.
        monotonic: seconds by that host's own clock.
        of_day: UNIX time.
    """

    host: str = field(default_factory=host_name)
    monotonic: float = field(default_factory=time.monotonic)
    of_day: float = field(default_factory=time.time)

    def passed(self) -> float:
        """Seconds since then."""
        if self.host == host_name() and (seconds := time.monotonic() - self.monotonic) >= 0:
            return seconds
        return max(0.0, time.time() - self.of_day)
