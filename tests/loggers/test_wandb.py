"""Runs of Weights & Biases in the files that it writes offline, and of Trackio in its database."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.loggers.conftest import LoggedTrial
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import sweep_directory

Logged = Callable[..., LoggedTrial]
pytestmark = pytest.mark.slow
# of LevelDB: a block, and a record's parts
BLOCK = 32768
FULL, LAST = 1, 4
PATIENCE = 30.0
OFFLINE = ("logger=wandb", "logger.wandb.mode=offline")


def records_of(file: Path) -> list[Any]:
    """The records of a transaction log, once its run has ended: another process writes it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = _records_so_far(file)
        if any(one.WhichOneof("record_type") == "exit" for one in found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


def _records_so_far(file: Path) -> list[Any]:
    """LevelDB's format, in blocks of 32 KiB, after a header of its own."""
    from wandb.proto import wandb_internal_pb2

    data, at, part, found = file.read_bytes(), 7, b"", []
    while at + 7 <= len(data):
        if (left := BLOCK - at % BLOCK) < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        part += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (FULL, LAST):
            found.append(wandb_internal_pb2.Record.FromString(part))
            part = b""
    return found


def steps_of(records: list[Any]) -> list[int]:
    return [one.history.step.num for one in records if one.WhichOneof("record_type") == "history"]


def runs() -> list[Path]:
    return sorted((sweep_directory("logged").path / "wandb").glob("offline-run-*/*.wandb"))


def test_an_offline_run_holds_settings_curves_results_and_files(logged: Logged) -> None:
    pytest.importorskip("wandb")
    trial = logged(*OFFLINE)
    record = trial()

    assert "failed" not in trial.output.getvalue(), trial.directory.log.read_text()
    [file] = runs()
    records = records_of(file)
    [run] = [one.run for one in records if one.WhichOneof("record_type") == "run"]
    assert (run.run_group, run.display_name) == ("logged", "logged/7")
    config = {item.key or "/".join(item.nested_key): item.value_json for item in run.config.update}
    assert config["arch.depth"] == "2"
    assert steps_of(records) == [1, 2]
    summary = {
        item.key or "/".join(item.nested_key): json.loads(item.value_json)
        for one in records
        if one.WhichOneof("record_type") == "summary"
        for item in one.summary.update
    }
    assert summary["costs/macs"] == record.costs["macs"]
    assert summary["state"] == "COMPLETE"
    assert {path.name for path in (file.parent / "files").iterdir()} >= {"record.json", "history.csv"}


def test_a_continued_trial_continues_its_run_and_is_written_whole(logged: Logged) -> None:
    pytest.importorskip("wandb")
    trial = logged(*OFFLINE, "train.epochs=4")

    trial.interrupted_after(2)
    trial()

    first, second = runs()
    assert first.name == second.name, "one id"
    assert steps_of(records_of(first)) == [1, 2]
    assert steps_of(records_of(second)) == [1, 2, 3, 4]


def test_the_report_of_a_sweep_is_a_run_of_its_group(
    quickstart: Path, report_again: Callable[..., None]
) -> None:
    pytest.importorskip("wandb")

    report_again(*OFFLINE)
    report_again(*OFFLINE)

    files = sorted((quickstart / "wandb").glob("offline-run-*/*.wandb"))
    assert len({file.name for file in files}) == 1, "one id"
    records = records_of(files[-1])
    [run] = [one.run for one in records if one.WhichOneof("record_type") == "run"]
    assert (run.run_group, run.job_type, run.display_name) == ("quickstart", "report", "quickstart/report")
    summary = {
        item.key: json.loads(item.value_json)
        for one in records
        if one.WhichOneof("record_type") == "summary"
        for item in one.summary.update
    }
    kept = files[-1].parent / "files"
    assert summary["trials/COMPLETE"] == 4
    assert (kept / summary["report"]["path"]).read_text() == (quickstart / "report.html").read_text()
    assert (kept / summary["front"]["path"]).read_bytes() == (quickstart / "front.png").read_bytes()
    assert {"report.html", "table.csv", "front.png"} <= {path.name for path in kept.iterdir()}
    assert steps_of(records) == []


def test_without_a_key_it_is_said_and_not_asked(logged: Logged, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("NETRC", "no-such-file")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    trial = logged("logger=wandb", "logger.wandb.mode=online")

    assert trial().state == "COMPLETE"
    assert "there is no API key: type `wandb login`" in trial.output.getvalue()


def test_trackio_holds_the_run_under_its_group(
    logged: Logged,
    own_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("trackio")
    from trackio import sqlite_storage, utils

    for module in (utils, sqlite_storage):
        monkeypatch.setattr(module, "TRACKIO_DIR", own_folder / "trackio")
    storage = sqlite_storage.SQLiteStorage
    trial = logged("logger=trackio", "train.epochs=4")

    trial.interrupted_after(2)
    record = trial()

    assert "failed" not in trial.output.getvalue(), trial.directory.log.read_text()
    assert capsys.readouterr().out == "", "the terminal shows the progress of training"
    [run] = storage.get_runs("vggsweep")
    assert run.startswith("logged/7-")
    logs = storage.get_logs("vggsweep", run)
    assert (logs[-1]["state"], logs[-1]["costs/macs"]) == ("COMPLETE", record.costs["macs"])
    logs = [row for row in logs if "val_loss" in row]
    assert [row["step"] for row in logs] == [1, 2, 3, 4]
    losses = [row["val_loss"] for row in read_history(trial.directory.history)]
    assert [row["val_loss"] for row in logs] == pytest.approx(losses)


def test_trackio_holds_the_report_of_a_sweep_once(
    report_again: Callable[..., None], own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trackio")
    from trackio import sqlite_storage, utils

    for module in (utils, sqlite_storage):
        monkeypatch.setattr(module, "TRACKIO_DIR", own_folder / "trackio")

    report_again("logger=trackio")
    report_again("logger=trackio")

    storage = sqlite_storage.SQLiteStorage
    [run] = storage.get_runs("vggsweep")
    assert run.startswith("quickstart/report-")
    [row] = storage.get_logs("vggsweep", run)
    assert row["trials/COMPLETE"] == 4
    assert row["report"]["_type"] == "trackio.html"
    assert row["front"]["_type"] == "trackio.image"
