"""``history.csv``: one header, one row an epoch."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vggsweep.results.record import write_atomically


def write_history(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write all epochs so far; a reader never sees half a row.

    Args:
        rows: one mapping an epoch, all with the same keys.
        path: ``history.csv``.
    """
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, buffer.getvalue())


def read_history(path: Path) -> list[dict[str, float]]:
    """The epochs of a trial; empty where none has finished."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
