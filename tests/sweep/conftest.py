"""Sweeps without training: real orders, real studies on SQLite, records written by the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.orders import read_spec
from tests.remembered import empty_database
from tests.sweep.postgres import DATABASE_PASSWORD, Server, free_port, server_programs
from vggsweep.results.disk.record import Record, write_record
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment, Stop
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.spec.pruners import optuna_pruner
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, open_database
from vggsweep.sweep.storage.study import open_study

Score = Callable[[Assignment], float]


def spec_of(*words: str) -> SweepSpec:
    """The order that these words of ``vggsweep -m`` give."""
    return read_spec(words)


def make_folder(spec: SweepSpec) -> None:
    """Make the sweep's folder; a new one has the tables of its study."""
    is_new = not spec.directory.path.exists()
    spec.directory.trials.mkdir(parents=True, exist_ok=True)
    if is_new and spec.settings.storage is None:
        spec.directory.study.write_bytes(empty_database())


def scheduler_of(spec: SweepSpec, worker: str = "main") -> TrialScheduler:
    """A scheduler as a worker makes it."""
    make_folder(spec)
    study = open_study(
        spec.directory,
        directions=[metric.direction for metric in spec.metrics],
        storage=spec.settings.storage,
        pruner=optuna_pruner(spec.pruner, 5),
    )
    return TrialScheduler(spec, study, worker)


def record_of(
    assignment: Assignment, state: str = "COMPLETE", val_acc: float = 0.5, reason: str | None = None
) -> Record:
    """A record as a trial would leave it, with one accuracy and the network's size as cost."""
    return Record(
        sweep="test",
        trial=assignment.number,
        state=state,
        reason=reason,
        configuration_hash=assignment.attrs.configuration_hash,
        configuration=assignment.plain,
        overrides=assignment.attrs.words,
        swept=dict(assignment.attrs.swept or {}),
        data_fingerprint=assignment.identity.data,
        costs={"macs": float(assignment.plain["arch"].get("width") or 1) * 1e6, "params": 1000},
        metrics={"val_acc": val_acc, "epochs_run": 1},
    )


def finish(scheduler: TrialScheduler, assignment: Assignment, **changes: object) -> Record:
    """Write and tell a record, as a worker does at the end of a trial."""
    record = record_of(assignment, **changes)  # type: ignore[arg-type]
    write_record(record, assignment.directory.path)
    scheduler.finish(assignment, record)
    assignment.lock.release()
    return record


def drain(scheduler: TrialScheduler, score: Score = lambda assignment: 0.5) -> tuple[list[Assignment], Stop]:
    """Finish every trial that the scheduler gives, until it stops."""
    tasks = []
    while True:
        step = scheduler.next()
        if isinstance(step, Stop):
            return tasks, step
        assert isinstance(step, Assignment)
        finish(scheduler, step, val_acc=score(step))
        tasks.append(step)


@pytest.fixture
def server(running_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, with its password in the environment; connections of this process end with the test."""
    monkeypatch.setenv("PGPASSWORD", DATABASE_PASSWORD)
    opened: list[RetryingRDBStorage] = []

    def open_and_remember(*arguments: Any) -> RetryingRDBStorage:
        opened.append(open_database(*arguments))
        return opened[-1]

    for module in ("storage.study", "recovery.reading", "recovery.removal", "recovery.study_edits"):
        monkeypatch.setattr(f"vggsweep.sweep.{module}.open_database", open_and_remember)
    yield running_server
    for storage in opened:
        storage.close()


@pytest.fixture(scope="session")
def running_server() -> Iterator[Server]:
    programs = server_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="pip install 'vggsweep[postgres]'")
    home = Path(tempfile.mkdtemp(prefix="vggsweep-pg-"))
    server = Server(programs, home / "data", free_port())
    try:
        server.create()
        server.start()
        yield server
        server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def small() -> SweepSpec:
    """Four configurations."""
    return spec_of("arch.depth=4,5", "arch.width=4,8")


def begin(spec: SweepSpec, score: float = 0.5) -> list[Assignment]:
    """What the command does: check, join, train all that is left."""
    check_same_sweep(spec)
    make_folder(spec)
    join_study(spec)
    save_spec(spec)
    return drain(scheduler_of(spec), lambda assignment: score + assignment.plain["arch"]["depth"] / 100)[0]
