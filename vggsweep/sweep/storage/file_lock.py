"""Exclusive file locks, which the kernel releases when their owner dies; light, as supervisors need them."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from vggsweep.errors import WriteFailed
from vggsweep.files import set_obstacle_aside, write_failed

HOST = "VGGSWEEP_HOST"
# What a file system answers that has no locks; ENOSYS is none of them, as filelock finds its own way round.
NO_LOCKS = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.EINVAL)


def host_name() -> str:
    """What this host calls itself; ``VGGSWEEP_HOST`` where several call themselves the same."""
    return os.environ.get(HOST) or socket.gethostname()


def claim(lock: Path) -> FileLock | None:
    """Take a lock without waiting.

    Args:
        lock: the lock's file; its directory exists.

    Returns:
        The lock, held until it is released or this process ends, or None if a living process has it.

    Raises:
        WriteFailed: there can be no lock here.
    """
    try:
        return _acquired(lock, blocking=False)
    except Timeout:
        return None


def _acquired(lock: Path, **how: Any) -> FileLock:
    """Take a lock; what lies in its file's place and is no file is set aside."""
    taken = FileLock(lock)
    try:
        taken.acquire(**how)
    except Timeout:
        raise
    except OSError as error:
        if set_obstacle_aside(lock) is None:
            raise lock_failed(lock, error) from error
        taken.acquire(**how)
    return taken


@contextmanager
def held(lock: Path, *, poll_seconds: float = 0.05) -> Iterator[None]:
    """Wait for a lock, and hold it within the block.

    Raises:
        WriteFailed: there can be no lock here.
    """
    taken = _acquired(lock, poll_interval=poll_seconds)
    try:
        yield
    finally:
        taken.release()


def lock_failed(lock: Path, error: OSError) -> WriteFailed:
    """What a person must know of a file system that gives no lock."""
    if error.errno in NO_LOCKS:
        return WriteFailed(
            f"{lock} cannot be locked: {error.strerror}. Its file system has no locks, without which two "
            "processes could train one trial. Run vggsweep from a directory on a local disk.",
            error.errno,
        )
    return write_failed(lock, error)


def seize(lock: Path) -> FileLock | None:
    """Replace the lock file, so that the lock of a silent holder no longer counts, and take the new one.

    Call it under the study's lock, so that two processes do not seize at once.
    """
    set_obstacle_aside(lock)
    try:
        lock.unlink(missing_ok=True)
    except OSError as error:
        raise write_failed(lock, error) from error
    return claim(lock)


def is_owned(lock: Path) -> bool:
    """Whether a living process on this host trains here."""
    if not lock.exists():
        return False
    try:
        with FileLock(lock).acquire(blocking=False):
            return False
    except Timeout:
        return True
    except OSError:  # no lock, or on a disk that can only be read: nobody trains there
        return False
