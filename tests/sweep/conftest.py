"""Sweeps without training: real orders, real studies on SQLite, records written by the test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sweep.postgres import DATABASE_PASSWORD, Server, free_port, server_programs
from vggsweep.results.record import Record, write_record
from vggsweep.sweep.database import PatientDatabase, open_database
from vggsweep.sweep.dispatch import Dispatcher
from vggsweep.sweep.order import SweepOrder, read_order
from vggsweep.sweep.pruning.watch import optuna_pruner
from vggsweep.sweep.samplers import build_sampler
from vggsweep.sweep.step import Stop, Task
from vggsweep.sweep.study import open_study

Score = Callable[[Task], float]


def order_of(*words: str) -> SweepOrder:
    """The order that these words of ``vggsweep -m`` give."""
    return read_order(words, extra_dir=None, config_name="config", command="vggsweep -m …")


def dispatcher_of(order: SweepOrder, worker: str = "main") -> Dispatcher:
    """A dispatcher as a worker makes it."""
    order.directory.trials.mkdir(parents=True, exist_ok=True)
    study = open_study(
        order.directory,
        directions=[metric.direction for metric in order.metrics],
        storage=order.settings.storage,
        pruner=optuna_pruner(order.pruner, 5),
    )
    study.sampler = build_sampler(order.sampler, order.sampler_fields, order.seed)
    return Dispatcher(order, study, worker)


def record_of(task: Task, state: str = "COMPLETE", val_acc: float = 0.5, reason: str | None = None) -> Record:
    """A record as a trial would leave it, with one accuracy and the network's size as cost."""
    return Record(
        sweep="test",
        trial=task.number,
        state=state,
        reason=reason,
        configuration_hash=task.mark.configuration_hash,
        configuration=task.plain,
        overrides=task.mark.words,
        swept=dict(task.mark.swept or {}),
        data_fingerprint=task.identity.data,
        costs={"macs": float(task.plain["arch"].get("width") or 1) * 1e6, "params": 1000},
        metrics={"val_acc": val_acc, "epochs_run": 1},
    )


def finish(dispatcher: Dispatcher, task: Task, **changes: object) -> Record:
    """Write and tell a record, as a worker does at the end of a trial."""
    record = record_of(task, **changes)  # type: ignore[arg-type]
    write_record(record, task.directory.path)
    dispatcher.finish(task, record)
    task.lock.release()
    return record


def drain(dispatcher: Dispatcher, score: Score = lambda task: 0.5) -> tuple[list[Task], Stop]:
    """Finish every trial that the dispatcher gives, until it stops."""
    tasks = []
    while True:
        step = dispatcher.next()
        if isinstance(step, Stop):
            return tasks, step
        assert isinstance(step, Task)
        finish(dispatcher, step, val_acc=score(step))
        tasks.append(step)


@pytest.fixture
def server(running_server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, with its password in the environment; connections of this process end with the test."""
    monkeypatch.setenv("PGPASSWORD", DATABASE_PASSWORD)
    opened: list[PatientDatabase] = []

    def open_and_remember(*arguments: Any) -> PatientDatabase:
        opened.append(open_database(*arguments))
        return opened[-1]

    monkeypatch.setattr("vggsweep.sweep.study.open_database", open_and_remember)
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
def small() -> SweepOrder:
    """Four configurations."""
    return order_of("arch.depth=4,5", "arch.width=4,8")
