"""The rows of the page's table and of its list of failures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from vggsweep.results.columns import COLUMNS, has_dials
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.report.reproduction import reproduction
from vggsweep.results.statistics.front import pareto_front
from vggsweep.results.statistics.replicates import configuration_groups, mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.units import report_text

# What every row shows where it has it, after the settings that vary.
SHOWN = (
    "train_acc test_acc macs params epochs_run epochs_to_threshold budget_residual train_seconds "
    "latency_ms_p50 throughput"
).split()


@dataclass(frozen=True)
class Column:
    """A column of the page's table."""

    name: str
    heading: str
    is_number: bool


@dataclass(frozen=True)
class Row:
    """A trial.

    Args:
        number: index in the table, the row's id on the page.
        state: COMPLETE, PRUNED or FAIL.
        is_front: whether its configuration lies on the front.
        cells: one a column, as it is shown and as it is sorted.
        how: command and environment that reproduce it.
        reason: why it was pruned or failed, or an empty text.
        title: sweep and trial.
    """

    number: int
    state: str
    is_front: bool
    cells: tuple[tuple[str, str], ...]
    how: str
    reason: str
    title: str


def table_columns(table: pd.DataFrame, x: str, y: str) -> list[Column]:
    """The columns that tell the trials of this table apart."""

    def several(*names: str) -> list[str]:
        return [name for name in names if name in table.columns and table[name].nunique() > 1]

    varied = varied_settings(table)
    is_vgg = any(has_dials(row) for _, row in table.iterrows())
    dials = [name for name in ("depth", "width") if name in varied or is_vgg]
    # the answer first: a phone shows no more than four columns
    names = ["trial", y, x, *several("sweep"), *dials, *varied, *several("seed"), *SHOWN]
    names += several("device", "precision")
    kept = [name for name in dict.fromkeys(names) if name in table.columns and table[name].notna().any()]
    headings = {name: column.heading for name, column in COLUMNS.items() if column.heading}
    return [Column(name, headings.get(name, name), _is_numeric(table[name])) for name in kept]


def table_rows(
    evidence: Evidence, columns: list[Column], x: str, y: str, *, has_front: bool = True
) -> list[Row]:
    """One row a trial; networks of equal cost have no front, and none of them is marked."""
    table = evidence.table
    on_front = front_rows(table, x, y) if has_front else pd.Series(False, index=table.index)
    facts = {sweep.name: sweep for sweep in evidence.sweeps}
    rows = []
    for label, (_, values) in zip(map(int, table.index), table.iterrows(), strict=True):
        record = evidence.records.get(label)
        rows.append(
            Row(
                number=label,
                state=str(values["state"]),
                is_front=bool(on_front[label]),
                cells=tuple(_cell(column, values[column.name]) for column in columns),
                how=reproduction(record, facts.get(record.sweep)) if record is not None else "",
                reason=(record.reason or "") if record is not None else "",
                title=f"{values['sweep']}, trial {values['trial']}",
            )
        )
    return rows


def front_rows(table: pd.DataFrame, x: str, y: str) -> pd.Series:
    """Which trials belong to a configuration on the front (seeds averaged)."""
    if not {x, y} <= set(table.columns) or table.empty:
        return pd.Series(False, index=table.index)
    means = mean_over_seeds(table)
    groups = configuration_groups(table)
    chosen = set(groups.loc[means.index[pareto_front(means, x, y)]])
    return groups.isin(chosen) & (table["state"] == "COMPLETE")


def _is_numeric(column: pd.Series) -> bool:
    present = column.dropna()
    return bool(present.map(lambda value: isinstance(value, (int, float)) or hasattr(value, "dtype")).all())


def _cell(column: Column, value: Any) -> tuple[str, str]:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "", ""
    if not column.is_number or isinstance(value, (bool, str)):
        return str(value), str(value)
    number = float(value)
    return report_text(column.name, number), repr(number)
