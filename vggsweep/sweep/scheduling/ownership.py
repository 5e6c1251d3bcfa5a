"""Who trains a trial, and how others know that its owner lives.

On one host an exclusive file lock tells at once: the kernel releases it when its owner dies. Where the
lock cannot tell (another host, or a process that was stopped and still holds it), the study does: an
owner counts up a number in the study, its *beat*, and one whose number stood still for ``sweep.lease``
seconds loses the trial. Numbers are compared, never clocks: those of two hosts differ.

    trial.lock      held while its owner lives
    trial.owner     the owner's token: a process that finds another one there has lost the trial
    user attribute ``owner``              the same token, and who that is, for every host
    system attribute ``beat:<token>``     the number, and how far the training is
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from vggsweep.files import write_atomically
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.sweep.storage.file_lock import host_name

OWNER = "owner"
BEAT = "beat:"
# Beats in a lease: a few may fail before anybody worries.
BEATS_PER_LEASE = 4


@dataclass(frozen=True)
class Owner:
    """A worker that trains a trial.

    Args:
        token: of this ownership; never used twice.
        worker: the worker's name, such as ``alpha-0``.
        host: where it runs.
        place: host and directory of its files: a process that shares both can ask the file lock.
        pid: its process.
        device: where it trains.
        is_released: whether it gave the trial up by itself.
    """

    token: str
    worker: str
    host: str
    place: str
    pid: int
    device: str
    is_released: bool = False


@dataclass(frozen=True)
class Heartbeat:
    """An owner's sign of life.

    Args:
        count: goes up with each.
        at: UNIX time by the owner's clock, for people to read.
        epoch: last finished epoch.
        val_acc: after it.
    """

    count: int
    at: float
    epoch: int = 0
    val_acc: float | None = None


def place_of(directory: SweepDirectory) -> str:
    """Where the files of this process's trials lie."""
    return f"{host_name()}:{directory.path}"


def new_owner(directory: SweepDirectory, worker: str, device: str) -> Owner:
    """This process as the owner of a trial."""
    return Owner(secrets.token_hex(8), worker, host_name(), place_of(directory), os.getpid(), device)


def owner_of(trial: FrozenTrial) -> Owner | None:
    """Who owns it, or owned it last."""
    plain = trial.user_attrs.get(OWNER)
    return None if plain is None else Owner(**plain)


def owns(owner: Owner, trial: FrozenTrial | None) -> bool:
    """Whether a trial is still this owner's, under this token, to train."""
    now = owner_of(trial) if trial is not None and trial.state is TrialState.RUNNING else None
    return now is not None and now.token == owner.token


def heartbeat_of(trial: FrozenTrial, owner: Owner) -> Heartbeat | None:
    """The owner's last sign of life; None before the first."""
    plain: Mapping[str, Any] | None = trial.system_attrs.get(BEAT + owner.token)
    return None if plain is None else Heartbeat(**plain)


def sign(directory: TrialDirectory, owner: Owner) -> None:
    """Write the owner's token where it and the owner before look."""
    # Not synced to the disk: what a power cut takes, it takes with the owner.
    write_atomically(directory.owner, owner.token, is_durable=False)


def is_signed_by(directory: TrialDirectory, owner: Owner) -> bool:
    """Whether the files are still this owner's to write."""
    with suppress(OSError, UnicodeDecodeError):
        return directory.owner.read_text(encoding="utf-8") == owner.token
    return False


class LeaseMonitor:
    """What one process has seen of the beats of others.

    Time counts only while this process looked: one that was stopped itself, or whose database did not
    answer, has seen no silence.

    Args:
        lease: seconds of silence after which an owner counts as dead.
    """

    def __init__(self, lease: float) -> None:
        self.lease = lease
        self._silence: dict[str, tuple[int, float]] = {}
        self._looked_at: float | None = None
        self._lock = threading.Lock()

    def look(self, trials: Sequence[FrozenTrial]) -> None:
        """Compare every running trial's beat with the one seen before."""
        with self._lock:
            now = time.monotonic()
            passed = 0.0 if self._looked_at is None else min(now - self._looked_at, self.lease / 2)
            self._looked_at = now
            seen: dict[str, tuple[int, float]] = {}
            for trial in trials:
                if trial.state is TrialState.RUNNING and (owner := owner_of(trial)) is not None:
                    heartbeat = heartbeat_of(trial, owner)
                    count = heartbeat.count if heartbeat is not None else 0
                    before, seconds = self._silence.get(owner.token, (None, 0.0))
                    seen[owner.token] = (count, seconds + passed if before == count else 0.0)
            self._silence = seen

    def is_silent(self, owner: Owner) -> bool:
        """Whether the owner gave no sign of life for a whole lease."""
        _, seconds = self._silence.get(owner.token, (0, 0.0))
        return seconds >= self.lease
