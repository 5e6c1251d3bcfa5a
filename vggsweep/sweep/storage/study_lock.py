"""The lock under which a sweep's decisions are made, respected by every worker on every host.

A file's lock is the kernel's and knows no other host, so where hosts share a database, the database
holds the lock: it ends with the connection of its owner.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, with_retries

# A process that was stopped in its turn loses it after so many seconds, so that others can go on.
LONGEST_TURN_SECONDS = 300
# A turn takes some ten milliseconds; filelock's own choice, 50 ms, would leave workers idle for longer.
POLL_SECONDS = 0.005
# How each database is asked for its lock, and told to let go of it.
POSTGRESQL = (
    ("SELECT pg_advisory_lock(:key)", f"SET idle_session_timeout = '{LONGEST_TURN_SECONDS}s'"),
    ("SELECT pg_advisory_unlock(:key)", "SET idle_session_timeout = 0"),
)
MYSQL = (
    (f"SET SESSION wait_timeout = {LONGEST_TURN_SECONDS}", "SELECT GET_LOCK(:key, -1)"),
    ("SELECT RELEASE_LOCK(:key)", "SET SESSION wait_timeout = DEFAULT"),
)


class StudyLockLost(Exception):
    """The database let our lock go (it restarted); what was decided must be decided again."""


def study_lock_of(storage: RetryingRDBStorage, name: str, file: Path) -> FileStudyLock | DatabaseStudyLock:
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

    def hold(self) -> AbstractContextManager[None]:
        """Wait for the lock, and hold it within the block."""
        return held(self._path, poll_seconds=POLL_SECONDS)

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
        is_mysql = storage.engine.dialect.name in ("mysql", "mariadb")
        self._words = MYSQL if is_mysql else POSTGRESQL
        # PostgreSQL's key is a signed 64-bit number, MySQL's a name of at most 64 characters
        self._key = digest.hex()[:60] if is_mysql else int.from_bytes(digest[:8], "big", signed=True)
        self._connection: Connection | None = None

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Wait for the lock, and hold it within the block."""
        self._connection = with_retries(self._acquire, self._storage.what)
        try:
            yield
        finally:
            self._release(self._connection)
            self._connection = None

    def check(self) -> None:
        """Ask the database through the connection that holds the lock, before anything is written.

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
            self._execute(connection, *self._words[0])
        except BaseException:
            self._drop(connection)
            raise
        return connection

    def _release(self, connection: Connection) -> None:
        try:
            self._execute(connection, *self._words[1])
            connection.close()
        except SQLAlchemyError:  # the connection broke; the database has let go by itself
            self._drop(connection)

    def _execute(self, connection: Connection, *statements: str) -> None:
        for statement in statements:
            connection.execute(text(statement), {"key": self._key} if ":key" in statement else {})
        connection.commit()

    def _drop(self, connection: Connection) -> None:
        with suppress(SQLAlchemyError):
            connection.invalidate()
            connection.close()
