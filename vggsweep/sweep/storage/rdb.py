"""The database behind a study: a file beside the trials, or a server that several hosts share.

A password never leaves the environment: `sweep.storage` travels and is saved as it was written, with
``${oc.env:NAME}`` in it, and becomes an address only here, in the process that connects.
"""

from __future__ import annotations

import logging
import re
import shlex
import sqlite3
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, SQLAlchemyError

from vggsweep.configuration.secrets import masked
from vggsweep.errors import ConfigError, SweepError, WriteFailed
from vggsweep.files import free_space
from vggsweep.results.disk.layout import SweepDirectory

log = logging.getLogger("vggsweep.storage")

Value = TypeVar("Value")
# An outage is survived for so long; a person who restarts a server needs minutes, not hours.
PATIENCE_SECONDS = 600.0
# Shorter ones are not worth a line.
NOTICE_AFTER_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 2.0
# Two processes that open a new database at the same moment both try to create its tables.
OPENING_ATTEMPTS = 8
# SQLite waits so long for another process's write by itself, without a word.
SQLITE_SECONDS = 4.0
# A host that lost its power must not keep PostgreSQL's locks for the two hours of TCP's own default.
POSTGRES_OPTIONS = {
    "client_encoding": "utf8",  # a database made in the C locale would answer in bytes
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "connect_timeout": 10,
    "options": "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
}
WHAT = "The study's database "
# Answers after which the same question may find another: a process that writes lets go of its lock.
SQLITE_OUTAGES = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
# Those that stay until a person does something, and what.
SQLITE_REFUSALS: dict[int | str | None, str] = {
    sqlite3.SQLITE_FULL: "Free some space",
    sqlite3.SQLITE_IOERR: "Free some space, or mend its file system",
    sqlite3.SQLITE_READONLY: "Make it and its directory writable, or run vggsweep from another directory",
    sqlite3.SQLITE_CANTOPEN: "Make its directory writable, or run vggsweep from another directory",
    sqlite3.SQLITE_PERM: "Make it writable, or run vggsweep from another directory",
    sqlite3.SQLITE_AUTH: "Make it writable, or run vggsweep from another directory",
}
# disk full and read-only, of PostgreSQL (SQLSTATE) and MySQL
SERVER_REFUSALS = ("53100", "25006", 1021, 1114, 1290, 1836)
VARIABLE = re.compile(r"\$\{[^{}]*\}")
INSTALL_HINTS = {
    "postgresql": "pip install 'vggsweep[postgres]'",
    "mysql": "pip install pymysql, and write mysql+pymysql://…",
}


def storage_url(directory: SweepDirectory, storage: str | None) -> URL:
    """The address to connect to, with what ``${oc.env:…}`` stands for.

    Args:
        directory: of the sweep, for its own file.
        storage: ``sweep.storage`` as written, or None.

    Raises:
        ConfigError: it is no address, or a variable of the environment is missing.
    """
    if storage is None:
        return make_url(f"sqlite:///{directory.study}")
    try:
        url = _filled_in(storage)
    except OmegaConfBaseException as error:
        raise ConfigError(f"sweep.storage={storage}: {' '.join(str(error).split())}") from error
    except (ArgumentError, ValueError) as error:
        raise ConfigError(
            f"sweep.storage={storage} is no database address, such as postgresql://user@host/database."
        ) from error
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")  # psycopg 3, whatever SQLAlchemy's own choice
    return url


def check_address(directory: SweepDirectory, storage: str | None) -> None:
    """Refuse an address that no database can be behind, without asking any.

    Raises:
        ConfigError: it is no address, a variable is missing, or its driver is not installed.
    """
    url = storage_url(directory, storage)
    try:
        sqlalchemy.create_engine(url)
    except (ImportError, ArgumentError) as error:
        hint = INSTALL_HINTS.get(url.get_backend_name(), "install it, or choose another database")
        raise ConfigError(
            f"sweep.storage={storage}: there is no driver for {url.get_backend_name()!r}: {hint}."
        ) from error


def _filled_in(storage: str) -> URL:
    """The address with what its variables stand for.

    A password may hold any character, so it is put in after the address was taken apart.
    """
    if VARIABLE.fullmatch(storage):  # the address as a whole
        return make_url(OmegaConf.create({"storage": storage}).storage)
    variables = VARIABLE.findall(storage)
    values = [str(OmegaConf.create({"value": variable}).value) for variable in variables]
    stand_ins = [f"vggsweepvariable{index}x" for index in range(len(variables))]
    for variable, stand_in in zip(variables, stand_ins, strict=True):
        storage = storage.replace(variable, stand_in, 1)

    def fill(text: str | None) -> str | None:
        for stand_in, value in zip(stand_ins, values, strict=True):
            text = text.replace(stand_in, value) if text is not None else None
        return text

    url = make_url(storage)
    parts: Any = {part: fill(getattr(url, part)) for part in ("username", "password", "host", "database")}
    return url.set(**parts)


def describe(url: URL) -> str:
    """The address for people and logs, without its password; a file by its path."""
    if url.get_backend_name() == "sqlite" and url.database:
        return url.database
    return masked(url.render_as_string(hide_password=True))


def ping(url: URL) -> None:
    """Connect once, and change nothing.

    Raises:
        SweepError: the driver is missing, or nobody answers.
    """
    what = f"{WHAT}{describe(url)}"
    options = {"connect_args": POSTGRES_OPTIONS} if url.get_backend_name() == "postgresql" else {}
    try:
        engine = sqlalchemy.create_engine(url, **options)
        engine.connect().close()
        engine.dispose()
    except ImportError as error:
        raise _without_driver(what, url) from error
    except SQLAlchemyError as error:
        raise refused(what, error) or SweepError(f"{what} does not answer: {reason(error)}") from error


def _without_driver(what: str, url: URL) -> SweepError:
    hint = INSTALL_HINTS.get(url.get_backend_name(), "install its Python driver")
    return SweepError(f"{what} needs a driver that is not installed: {hint}.")


def with_retries(action: Callable[[], Value], what: str) -> Value:
    """Do it; while the database does not answer, wait and try again, and say so.

    Args:
        action: asks the database once.
        what: the address without its password.

    Raises:
        SweepError: the database did not answer for so long.
        WriteFailed: it answered, and cannot write; see `refused`.
    """
    began, pause, is_said = 0.0, 0.05, False
    while True:
        try:
            value = action()
        except (StorageInternalError, SQLAlchemyError) as error:
            if not is_outage(error):
                raise refused(what, error) or error from error
            now = time.monotonic()
            began = began or now
            if now - began > PATIENCE_SECONDS:
                raise SweepError(f"{what} did not answer for {now - began:.0f} s: {reason(error)}") from error
            # SQLite has waited silently before it says so
            if not is_said and (now - began >= NOTICE_AFTER_SECONDS or is_locked(error)):
                log.warning("%s does not answer (%s); waiting for it.", what, reason(error))
                is_said = True
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        else:
            if is_said:
                log.warning("%s answers again after %.0f s.", what, time.monotonic() - began)
            return value


def is_outage(error: Exception) -> bool:
    """Whether asking again later may help."""
    cause = _cause(error)
    code = _code(cause)
    if isinstance(getattr(cause, "orig", None), sqlite3.Error):
        return code in SQLITE_OUTAGES  # a file is there or not; only other processes make it wait
    if code in SERVER_REFUSALS:
        return False
    return isinstance(
        cause, (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InterfaceError, sqlalchemy.exc.TimeoutError)
    ) or bool(getattr(cause, "connection_invalidated", False))


def refused(what: str, error: Exception) -> WriteFailed | SweepError | None:
    """The paragraph for a database that is there and does not work; None where the fault is the question's.

    Args:
        what: the address without its password.
        error: what the database answered.
    """
    cause = _cause(error)
    code = _code(cause)
    file = Path(what.removeprefix(WHAT))
    if not isinstance(getattr(cause, "orig", None), sqlite3.Error):
        if code not in SERVER_REFUSALS:
            return None
        return WriteFailed(
            f"{what} cannot be written: {reason(error)}. Free space on its server, or make it writable, and "
            "the same command goes on."
        )
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return SweepError(
            f"{what} is damaged: {reason(error)}. `vggsweep repair {shlex.quote(file.parent.name)}` "
            "rebuilds it from the records of its trials."
        )
    if code in SQLITE_REFUSALS:
        return WriteFailed(
            f"{what} cannot be written: {reason(error)} ({free_space(file)}). {SQLITE_REFUSALS[code]}, "
            "and the same command goes on."
        )
    return None


def _cause(error: Exception) -> BaseException:
    return error.__cause__ or error if isinstance(error, StorageInternalError) else error


def _code(cause: BaseException) -> int | str | None:
    """How the database numbers its answer: SQLite's primary code, PostgreSQL's SQLSTATE, MySQL's number."""
    original = getattr(cause, "orig", None)
    if isinstance(original, sqlite3.Error):
        # an error of Python's own module has none
        return getattr(original, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    code: int | str | None = getattr(original, "sqlstate", None)
    arguments = getattr(original, "args", ())
    return code if code is not None or not arguments else arguments[0]


def is_locked(error: Exception) -> bool:
    """Whether another process holds SQLite's lock."""
    return "database is locked" in str(error.__cause__ or error)


def reason(error: Exception) -> str:
    """The database's own first line, without SQL and its parameters."""
    cause = _cause(error)
    original = getattr(cause, "orig", None) or cause
    lines = str(original).strip().splitlines()
    return masked(lines[0]) if lines else type(original).__name__


class RetryingRDBStorage(RDBStorage):
    """Optuna's storage, except that a short outage makes callers wait instead of fail.

    Args:
        url: as Optuna takes it.
        options: of SQLAlchemy's engine.
        what: the address without its password.
    """

    def __init__(self, url: str, options: dict[str, Any], what: str) -> None:
        self.what = what
        super().__init__(url, engine_kwargs=options)

    def close(self) -> None:
        """Give back this thread's connections; the next use opens new ones."""
        self.remove_session()
        self.engine.dispose()

    def _create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        # Optuna retries this one by itself, silently for half a minute: ask before whether it can work.
        if self.engine.dialect.name == "sqlite":
            with_retries(self._touch, self.what)
        return with_retries(partial(super()._create_new_trial, study_id, template_trial), self.what)

    def _touch(self) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            connection.rollback()


def _retrying(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: RetryingRDBStorage, *args: Any, **kwargs: Any) -> Any:
        return with_retries(partial(method, self, *args, **kwargs), self.what)

    return call


# Everything that Optuna asks of a storage; telling or setting the same twice changes nothing, and a trial
# that was created twice is found by the scheduler (`TrialScheduler._adopt`).
for _name in (
    "create_new_study get_study_id_from_name get_study_name_from_id get_study_directions "
    "get_study_user_attrs get_study_system_attrs set_study_user_attr set_study_system_attr "
    "get_all_studies "
    "set_trial_param _set_trial_param set_trial_state_values set_trial_intermediate_value "
    "set_trial_user_attr set_trial_system_attr get_trial get_all_trials _get_trials get_trial_param "
    "get_trial_id_from_study_id_trial_number get_trial_user_attrs get_trial_system_attrs"
).split():
    setattr(RetryingRDBStorage, _name, _retrying(getattr(RDBStorage, _name)))


def open_database(directory: SweepDirectory, storage: str | None) -> RetryingRDBStorage:
    """Connect, and create the tables where there are none.

    Raises:
        ConfigError: the address is wrong.
        SweepError: the driver is missing, or the database is damaged or cannot be reached.
        WriteFailed: it cannot be written.
    """
    # it would report each failed attempt, which `with_retries` sums up
    logging.getLogger("optuna.storages").setLevel(logging.ERROR)
    url = storage_url(directory, storage)
    options: dict[str, Any] = {"pool_pre_ping": True, "pool_recycle": 1800}
    if url.get_backend_name() == "sqlite":
        options = {"connect_args": {"timeout": SQLITE_SECONDS}}
    elif url.get_backend_name() == "postgresql":
        options["connect_args"] = POSTGRES_OPTIONS
    what = f"{WHAT}{describe(url)}"
    # Optuna formats the address: braces of a password would be taken for fields
    text = url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    for attempt in range(1, OPENING_ATTEMPTS + 1):
        try:
            return RetryingRDBStorage(text, options, what)
        except ImportError as error:
            raise _without_driver(what, url) from error
        except (StorageInternalError, SQLAlchemyError) as error:
            may_be_race = isinstance(error, IntegrityError) or "already exists" in str(error)
            if attempt == OPENING_ATTEMPTS or not (may_be_race or is_outage(error)):
                if (refusal := refused(what, error)) is not None:
                    raise refusal from error
                raise SweepError(f"{what} cannot be opened: {reason(error)}") from error
            time.sleep(0.1 * attempt)
    raise AssertionError("unreachable")
