"""What the test set said in a table: shown where it was opened, and nothing to choose by."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.openings import Opening, read_openings
from vggsweep.results.disk.record import read_record
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.condition import Condition, select_where

OF_THE_TEST_SET = "test_"


def refuse_to_choose_by(names: Iterable[str]) -> None:
    """Refuse columns of the test set where they would choose among trials.

    Raises:
        ConfigError: one of them is.
    """
    for name in names:
        if name.startswith(OF_THE_TEST_SET):
            raise ConfigError(
                f"{name} chooses nothing: the best of several test accuracies is too good to be true. Choose "
                "by val_acc; `vggsweep confirm` then tests what was chosen, and its report shows them."
            )


def select_allowed(table: PlainTable, where: str, sweeps: Iterable[SweepDirectory]) -> PlainTable:
    """The rows for which a condition is true; what the test set said may be asked of confirmations alone.

    Raises:
        ConfigError: the condition cannot be understood, or chooses by the test set.
    """
    if not all(sweep.confirmation.is_file() for sweep in sweeps):
        refuse_to_choose_by(Condition(where, table.names).compared_columns())
    return select_where(table, where)


def opened_accuracies(sweep: Path) -> dict[int, float]:
    """The test accuracies of a sweep's networks that were opened after their training, by trial.

    The log of openings and ``test.json`` have to agree, and the record has to be that of the network that was
    tested: a trial that was trained anew has not been tested.
    """
    directory = SweepDirectory(sweep)
    last = {one.trial: one for one in read_openings(directory.openings)}
    found = {}
    for number, opening in last.items():
        with suppress(RecordError, OSError, ValueError, TypeError, AttributeError):
            if _is_of_record(directory, opening):
                found[number] = opening.test_acc
    return found


def _is_of_record(directory: SweepDirectory, opening: Opening) -> bool:
    trial = directory.trial(opening.trial)
    tested: Mapping[str, Any] = json.loads(trial.test.read_bytes())
    record = read_record(trial.record)
    is_logged = (tested["when"], tested["test_acc"]) == (opening.when, opening.test_acc)
    is_later = opening.when[:19] >= str(record.timings.get("ended", ""))[:19]
    return is_logged and is_later and record.weights_sha256 in (None, tested["weights_sha256"])
