"""How a worker's work ended; light, because processes that never train exchange it."""

from __future__ import annotations

from dataclasses import dataclass


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
