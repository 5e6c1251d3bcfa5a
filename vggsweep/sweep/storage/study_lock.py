"""The lock under which a sweep's decisions are made, respected by every worker on every host.

A file's lock is the kernel's and knows no other host, so where hosts share a database, the database
holds the lock: it ends with the connection of its owner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, with_retries

# A process that was stopped in its turn loses it after so many seconds, so that others can go on.
LONGEST_TURN_SECONDS = 300
# A turn takes some ten milliseconds; filelock's own choice, 50 ms, would leave workers idle for longer.
POLL_SECONDS = 0.005


class StudyLockLost(Exception):
    """The database let our lock go (it restarted); what was decided must be decided again."""


class StudyLock(Protocol):
    """A lock that is held for the length of a ``with lock.hold():``."""

    def hold(self) -> AbstractContextManager[None]: ...

    def check(self) -> None:
        """Raise `StudyLockLost` unless it is still ours; asked before anything is written."""


def study_lock_of(storage: RetryingRDBStorage, name: str, file: Path) -> StudyLock:
    """The lock that fits a storage.

    Args:
        storage: of the study.
        name: of the study.
        file: the lock's file where the database is one host's own.
    """
    if storage.engine.dialect.name in ("postgresql", "mysql", "mariadb"):
        return DatabaseStudyLock(storage, name)
    return FileStudyLock(file)


class FileStudyLock:
    """A file's lock: one host, or a file system that honours locks.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it within the block."""
        with held(self._path, poll_seconds=POLL_SECONDS):
            yield

    def check(self) -> None:
        """Do nothing: the lock of a file cannot be lost while its process lives."""


class DatabaseStudyLock:
    """An advisory lock of PostgreSQL or MySQL.

    Args:
        storage: of the study.
        name: of the study; each has its own lock.
    """

    def __init__(self, storage: RetryingRDBStorage, name: str) -> None:
        self._storage = storage
        digest = hashlib.sha256(f"vggsweep:{name}".encode()).digest()
        self._is_mysql = storage.engine.dialect.name in ("mysql", "mariadb")
        # PostgreSQL's key is a signed 64-bit number, MySQL's a name of at most 64 characters
        self._key = digest.hex()[:60] if self._is_mysql else int.from_bytes(digest[:8], "big", signed=True)
        self._connection: Connection | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it within the block."""
        self._connection = with_retries(self._acquire, self._storage.what, self._storage.outage)
        try:
            yield
        finally:
            self._release(self._connection)
            self._connection = None

    def check(self) -> None:
        """Ask the database through the connection that holds the lock.

        Raises:
            StudyLockLost: that connection is gone, and the lock with it.
        """
        assert self._connection is not None
        try:
            self._connection.execute(text("SELECT 1"))
            self._connection.commit()
        except SQLAlchemyError as error:
            raise StudyLockLost from error

    def _acquire(self) -> Connection:
        connection = self._storage.engine.connect()
        try:
            if self._is_mysql:
                connection.execute(text(f"SET SESSION wait_timeout = {LONGEST_TURN_SECONDS}"))
                connection.execute(text("SELECT GET_LOCK(:key, -1)"), {"key": self._key})
            else:
                connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": self._key})
                connection.execute(text(f"SET idle_session_timeout = '{LONGEST_TURN_SECONDS}s'"))
            connection.commit()
        except BaseException:
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()
            raise
        return connection

    def _release(self, connection: Connection) -> None:
        try:
            if self._is_mysql:
                connection.execute(text("SELECT RELEASE_LOCK(:key)"), {"key": self._key})
                connection.execute(text("SET SESSION wait_timeout = DEFAULT"))
            else:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._key})
                connection.execute(text("SET idle_session_timeout = 0"))
            connection.commit()
            connection.close()
        except SQLAlchemyError:  # the connection broke; the database has let go by itself
            with suppress(SQLAlchemyError):
                connection.invalidate()
                connection.close()
