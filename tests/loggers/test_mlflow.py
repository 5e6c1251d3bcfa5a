"""A run in a real tracking database, read back through MLflow's own client."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loggers.conftest import LoggedTrial
from tests.processes import Command
from vggsweep.errors import TrialPruned
from vggsweep.results.disk.history import read_history
from vggsweep.training.loop import EpochResult

mlflow: Any = pytest.importorskip("mlflow")
Logged = Callable[..., LoggedTrial]
pytestmark = [
    pytest.mark.slow,
    # of SQLAlchemy, by what MLflow asks of it
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    before = dict(os.environ)
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]


def client() -> Any:
    return mlflow.MlflowClient(tracking_uri=f"sqlite:///{Path('outputs/mlflow.db').absolute()}")


def runs_of(sweep: str) -> list[Any]:
    """Of its trials; not the one above them."""
    own = client()
    runs = own.search_runs([own.get_experiment_by_name(sweep).experiment_id])
    return [run for run in runs if "vggsweep.trial" in run.data.tags]


def steps_of(run: Any, metric: str = "val_loss") -> list[int]:
    return [one.step for one in client().get_metric_history(run.info.run_id, metric)]


def test_a_run_holds_settings_curves_results_and_files(logged: Logged) -> None:
    trial = logged("logger=mlflow")
    record = trial()

    assert trial.output.getvalue().count("failed") == 0, trial.directory.log.read_text()
    [run] = runs_of("logged")
    assert (run.info.run_name, run.info.status) == ("7", "FINISHED")
    assert (run.data.tags["vggsweep.sweep"], run.data.tags["vggsweep.state"]) == ("logged", "COMPLETE")
    assert (run.data.params["arch.depth"], run.data.params["train.ema"]) == ("2", "null")
    assert run.data.metrics["costs/macs"] == record.costs["macs"]
    history = read_history(trial.directory.history)
    own = client()
    values = [one.value for one in own.get_metric_history(run.info.run_id, "val_loss")]
    assert values == [row["val_loss"] for row in history]
    files = {file.path for file in own.list_artifacts(run.info.run_id)}
    assert files == {"record.json", "config.yaml", "history.csv"}


def test_a_continued_trial_continues_its_run(logged: Logged) -> None:
    trial = logged("logger=mlflow", "train.epochs=4")

    trial.interrupted_after(2)
    [stopped] = runs_of("logged")
    trial()

    [run] = runs_of("logged")
    assert stopped.info.status == "KILLED"
    assert (run.info.run_id, run.info.status) == (stopped.info.run_id, "FINISHED")
    assert steps_of(run) == [1, 2, 3, 4]


def test_a_pruned_and_a_failed_trial_end_as_such(logged: Logged) -> None:
    def prune(result: EpochResult, _images: int) -> None:
        raise TrialPruned(result.epoch)

    logged("logger=mlflow")(prune)
    logged("logger=mlflow", "optimizer.lr=1e30")()

    found = {run.data.tags["vggsweep.state"]: run for run in runs_of("logged")}
    assert found["PRUNED"].info.status == "FINISHED"
    assert found["FAIL"].info.status == "FAILED"
    assert found["FAIL"].data.tags["vggsweep.reason"].startswith("The loss became NaN")


@pytest.mark.slow
def test_workers_log_their_own_trials_into_one_experiment(start: Callable[..., Command]) -> None:
    words = ("-m", "arch.width=2,3,4,5", "n_workers=2", "logger=[tensorboard,mlflow]", "sweep.name=two")
    command = start(*words)

    assert command.end() == 0, command.text
    runs = runs_of("two")
    assert sorted(run.info.run_name for run in runs) == ["0", "1", "2", "3"]
    assert all(steps_of(run) == [1, 2] for run in runs)
    assert len(list(Path("outputs/two/trials").glob("*/events.out.tfevents.*"))) == 4
    [above] = {run.data.tags["mlflow.parentRunId"] for run in runs}
    assert {"report.html", "table.csv", "front.png"} <= {one.path for one in client().list_artifacts(above)}
    assert client().get_run(above).info.run_name == "two"


@pytest.mark.parametrize("epoch", [1, pytest.param(30, marks=pytest.mark.slow)])
def test_a_killed_trial_goes_on_in_its_run(start: Callable[..., Command], epoch: int) -> None:
    # early, while the tables of the database are still made
    words = ("logger=mlflow", "train.epochs=40", "sweep.name=killed")
    command = start(*words)
    command.wait_for(f"epoch {epoch}/40")
    command.send(signal.SIGKILL)
    command.end()

    again = start(*words)

    assert again.end() == 0, again.text
    [run] = runs_of("killed")
    assert steps_of(run) == list(range(1, 41))
