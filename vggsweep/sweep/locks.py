"""Exclusive file locks, which the kernel releases when their owner dies; light, as keepers need them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from filelock import FileLock, Timeout

HOST = "VGGSWEEP_HOST"


def host_name() -> str:
    """What this host calls itself; ``VGGSWEEP_HOST`` where several call themselves the same."""
    return os.environ.get(HOST) or socket.gethostname()


def claim(lock: Path) -> FileLock | None:
    """Take a lock without waiting.

    Args:
        lock: the lock's file; its directory exists.

    Returns:
        The lock, held until it is released or this process ends, or None if a living process has it.
    """
    held = FileLock(lock, blocking=False)
    try:
        held.acquire()
    except Timeout:
        return None
    return held


def seize(lock: Path) -> FileLock | None:
    """Take a lock from a process that may still hold it: the file gets a successor.

    Only whoever's turn it is may do that, so that two do not seize at once.
    """
    lock.unlink(missing_ok=True)
    return claim(lock)


def is_owned(lock: Path) -> bool:
    """Whether a living process on this host trains here."""
    if not lock.exists():
        return False
    held = claim(lock)
    if held is None:
        return True
    held.release()
    return False
