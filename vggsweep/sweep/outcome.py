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
