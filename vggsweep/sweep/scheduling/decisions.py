"""What a worker does next: train a trial, show one that was taken over, wait, or stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from filelock import FileLock

from vggsweep.identity import Identity
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.scheduling.ownership import Owner
from vggsweep.sweep.storage.trial_attrs import TrialAttrs


@dataclass(frozen=True)
class Assignment:
    """A trial that this process owns until it releases the lock.

    Args:
        number, trial_id: the study's.
        directory: the trial's own, which exists.
        lock: held.
        plain: resolved configuration.
        attrs: what the study knows of it.
        owner: this process, under a token of this ownership.
        identity: what its result belongs to.
        notes: what a reader of the result should know from before.
    """

    number: int
    trial_id: int
    directory: TrialDirectory
    lock: FileLock
    plain: Mapping[str, Any]
    attrs: TrialAttrs
    owner: Owner
    identity: Identity
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TakenOver:
    """A trial has the result of an earlier sweep and is not trained: ask again.

    Args:
        record: as written and told; a note says where it is from.
    """

    record: Record


@dataclass(frozen=True)
class Stop:
    """The sweep ends.

    Args:
        reason: one sentence for a person.
        is_early: whether it ended before it was done.
    """

    reason: str
    is_early: bool


@dataclass(frozen=True)
class Wait:
    """Nothing to start now: ask again, as a running trial may need a new owner."""
