"""Runs on a real tracking server, over HTTP, read back through MLflow's own client."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loggers.mlflow_server import MlflowServer, server_program
from tests.processes import Command
from tests.sweep.postgres import free_port
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import sweep_directory

mlflow: Any = pytest.importorskip("mlflow")
Start = Callable[..., Command]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    program = server_program()
    if program is None:
        pytest.skip(
            "needs the command `mlflow server`: pip install mlflow, here or where VGGSWEEP_MLFLOW says"
        )
    server = MlflowServer(program, tmp_path_factory.mktemp("mlflow"), free_port())
    try:
        server.start()
        yield server
    finally:
        server.stop()


def client(server: MlflowServer) -> Any:
    return mlflow.MlflowClient(tracking_uri=server.url)


def runs_of(server: MlflowServer, sweep: str) -> dict[str, Any]:
    """Runs by their names."""
    own = client(server)
    runs = list(own.search_runs([own.get_experiment_by_name(sweep).experiment_id]))
    assert len({run.info.run_name for run in runs}) == len(runs), "each once"
    return {run.info.run_name: run for run in runs}


def history_of(server: MlflowServer, run: Any, metric: str) -> list[tuple[int, float]]:
    points = client(server).get_metric_history(run.info.run_id, metric)
    return sorted((one.step, one.value) for one in points)


def files_of(server: MlflowServer, run: Any) -> set[str]:
    return {file.path for file in client(server).list_artifacts(run.info.run_id)}


def test_two_workers_log_two_trials_and_the_report_above_them(
    server: MlflowServer, start: Start, tmp_path: Path
) -> None:
    words = ("-m", "arch.width=2,4", "n_workers=2", "logger=mlflow", f"logger.mlflow.uri={server.url}")

    command = start(*words, "sweep.name=two")

    assert command.end() == 0, command.text
    assert "logger mlflow failed" not in command.text
    assert not Path("outputs/mlflow.db").exists()
    runs = runs_of(server, "two")
    assert set(runs) == {"0", "1", "two"}
    above = runs.pop("two")
    for name, run in runs.items():
        trial = sweep_directory("two").trial(int(name))
        assert (run.info.status, run.data.tags["vggsweep.state"]) == ("FINISHED", "COMPLETE")
        assert run.data.params["arch.width"] in ("2", "4")
        assert run.data.params["arch.depth"] == "2"
        losses = [(row["epoch"], row["val_loss"]) for row in read_history(trial.history)]
        assert history_of(server, run, "val_loss") == losses
        assert files_of(server, run) == {"record.json", "config.yaml", "history.csv"}
        assert run.data.tags["mlflow.parentRunId"] == above.info.run_id
    assert above.info.status == "FINISHED"
    assert above.data.metrics["trials/COMPLETE"] == 2
    assert {"report.html", "table.csv", "front.png"} <= files_of(server, above)
    fetched = client(server).download_artifacts(above.info.run_id, "report.html", str(tmp_path))
    assert Path(fetched).read_bytes() == sweep_directory("two").report.read_bytes()

    again = start(*words, "sweep.name=two")

    assert again.end() == 0, again.text
    assert set(runs_of(server, "two")) == {"0", "1", "two"}, "replaced, not doubled"


def test_a_killed_trial_goes_on_in_its_run(server: MlflowServer, start: Start) -> None:
    words = ("logger=mlflow", f"logger.mlflow.uri={server.url}", "train.epochs=30", "sweep.name=killed")
    command = start(*words)
    command.wait_for("epoch 10/30")
    command.send(signal.SIGKILL)
    command.end()

    again = start(*words)

    assert again.end() == 0, again.text
    [run] = runs_of(server, "killed").values()
    assert [step for step, _ in history_of(server, run, "val_loss")] == list(range(1, 31))
    assert run.info.status == "FINISHED"


def test_a_server_that_goes_away_is_said_once_and_the_training_goes_on(
    server: MlflowServer, start: Start
) -> None:
    words = ("-m", "arch.width=2,4", "logger=mlflow", f"logger.mlflow.uri={server.url}")
    words += ("train.epochs=60", "sweep.name=away")
    command = start(*words)
    command.wait_for("epoch 10/60")

    server.stop()
    try:
        assert command.end() == 0, command.text
    finally:
        server.start()

    assert command.text.count("logger mlflow failed") == 1
    assert "2 COMPLETE" in command.text
    sweep = sweep_directory("away")
    assert all(len(read_history(sweep.trial(number).history)) == 60 for number in (0, 1))
    assert "Traceback" in sweep.trial(0).log.read_text()
    assert "away" not in runs_of(server, "away")

    again = start(*words)  # nothing is left to train; the report comes late

    assert again.end() == 0, again.text
    assert "report.html" in files_of(server, runs_of(server, "away")["away"])
