"""MLflow: an experiment per sweep, a run per trial, on a tracking server or in a database file."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import OmegaConf

from vggsweep.configuration.logger_settings import MlflowSettings
from vggsweep.files import replacing
from vggsweep.loggers.protocol import Ending, LoggedRun

TOKEN = "vggsweep.run"
STATUS = {"COMPLETE": "FINISHED", "PRUNED": "FINISHED", "FAIL": "FAILED", "INTERRUPTED": "KILLED"}
# MLflow refuses longer ones, and more at once.
LONGEST_VALUE = 500
MOST_PARAMETERS = 100
# By itself MLflow asks a server that hangs seven times two minutes, and tells the terminal what it does.
ENVIRONMENT = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}


class MlflowLogger:
    """Writes a run through MLflow's client, which leaves MLflow's own active run alone.

    Args:
        settings: of ``logger=mlflow``.
    """

    def __init__(self, settings: MlflowSettings) -> None:
        self.settings = settings
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        logging.getLogger("urllib3").setLevel(logging.ERROR)  # each attempt would be a line on the terminal
        import_module("mlflow")

    def begin(self, run: LoggedRun) -> int:
        # what stands for a password is filled in here and nowhere before
        uri = OmegaConf.create({"uri": self.settings.uri}).uri or os.environ.get("MLFLOW_TRACKING_URI")
        if uri is not None:
            return self._open(run, uri, None)
        database = run.outputs / "mlflow.db"
        with FileLock(run.outputs / "mlflow.lock"):
            if not database.exists():
                _make_database(database)
        return self._open(run, f"sqlite:///{database}", (run.outputs / "mlflow" / run.sweep).as_uri())

    def _open(self, run: LoggedRun, uri: str, artifacts: str | None) -> int:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self.client: Any = MlflowClient(tracking_uri=uri)
        experiment = self._experiment(run.sweep, artifacts)
        found = self.client.search_runs([experiment], f"tags.`{TOKEN}` = '{run.token}'", max_results=1)
        if found:
            self.run_id = found[0].info.run_id
            self.client.update_run(self.run_id, status="RUNNING")
            return int(found[0].data.metrics.get("epoch", 0))
        tags = {TOKEN: run.token, "vggsweep.sweep": run.sweep, "vggsweep.trial": str(run.trial)}
        self.run_id = self.client.create_run(experiment, run_name=str(run.trial), tags=tags).info.run_id
        parameters = [
            Param(key, "null" if value is None else str(value)[:LONGEST_VALUE])
            for key, value in run.parameters().items()
        ]
        for start in range(0, len(parameters), MOST_PARAMETERS):
            self.client.log_batch(self.run_id, params=parameters[start : start + MOST_PARAMETERS])
        return 0

    def _experiment(self, name: str, artifacts: str | None) -> str:
        from mlflow.exceptions import MlflowException

        for _ in range(2):
            if (found := self.client.get_experiment_by_name(name)) is not None:
                return str(found.experiment_id)
            try:
                return str(self.client.create_experiment(name, artifact_location=artifacts))
            except MlflowException as error:  # another worker was faster
                if error.error_code != "RESOURCE_ALREADY_EXISTS":
                    raise
        raise RuntimeError(
            f"the experiment {name!r} is deleted; restore it in MLflow, or name the sweep anew"
        )

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        self._log({**values, "epoch": float(number)}, number)

    def end(self, ending: Ending) -> None:
        results = ending.results or {}
        self._log(results, int(results.get("metrics/epochs_run", 0)))
        self.client.set_tag(self.run_id, "vggsweep.state", ending.state)
        if ending.reason:
            self.client.set_tag(self.run_id, "vggsweep.reason", ending.reason[:LONGEST_VALUE])
        for path in ending.files:
            self.client.log_artifact(self.run_id, str(path))
        self.client.set_terminated(self.run_id, STATUS[ending.state])

    def _log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric
        from mlflow.utils.time import get_current_time_millis

        now = get_current_time_millis()
        self.client.log_batch(self.run_id, [Metric(key, value, now, step) for key, value in values.items()])


def _make_database(path: Path) -> None:
    """Make MLflow's tables, which takes seconds, all or none: it cannot open what a kill left half made."""
    from mlflow import MlflowClient

    with replacing(path) as temporary:
        temporary.unlink(missing_ok=True)
        MlflowClient(tracking_uri=f"sqlite:///{temporary}").search_experiments(max_results=1)
