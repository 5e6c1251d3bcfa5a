"""MLflow: an experiment per sweep, a run per trial and one above them, on a server or in a database file."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from filelock import FileLock
from omegaconf import OmegaConf

from vggsweep.configuration.logger_settings import MlflowSettings
from vggsweep.files import replacing
from vggsweep.loggers.protocol import Ending, LoggedRun, LoggedSweep

TOKEN = "vggsweep.run"
# By which MLflow's page shows the runs of the trials under that of the sweep.
PARENT = "mlflow.parentRunId"
RUNS_AT_ONCE = 500
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
        from mlflow.entities import Param

        experiment = self._connect(run.outputs, run.sweep)
        if (found := self._find(experiment, run.token)) is not None:
            self.run_id = found.info.run_id
            self.client.update_run(self.run_id, status="RUNNING")
            return int(found.data.metrics.get("epoch", 0))
        tags = {TOKEN: run.token, "vggsweep.sweep": run.sweep, "vggsweep.trial": str(run.trial)}
        self.run_id = self.client.create_run(experiment, run_name=str(run.trial), tags=tags).info.run_id
        parameters = [
            Param(key, "null" if value is None else str(value)[:LONGEST_VALUE])
            for key, value in run.parameters().items()
        ]
        for start in range(0, len(parameters), MOST_PARAMETERS):
            self.client.log_batch(self.run_id, params=parameters[start : start + MOST_PARAMETERS])
        return 0

    def _connect(self, outputs: Path, sweep: str) -> str:
        """Open the server, or the database in ``outputs/``, and the sweep's experiment there."""
        from mlflow import MlflowClient

        # what stands for a password is filled in here and nowhere before
        uri = OmegaConf.create({"uri": self.settings.uri}).uri or os.environ.get("MLFLOW_TRACKING_URI")
        artifacts = None
        if uri is None:
            database = outputs / "mlflow.db"
            with FileLock(outputs / "mlflow.lock"):
                if not database.exists():
                    _make_database(database)
            uri, artifacts = f"sqlite:///{database}", (outputs / "mlflow" / sweep).as_uri()
        self.client: Any = MlflowClient(tracking_uri=uri)
        return self._experiment(sweep, artifacts)

    def _find(self, experiment: str, token: str) -> Any:
        """The run that was begun before, or None."""
        found = self.client.search_runs([experiment], f"tags.`{TOKEN}` = '{token}'", max_results=1)
        return found[0] if found else None

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

    def end_sweep(self, sweep: LoggedSweep) -> None:
        experiment = self._connect(sweep.outputs, sweep.sweep)
        if (found := self._find(experiment, sweep.token)) is None:
            tags = {TOKEN: sweep.token, "vggsweep.sweep": sweep.sweep}
            found = self.client.create_run(experiment, run_name=sweep.sweep, tags=tags)
        self.run_id = found.info.run_id
        for name, text in sweep.notes.items():
            self.client.set_tag(self.run_id, f"vggsweep.{name}", text[:LONGEST_VALUE])
        self._log(sweep.results, 0)
        for path in sweep.files:
            self.client.log_artifact(self.run_id, str(path))
        for run in self._runs(experiment):
            tags = run.data.tags
            if tags.get(TOKEN) in sweep.runs and tags.get(PARENT) != self.run_id:
                self.client.set_tag(run.info.run_id, PARENT, self.run_id)
        self.client.set_terminated(self.run_id, "FINISHED")

    def _runs(self, experiment: str) -> Iterator[Any]:
        page = None
        while True:
            found = self.client.search_runs([experiment], max_results=RUNS_AT_ONCE, page_token=page)
            yield from found
            if not (page := found.token):
                return

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
