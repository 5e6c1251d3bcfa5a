"""Replicates as one row: mean, standard deviation and number of the COMPLETE trials of a group."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vggsweep.results.columns import DEVIATING, kind_of
from vggsweep.results.plain import DEVIATION, PlainTable, is_number, is_numeric
from vggsweep.results.tables.selection import order_of

IMAGES = "images"


def statistics_of(values: Sequence[Any]) -> tuple[float | None, float | None]:
    """Mean of the numbers among some values, and the sample's standard deviation (n - 1).

    >>> statistics_of([0.25, 0.75, None]), statistics_of([0.5]), statistics_of([])
    ((0.5, 0.3535...), (0.5, None), (None, None))
    """
    numbers = [value for value in values if is_number(value)]
    try:
        mean = math.fsum(numbers) / len(numbers) if numbers else None
        if mean is None or len(numbers) == 1:
            return mean, None
        squares = math.fsum((value - mean) ** 2 for value in numbers)
    except (OverflowError, ValueError):  # an edited record may hold infinity, or an integer beyond any float
        return None, None
    return mean, math.sqrt(squares / (len(numbers) - 1))


def group_rows(table: PlainTable, keys: Sequence[str]) -> PlainTable:
    """One row for each combination of the keys' values, over its COMPLETE trials on the same images.

    Its columns are the keys, ``n``, then those of the table: measured columns as mean and standard deviation
    (``val_acc``, ``val_acc_sd``); other numbers likewise where they differ within a group; a text where it is
    the same in every row of each group, else not at all.

    Args:
        table: a results table.
        keys: its columns; every one but ``seed`` for instance.

    Raises:
        ConfigError: no such column.
    """
    table.check_columns(keys, "--group-by")
    complete = [row for row in table.rows if row.get("state") == "COMPLETE"]
    if len({row.get(IMAGES) for row in complete}) > 1 and IMAGES not in keys:
        keys = [*keys, IMAGES]
    groups: dict[Any, list[Mapping[str, Any]]] = {}
    for row in complete:
        groups.setdefault(tuple(order_of(row.get(key)) for key in keys), []).append(row)
    members = [rows for _, rows in sorted(groups.items(), key=lambda item: item[0])]
    grouped: list[dict[str, Any]] = [
        {**{key: rows[0].get(key) for key in keys}, "n": len(rows)} for rows in members
    ]
    names = [*dict.fromkeys(keys), "n"]
    for name in table.names:
        if name in names or kind_of(name) == "trial":
            continue
        columns = [[row.get(name) for row in rows] for rows in members]
        if name not in DEVIATING and all(value == column[0] for column in columns for value in column):
            names.append(name)
            for target, column in zip(grouped, columns, strict=True):
                target[name] = column[0]
        elif all(map(is_numeric, columns)):
            names += [name, name + DEVIATION]
            for target, column in zip(grouped, columns, strict=True):
                target[name], target[name + DEVIATION] = statistics_of(column)
    return PlainTable(tuple(names), grouped)
