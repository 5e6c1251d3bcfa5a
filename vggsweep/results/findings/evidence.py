"""What a report needs of sweeps, read once: the table, the records behind it, how they were ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.columns import COLUMNS, MEASURED, near_column
from vggsweep.results.disk.best import configuration_keys
from vggsweep.results.disk.choice import Choice
from vggsweep.results.disk.confirmation import Confirmation, confirmations_of, read_confirmation
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.measurements import Measurement, read_measurements
from vggsweep.results.disk.openings import read_openings
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.sweep_file import read_ended, read_infeasible, read_saved_spec
from vggsweep.results.findings.latencies import latest
from vggsweep.results.plain import PlainTable
from vggsweep.results.statistics.replicates import CONFIGURATION
from vggsweep.results.tables.held_out import refuse_to_choose_by, select_allowed
from vggsweep.results.tables.table import DAMAGED, damages, load_plain, make_frame, without_empty


@dataclass(frozen=True)
class SweepFacts:
    """What ``sweep.yaml`` says; empty for single runs and for sweeps of Hydra's stock sweepers.

    Args:
        name: the sweep's.
        command: the line that ran it.
        words: overrides that each of its trials has.
        objective: columns that it optimised, accuracy first.
        ended: why it ended when its command last did; None while it never has.
        fair: of one that searches the learning rate of each network, else None.
        timed: the last session that timed its networks anew; None where there was none.
        confirmation: what it confirms of another sweep; None for a search.
        infeasible: which points were no networks then, a sentence for each reason.
        is_test_opened: whether somebody looked at the test set: as its log says, of trials that were removed
            too, or to confirm it.
        path: its directory, as it begins the table's `dir`.
    """

    name: str
    command: str | None = None
    words: tuple[str, ...] = ()
    objective: tuple[str, ...] = ()
    ended: str | None = None
    fair: FairFacts | None = None
    timed: Measurement | None = None
    confirmation: Confirmation | None = None
    infeasible: tuple[str, ...] = ()
    is_test_opened: bool = False
    path: Path = Path()


@dataclass(frozen=True)
class Evidence:
    """Sweeps as they lie on disk.

    Args:
        table: a results table with a column ``configuration``, equal for rows that differ in their seed only.
        records: by the table's index; a row whose record went missing meanwhile has none.
        damaged: records that could not be read.
        sweeps: one a directory.
        where: the condition that chose the rows, or None for all.
    """

    table: pd.DataFrame
    records: Mapping[Any, Record]
    damaged: tuple[RecordError, ...]
    sweeps: tuple[SweepFacts, ...]
    where: str | None = None


def load_evidence(
    directories: Sequence[SweepDirectory],
    where: str | None = None,
    choice: Choice | None = None,
    *,
    keeps_index: bool = True,
) -> Evidence:
    """Read one or several sweeps; running, interrupted and finished ones alike.

    Args:
        directories: the sweeps.
        where: only trials for which this condition is true (`vggsweep.results.tables.condition`).
        choice: only the trials that it names; None for all.
        keeps_index: False writes nothing beside the records (`vggsweep.results.tables.table.read_rows`).

    Raises:
        ConfigError: the condition cannot be understood, or chooses by the test set.
    """
    plain = load_plain([directory.path for directory in directories], keeps_index=keeps_index)
    if choice is not None:
        plain = PlainTable(plain.names, [row for row in plain.rows if choice.keeps(row)])
    damaged = damages(plain)
    # Without a readable record there is nothing to draw or judge; `damaged` names them apart.
    plain = PlainTable(plain.names, [row for row in plain.rows if row["state"] != DAMAGED])
    if where is not None:
        plain = select_allowed(plain, where, directories)
    table = make_frame(without_empty(plain))
    found = {label: readable_record(Path(str(place))) for label, place in table["dir"].items()}
    records = {label: record for label, record in found.items() if record is not None}
    keys = configuration_keys(records)
    table = table.assign(**{CONFIGURATION: pd.Series(keys, index=table.index, dtype=object)})
    return Evidence(table, records, tuple(damaged), tuple(map(_facts, directories)), where)


def check_column(table: pd.DataFrame, name: str) -> None:
    """Refuse a column that is misspelt, of which no trial has a value, or that nothing may choose by.

    Raises:
        ConfigError: the text says which of these.
    """
    refuse_to_choose_by([name])
    if name in table.columns and name != CONFIGURATION:
        return
    if name in COLUMNS:
        hint = " measure=none takes no such figure." if name in MEASURED else ""
        raise ConfigError(f"No trial of this table has a value of {name}.{hint}")
    numbers = table.select_dtypes("number").columns
    raise ConfigError(f"The table has no column {name!r}. {near_column(name, map(str, numbers))}")


def objective_cost(evidence: Evidence) -> str:
    """The cost that the sweeps optimised, where they agree and have it, else MACs."""
    costs = {sweep.objective[1] for sweep in evidence.sweeps if len(sweep.objective) > 1}
    found = costs.pop() if len(costs) == 1 else "macs"
    return found if found in evidence.table.columns else "macs"


def objective_accuracy(evidence: Evidence) -> str:
    """The accuracy that the sweeps optimised, where they agree and have it, else `val_acc`."""
    names = {sweep.objective[0] for sweep in evidence.sweeps if sweep.objective}
    found = names.pop() if len(names) == 1 else "val_acc"
    return found if found in evidence.table.columns else "val_acc"


def _facts(directory: SweepDirectory) -> SweepFacts:
    """A damaged ``sweep.yaml`` costs the command line of a page, and no more."""
    timed = latest(read_measurements(directory.measurements))
    confirmation = None
    with suppress(RecordError):
        confirmation = read_confirmation(directory.confirmation)
    found = SweepFacts(
        directory.name,
        path=directory.path,
        timed=timed,
        confirmation=confirmation,
        is_test_opened=_is_test_opened(directory),
    )
    with suppress(RecordError):
        if (saved := read_saved_spec(directory.settings)) is not None:
            return replace(
                found,
                command=saved.command,
                words=saved.words,
                objective=saved.objective,
                ended=read_ended(directory.best),
                fair=saved.fair,
                infeasible=read_infeasible(directory.best),
            )
    return found


def _is_test_opened(directory: SweepDirectory) -> bool:
    """By a verb, or by a confirmation; where one is damaged, nobody knows."""
    if read_openings(directory.openings):
        return True
    try:
        return any(
            found.result is not None or read_openings(SweepDirectory(path).openings)
            for path, found in confirmations_of(directory.path)
        )
    except RecordError:
        return True
