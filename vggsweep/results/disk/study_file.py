"""What ``study.db`` knows of each trial's configuration, read without Optuna.

Tables are made from records alone; this only tells a record that lies in another trial's place.

known_identities   what each trial of the study is
check_place        refuse a record that is of another one
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from vggsweep.errors import RecordError
from vggsweep.identity import Identity
from vggsweep.results.disk.record import Record

# As `vggsweep.sweep.storage.trial_attrs` writes them.
QUERY = """
SELECT trials.number, json_extract(value_json, '$.configuration_hash'), json_extract(value_json, '$.data')
FROM trial_user_attributes JOIN trials USING (trial_id) WHERE key = 'vggsweep'
"""


def known_identities(study: Path) -> dict[int, Identity]:
    """Identities by trial number; none where the file is missing, damaged or holds several studies.

    Args:
        study: ``study.db`` of a sweep's directory.
    """
    if not study.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{study.resolve().as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            (studies,) = database.execute("SELECT COUNT(*) FROM studies").fetchone()
            rows = database.execute(QUERY).fetchall() if studies == 1 else []
    except (sqlite3.Error, ValueError):
        return {}
    return {number: Identity(configuration, data) for number, configuration, data in rows if configuration}


def check_place(record: Record, number: int, known: Identity | None, file: str) -> None:
    """Refuse a record that lies in another trial's place.

    Args:
        record: as it was read.
        number: of the directory in which it lies.
        known: what the study says of that trial; None where it says nothing.
        file: the record's, for the refusal.

    Raises:
        RecordError: it has another number, or another configuration or data than the study's trial.
    """
    if record.trial != number:
        raise RecordError(f"{file} is the record of trial {record.trial}.")
    if known is not None and not known.fits(record.identity):
        raise RecordError(
            f"{file} is of another configuration or data set than trial {number} of the study. "
            "`vggsweep rerun` trains that trial again; `vggsweep repair` believes the records."
        )
