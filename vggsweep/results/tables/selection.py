"""Choosing from a table: its order, its columns, the best row of each value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from vggsweep.errors import ConfigError
from vggsweep.results.plain import DEVIATION, PlainTable, is_number

BEST_BY = "val_acc"


def split_names(words: Sequence[str] | None) -> list[str]:
    """Column names of a flag that is given once with commas, several times, or both.

    >>> split_names(["depth,width", " -val_acc"])
    ['depth', 'width', '-val_acc']
    """
    return [name for word in words or () for part in word.split(",") if (name := part.strip())]


def sort_rows(table: PlainTable, keys: Sequence[str]) -> PlainTable:
    """The rows in the order of some columns; equal rows keep their order, missing values come last.

    Args:
        table: any table.
        keys: columns, the weightiest first; one with ``-`` before it is descending.

    Raises:
        ConfigError: no such column.

    >>> table = PlainTable(("depth",), [{"depth": 5}, {"depth": None}, {"depth": 8}])
    >>> sort_rows(table, ["-depth"]).column("depth")
    [8, 5, None]
    """
    names = [(key if key in table.names else key.removeprefix("-"), key) for key in keys]
    table.check_columns((name for name, _ in names), "--sort")
    rows = list(table.rows)
    for name, key in reversed(names):
        present = [row for row in rows if row.get(name) is not None]
        missing = [row for row in rows if row.get(name) is None]
        present.sort(key=lambda row: order_of(row[name]), reverse=key != name)
        rows = present + missing
    return PlainTable(table.names, rows)


def order_of(value: Any) -> tuple[int, Any]:
    """A sort key for whatever a column may hold: false and true, numbers, text, then everything else."""
    if isinstance(value, bool):
        return (0, value)
    if is_number(value):
        return (1, value)
    return (2, value) if isinstance(value, str) else (3, json.dumps(value, sort_keys=True, default=str))


def choose_columns(table: PlainTable, names: Sequence[str]) -> PlainTable:
    """The table with these columns, in this order; the mean of a group brings its deviation with it.

    Raises:
        ConfigError: no such column.

    >>> choose_columns(PlainTable(("n", "val_acc", "val_acc_sd"), []), ["val_acc", "n"]).names
    ('val_acc', 'val_acc_sd', 'n')
    """
    table.check_columns(names, "--columns")
    pairs = ((name, name + DEVIATION) for name in names)
    chosen = (each for pair in pairs for each in pair if each in table.names)
    return PlainTable(tuple(dict.fromkeys(chosen)), table.rows)


def best_rows(table: PlainTable, keys: Sequence[str]) -> PlainTable:
    """For each value of some columns the row with the highest validation accuracy.

    Of equally accurate rows the one with fewest MACs, then the first. Where the table has states, only
    COMPLETE rows compete.

    Args:
        table: any table with ``val_acc``.
        keys: one or several columns; each combination of their values yields one row.

    Raises:
        ConfigError: no such column.
    """
    table.check_columns(keys, "--best-per")
    if BEST_BY not in table.names:
        raise ConfigError(f"--best-per: the table has no column {BEST_BY!r} by which a row could be best.")
    finished = [row for row in table.rows if row.get("state", "COMPLETE") == "COMPLETE"]
    best: dict[Any, Mapping[str, Any]] = {}
    for row in sorted((row for row in finished if is_number(row.get(BEST_BY))), key=_merit, reverse=True):
        best.setdefault(tuple(order_of(row.get(name)) for name in keys), row)
    return PlainTable(table.names, [best[key] for key in sorted(best)])


def _merit(row: Mapping[str, Any]) -> tuple[float, float]:
    macs = row.get("macs")
    return (row[BEST_BY], -macs if macs is not None and is_number(macs) else float("-inf"))
