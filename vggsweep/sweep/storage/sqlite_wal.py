"""How SQLite makes a write durable: a write-ahead log while workers run, one plain file before and after.

With SQLite's usual rollback journal every transaction waits for the disk four times, with a write-ahead
log once (16 and 4 ms on the disk of the first measurement), at the same promise: ``synchronous`` stays
FULL, so a told result survives a power cut too. Readers such as ``vggsweep status`` and writers no longer
lock each other out either. But the log needs memory that all processes share, which no network file
system has (https://sqlite.org/wal.html), so it is used on file systems known to be local only, and the
last worker to end folds it back into ``study.db``, which can then be copied or read from a read-only place.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]

LOCAL = {"apfs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "hfs", "overlay", "tmpfs", "xfs", "zfs"}
PATIENCE = 5.0  # seconds for another process's transaction; without the log a sweep is slower, not worse


@contextlib.contextmanager
def write_ahead(database: Path | None) -> Iterator[None]:
    """Within the block the database keeps a write-ahead log, where that is safe.

    Args:
        database: an SQLite file; None for a database on a server, which is left alone.
    """
    if database is None or not is_local(database):
        yield
        return
    _set_mode(database, "WAL", PATIENCE)
    try:
        yield
    finally:
        _set_mode(database, "DELETE", 0.0)  # refused while another worker is there; the last one does it


def is_local(path: Path) -> bool:
    """Whether a file lies on a file system of this host; no where that is not known for certain."""
    place = path.resolve()
    mounts = {Path(one.mountpoint): one.fstype for one in psutil.disk_partitions(all=True)}
    mount = next((parent for parent in place.parents if parent in mounts), None)
    return mount is not None and mounts[mount].lower() in LOCAL


def _set_mode(database: Path, mode: str, patience: float) -> None:
    with (
        contextlib.suppress(sqlite3.Error),
        contextlib.closing(sqlite3.connect(database, timeout=patience)) as connection,
    ):
        connection.execute(f"PRAGMA journal_mode={mode}").fetchone()
