"""The results table: one row a record, columns in one fixed order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from vggsweep.errors import RecordError
from vggsweep.results.front import pareto_front
from vggsweep.results.record import Record, read_record

COLUMNS = (
    "sweep trial state arch depth width stages head resolution "
    "params conv_params macs activations budget_residual dataset optimizer lr batch_size epochs epochs_run "
    "seed train_loss train_acc epochs_to_threshold val_loss val_acc test_acc train_seconds images_per_second "
    "latency_ms_p50 latency_ms_p95 throughput peak_memory_mb device precision pareto dir"
).split()
COUNTS = frozenset(
    (
        "trial depth width resolution params conv_params macs activations batch_size epochs epochs_run "
        "epochs_to_threshold seed"
    ).split()
)
# Columns that stand even in a table where no row has a value.
KEYS = ("sweep", "trial", "state", "arch", "val_acc", "dir")
# Swept parameters that stand in the table already, under the column's shorter name.
NAMED = frozenset(
    "arch.depth arch.width arch.stages dataset.resolution optimizer.lr train.batch_size train.epochs".split()
)


def trial_directories(sweep: Path) -> list[Path]:
    """The trial directories of a sweep in the order of their numbers."""
    trials = sweep / "trials"
    if not trials.is_dir():
        return []
    numbered = [path for path in trials.iterdir() if path.name.isdecimal() and path.is_dir()]
    return sorted(numbered, key=lambda path: int(path.name))


def read_records(sweep: Path) -> tuple[list[tuple[Path, Record]], list[RecordError]]:
    """Every record of a sweep with its directory, and why the others could not be read.

    A directory without a record belongs to a trial that is running or was interrupted; it is no error.
    """
    records, errors = [], []
    for directory in trial_directories(sweep):
        if not (directory / "record.json").exists():
            continue
        try:
            records.append((directory, read_record(directory)))
        except RecordError as error:
            errors.append(error)
    return records, errors


def row(record: Record, directory: Path) -> dict[str, Any]:
    """One record under the column names of the table; missing values are None."""
    config = record.configuration

    def setting(group: str, name: str) -> Any:
        node = config.get(group)
        return node.get(name) if isinstance(node, Mapping) else None

    values: dict[str, Any] = {
        "sweep": record.sweep,
        "trial": record.trial,
        "state": record.state,
        **record.network,
        **record.costs,
        "dataset": setting("dataset", "name"),
        "optimizer": setting("optimizer", "name"),
        "lr": setting("optimizer", "lr"),
        "batch_size": setting("train", "batch_size"),
        "epochs": setting("train", "epochs"),
        "seed": config.get("seed"),
        **record.metrics,
        **record.timings,
        **record.measurements,
        "device": record.environment.get("device_name"),
        "precision": record.environment.get("precision"),
        "dir": str(directory),
    }
    chosen = {column: values.get(column) for column in COLUMNS}
    further = {
        name: value for name, value in record.swept.items() if name not in chosen and name not in NAMED
    }
    return chosen | further


def build_table(rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a table, without the columns that apply to none of them."""
    return drop_empty(make_frame(list(rows)))


def make_frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as a data frame whose counts stay whole numbers where a row lacks one."""
    frame = pd.DataFrame(rows)
    for name in COUNTS.intersection(frame.columns):
        with contextlib.suppress(TypeError, ValueError):  # an edited record may hold anything
            frame[name] = frame[name].astype("Int64")
    return frame


def drop_empty(frame: pd.DataFrame) -> pd.DataFrame:
    """The table without the columns that apply to no row."""
    if frame.empty:
        return pd.DataFrame(columns=list(KEYS))
    kept = [name for name in frame.columns if name in KEYS or bool(frame[name].notna().any())]
    return frame[kept]


def load_table(sweeps: Sequence[Path]) -> tuple[pd.DataFrame, list[RecordError]]:
    """The table over one or several sweep directories, and the records that could not be read.

    The ``pareto`` column says which rows lie on the front of validation accuracy against MACs.
    """
    rows, errors = [], []
    for sweep in sweeps:
        records, damaged = read_records(sweep)
        rows += [row(record, directory) for directory, record in records]
        errors += damaged
    frame = make_frame(rows)
    if not frame.empty:
        frame["pareto"] = pareto_front(frame)
    return drop_empty(frame), errors
