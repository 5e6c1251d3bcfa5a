"""Who trains a trial: an exclusive file lock that the kernel releases when its owner dies."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock, Timeout


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


def is_owned(lock: Path) -> bool:
    """Whether a living process on this host trains here."""
    if not lock.exists():
        return False
    held = claim(lock)
    if held is None:
        return True
    held.release()
    return False
