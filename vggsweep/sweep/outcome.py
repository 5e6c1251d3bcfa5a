"""How a worker's work and a sweep ended; light, because processes that never train exchange it."""

from __future__ import annotations

from dataclasses import dataclass

from vggsweep.errors import EXIT_INTERRUPTED, Stopped, SweepError


@dataclass(frozen=True)
class WorkerOutcome:
    """How a worker, or the whole sweep, ended.

    Args:
        reason: one sentence.
        is_early: whether the sweep is not done.
        signal_name: set when a signal ended it.
    """

    reason: str
    is_early: bool
    signal_name: str | None = None

    @classmethod
    def stopped(cls, signal_name: str | None) -> WorkerOutcome:
        """The outcome of work that a signal ended."""
        return cls(f"stopped by {signal_name}", is_early=True, signal_name=signal_name)


@dataclass(frozen=True)
class SweepEnding:
    """How a sweep's command ended.

    Args:
        name: the sweep's.
        exit_code: of the command.
        why: one paragraph where that is not 0: what stopped it, and what continues it.
    """

    name: str
    exit_code: int = 0
    why: str = ""

    def check(self) -> None:
        """Turn any end but a good one into an exception.

        Raises:
            Stopped: a signal ended it.
            SweepError: it stopped early, or no trial completed.
        """
        if self.exit_code == EXIT_INTERRUPTED:
            raise Stopped(self.why)
        if self.exit_code:
            raise SweepError(self.why)
