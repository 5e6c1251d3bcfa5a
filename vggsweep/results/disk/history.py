"""``history.csv``: one header, one row an epoch."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vggsweep.errors import RecordError
from vggsweep.files import write_atomically
from vggsweep.identity import Identity

# The column in which each row says what it belongs to; no epoch's figure.
IDENTITY = "identity"
# Taken at some epochs only: a pruner's score.
SPARSE = ("averaged_val_acc",)


def write_history(rows: Sequence[Mapping[str, Any]], path: Path, identity: Identity | None = None) -> None:
    """Write all epochs so far; a reader never sees half a row.

    Args:
        rows: one mapping an epoch, all with the same keys; None where an epoch has no such figure. A column
            without any is left out.
        path: ``history.csv``.
        identity: of the training; None leaves it out.
    """
    own = {} if identity is None else {IDENTITY: identity.short}
    buffer = io.StringIO()
    names = [name for name in rows[0] if any(row[name] is not None for row in rows)]
    writer = csv.DictWriter(buffer, [*names, *own], extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **own} for row in rows)
    write_atomically(path, buffer.getvalue())


def copy_history(source: Path, target: Path, identity: Identity) -> None:
    """Copy a history that can be read, as one of another identity; one that cannot is left out."""
    try:
        read_history(source)
        with source.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (RecordError, OSError, ValueError):
        return
    if rows:
        figures = [{name: text for name, text in row.items() if name != IDENTITY} for row in rows]
        write_history(figures, target, identity)


def read_history(path: Path, identity: Identity | None = None) -> list[dict[str, float]]:
    """The epochs of a trial; empty where none has finished.

    Args:
        path: ``history.csv``.
        identity: of the trial; a history that says that it belongs to another counts as none.

    Raises:
        RecordError: the file is there and is no history: of the wrong kind, cut short, not of numbers.
    """
    if not os.path.lexists(path):
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            lines = list(csv.reader(file, strict=True))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordError(f"{path} is damaged: {error}.") from None
    names, rows = (lines[0] if lines else []), lines[1:]
    if "epoch" not in names:
        raise RecordError(f"{path} is damaged: its first line names no epoch.")
    epochs = [_epoch(names, row, number, path) for number, row in enumerate(rows, start=1)]
    if identity is not None and IDENTITY in names:
        column = names.index(IDENTITY)
        if any(row[column] != identity.short for row in rows):
            return []
    return epochs


def finished_epochs(path: Path, identity: Identity | None = None) -> list[dict[str, float]]:
    """The epochs of a trial as far as can be read, for what only shows or counts them."""
    try:
        return read_history(path, identity)
    except RecordError:
        return []


def _epoch(names: Sequence[str], row: Sequence[str], number: int, path: Path) -> dict[str, float]:
    try:
        cells = dict(zip(names, row, strict=True))
        values = {
            name: float(text)
            for name, text in cells.items()
            if name != IDENTITY and (text or name not in SPARSE)
        }
    except ValueError:
        raise RecordError(
            f"{path} is damaged: line {number + 1} does not hold {len(names)} values."
        ) from None
    if not all(map(math.isfinite, values.values())) or values["epoch"] != number:
        raise RecordError(f"{path} is damaged: line {number + 1} is not epoch {number} in finite numbers.")
    return values
