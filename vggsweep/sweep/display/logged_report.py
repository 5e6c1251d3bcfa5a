"""The report of a sweep that ended, for the loggers that are chosen."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from rich.console import Console

from vggsweep.configuration.schema import read_configuration
from vggsweep.files import write_atomically
from vggsweep.loggers.sweep_logging import log_sweep, logged_sweep
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.report import report_page
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.visible import visible

if TYPE_CHECKING:
    import pandas as pd


def log_report(spec: SweepSpec, outcome: WorkerOutcome) -> None:
    """Write ``report.html`` and hand it to the loggers; with none, or after a signal, do nothing.

    What becomes of it changes nothing of the sweep: a failure is said.
    """
    loggers = read_configuration(spec.base).logger
    if not loggers or outcome.signal_name is not None:
        return
    console = Console(stderr=True)
    try:
        evidence = load_evidence([spec.directory])
        if evidence.table.empty:
            return
        write_atomically(spec.directory.report, report_page(evidence, version=_version()))
        notes = {"command": spec.command, "ended": outcome.reason}
        results, best = _results(evidence.table, [metric.name for metric in spec.metrics])
        if best is not None:
            notes["best"] = f"{spec.name}/{best}"
        sweep = logged_sweep(spec.directory, notes, results)
    except Exception as error:  # the results are safe, and `vggsweep report` says more
        line = visible(f"the report could not be written for the loggers: {type(error).__name__}: {error}")
        console.print(line, highlight=False, markup=False, soft_wrap=True)
        return
    print(visible(f"  report    {spec.directory.report}"), flush=True)
    log_sweep(loggers, sweep, console)


def _version() -> str:
    """As `vggsweep.__version__`, which stands above this room."""
    try:
        return version("vggsweep")
    except PackageNotFoundError:
        return "0+unknown"


def _results(table: pd.DataFrame, objectives: list[str]) -> tuple[dict[str, float], int | None]:
    """Trials by state and the objectives of the most accurate one, with its number."""
    counts = table["state"].value_counts()
    results = {f"trials/{state}": float(count) for state, count in counts.items()}
    complete = table[table["state"] == "COMPLETE"]
    accuracy = objectives[0]
    if complete.empty or accuracy not in complete.columns or complete[accuracy].isna().all():
        return results, None
    best = complete.sort_values(accuracy, ascending=False, kind="stable").iloc[0]
    for name in objectives:
        if name in best and best[name] == best[name]:  # not NaN
            results[f"best/{name}"] = float(best[name])
    return results, int(best["trial"])
