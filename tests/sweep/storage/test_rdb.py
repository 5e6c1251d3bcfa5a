"""Databases that do not answer, and passwords that nobody may see."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from tests.sweep.conftest import scheduler_of, spec_of
from tests.sweep.postgres import DATABASE_PASSWORD, Server
from vggsweep.errors import ConfigError, SweepError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.storage import rdb
from vggsweep.sweep.storage.rdb import storage_url
from vggsweep.sweep.storage.study import database_of, open_study


def test_locked_sqlite_is_waited_for_with_a_notice(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rdb, "SQLITE_SECONDS", 0.3)
    directory = SweepDirectory(tmp_path)
    study = open_study(directory)
    blocker = sqlite3.connect(directory.study, check_same_thread=False, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    release = threading.Timer(1.5, blocker.rollback)
    release.start()
    with caplog.at_level(logging.WARNING, "vggsweep.storage"):
        study.ask()
    release.join()
    blocker.close()
    assert "study.db does not answer (database is locked); waiting for it." in caplog.text
    assert "answers again after" in caplog.text
    assert len(study.get_trials()) == 1


def test_database_that_stays_away_is_an_error_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SweepError, match="127.0.0.1:9/nowhere cannot be opened"):
        open_study(SweepDirectory(tmp_path), storage="postgresql://me@127.0.0.1:9/nowhere")


def test_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no database address"):
        storage_url(SweepDirectory(tmp_path), "postgres")


def test_missing_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_VARIABLE"):
        storage_url(SweepDirectory(tmp_path), "postgresql://me:${oc.env:NO_SUCH_VARIABLE}@host/db")


@pytest.mark.parametrize("rest", ["me:hunter2@host/db", "host/db?user=me&password=hunter2"])
def test_password_on_the_line_is_refused(rest: str) -> None:
    with pytest.raises(ConfigError, match="holds a password") as refusal:
        spec_of("arch.depth=4,5", f"sweep.storage='postgresql://{rest}'")
    assert "hunter2" not in str(refusal.value)


def test_password_of_the_environment_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", "hunter{2}@/:?%40 ")
    word = "postgresql://me:${oc.env:DB_PASSWORD}@host/db"
    spec = spec_of("arch.depth=4,5", f"sweep.storage='{word}'")
    assert spec.settings.storage == word
    assert spec.base["sweep"]["storage"] == word
    assert spec.composer.compose([])["sweep"]["storage"] == word
    assert storage_url(SweepDirectory(tmp_path), word).password == "hunter{2}@/:?%40 "
    monkeypatch.setenv("DB", "postgresql://me@host/db")
    assert storage_url(SweepDirectory(tmp_path), "${oc.env:DB}").host == "host"


def test_restarted_server_interrupts_nobody(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rdb, "NOTICE_AFTER_SECONDS", 0.2)
    scheduler = scheduler_of(
        spec_of("arch.depth=range(4,12)", "n_trials=4", f"sweep.storage={server.url}", "sweep.name=restart")
    )
    with scheduler.study_lock.hold():
        server.stop()
        starting = threading.Timer(1.0, server.start)
        starting.start()
    with caplog.at_level(logging.WARNING, "vggsweep.storage"):
        step = scheduler.next()
    starting.join()
    assert isinstance(step, Assignment)
    assert "does not answer" in caplog.text
    assert DATABASE_PASSWORD not in caplog.text


def test_only_one_host_decides_at_a_time(server: Server) -> None:
    spec = spec_of("arch.depth=range(4,12)", f"sweep.storage={server.url}", "sweep.name=turns")
    first, second = scheduler_of(spec), scheduler_of(spec)
    waited = []

    def other() -> None:
        began = time.monotonic()
        with second.study_lock.hold():
            waited.append(time.monotonic() - began)

    thread = threading.Thread(target=other)
    with first.study_lock.hold():
        thread.start()
        time.sleep(0.5)
        assert waited == []
    thread.join()
    assert waited[0] >= 0.4
    assert database_of(first.study).engine.dialect.name == "postgresql"
