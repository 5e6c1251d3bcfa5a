"""What a sweep optimises: objectives by name, with their metrics and directions."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optuna.study import StudyDirection

from vggsweep.errors import ConfigError, near_match
from vggsweep.results.disk.record import Record


@dataclass(frozen=True)
class Metric:
    """One value of a record that a sweep optimises.

    Args:
        name: column of the results table.
        direction: maximise or minimise.
        is_measured: whether it depends on what else runs on the machine.
    """

    name: str
    direction: StudyDirection
    is_measured: bool = False


VAL_ACC = Metric("val_acc", StudyDirection.MAXIMIZE)
OBJECTIVES: dict[str, tuple[Metric, ...]] = {
    "val_acc": (VAL_ACC,),
    "balanced_acc": (Metric("balanced_acc", StudyDirection.MAXIMIZE),),
    "acc_vs_macs": (VAL_ACC, Metric("macs", StudyDirection.MINIMIZE)),
    "acc_vs_params": (VAL_ACC, Metric("params", StudyDirection.MINIMIZE)),
    "acc_vs_latency": (VAL_ACC, Metric("latency_ms_p50", StudyDirection.MINIMIZE, is_measured=True)),
    "acc_vs_train_time": (VAL_ACC, Metric("train_seconds", StudyDirection.MINIMIZE, is_measured=True)),
}
# The same by the columns that ``sweep.yaml`` names.
BY_COLUMNS = {tuple(metric.name for metric in metrics): metrics for metrics in OBJECTIVES.values()}


def metrics_of(name: str) -> tuple[Metric, ...]:
    """The metrics of an objective, accuracy first.

    Raises:
        ConfigError: no such objective.

    >>> [metric.name for metric in metrics_of("acc_vs_macs")]
    ['val_acc', 'macs']
    """
    if name not in OBJECTIVES:
        raise ConfigError(f"objective={name}: no such objective. {near_match(name, OBJECTIVES)}")
    return OBJECTIVES[name]


def objective_values(metrics: tuple[Metric, ...], record: Record) -> list[float] | None:
    """The objectives' values of a record, in order; None when one is missing."""
    known: Mapping[str, Any] = {**record.costs, **record.metrics, **record.timings, **record.measurements}
    values = [known.get(metric.name) for metric in metrics]
    present = [float(value) for value in values if value is not None]
    return present if len(present) == len(values) else None


def mean_values(replicates: Iterable[Sequence[float]]) -> list[float]:
    """What replicates reached on average, objective by objective."""
    return [statistics.fmean(column) for column in zip(*replicates, strict=True)]
