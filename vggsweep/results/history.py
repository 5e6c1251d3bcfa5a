"""``history.csv``: one header, one row an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vggsweep.identity import Identity
from vggsweep.results.record import write_atomically

# The column in which each row says what it belongs to; no epoch's figure.
IDENTITY = "identity"


def write_history(rows: Sequence[Mapping[str, Any]], path: Path, identity: Identity | None = None) -> None:
    """Write all epochs so far; a reader never sees half a row.

    Args:
        rows: one mapping an epoch, all with the same keys.
        path: ``history.csv``.
        identity: of the training; None leaves it out.
    """
    own = {} if identity is None else {IDENTITY: identity.short}
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=[*rows[0], *own], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **own} for row in rows)
    write_atomically(path, buffer.getvalue())


def read_history(path: Path, identity: Identity | None = None) -> list[dict[str, float]]:
    """The epochs of a trial; empty where none has finished.

    Args:
        path: ``history.csv``.
        identity: of the trial; a history that says that it belongs to another counts as none.
    """
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    if identity is not None and any(row.get(IDENTITY, identity.short) != identity.short for row in rows):
        return []
    return [{name: float(value) for name, value in row.items() if name != IDENTITY} for row in rows]
