"""The front: the Pareto-optimal COMPLETE trials of a table for two named columns.

Like is compared with like: what a machine measures with what the same device measured in the same
precision, and accuracies on the same images. Each of these has a front of its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vggsweep.errors import ConfigError
from vggsweep.results.columns import MAXIMISED, MEASURED, near_column
from vggsweep.results.dominance import front_within


def pareto_front(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> pd.Series:
    """Which rows lie on the front.

    Args:
        table: a results table (`vggsweep.results.tables.table`).
        x: a column; accuracies, throughput and images_per_second are better when larger, all others
            when smaller.
        y: another.

    Returns:
        Boolean series with the table's index; rows that are not COMPLETE or lack a value are False.
        No row is compared with one on other images, nor, where a column is measured (`MEASURED`), with
        one of another device or precision.

    Raises:
        ConfigError: the table has no such column.

    >>> table = pd.DataFrame({"state": "COMPLETE", "macs": [1, 2, 3], "val_acc": [0.8, 0.9, 0.85]})
    >>> pareto_front(table).tolist()
    [True, True, False]
    """
    rows = zip(losses_of(table, x, y).tolist(), is_compared(table, x, y), strict=True)
    points = [tuple(row) if is_one else None for row, is_one in rows]
    is_front = front_within(points, machines(table, x, y))
    return pd.Series(is_front, index=table.index, name="pareto", dtype=bool)


def machines(table: pd.DataFrame, x: str, y: str) -> pd.Series:
    """Which rows may be compared: those with the same text.

    Args:
        table: a results table.
        x, y: the columns in question.

    Returns:
        ``"<device>, <precision>"`` for each row where a column is measured, and the data set where the table
        holds several; else the same empty text.
    """
    parts = []
    if MEASURED & {x, y}:
        parts = [_texts(table, name, f"unknown {name}") for name in ("device", "precision")]
    data = data_sets(table)
    if data.nunique() > 1:
        parts.append(data)
    texts = [", ".join(row) for row in zip(*parts, strict=True)] if parts else ""
    return pd.Series(texts, index=table.index, dtype=object)


def data_sets(table: pd.DataFrame) -> pd.Series:
    """What each row was validated on: its data set, with the column ``images`` where one has several.

    >>> data_sets(pd.DataFrame({"dataset": ["own", "own", "mnist"], "images": ["12", "34", "56"]})).tolist()
    ['own (images 12)', 'own (images 34)', 'mnist']
    """
    names = _texts(table, "dataset", "")
    images = _texts(table, "images", "unknown")
    return names.where(images.groupby(names).transform("nunique") < 2, names + " (images " + images + ")")


def same_data(table: pd.DataFrame) -> tuple[pd.DataFrame, str | None]:
    """The rows of one data set, and a sentence on the others.

    Returns:
        The data set with the most finished trials, the first of equals; and None where there is no other.
    """
    if table.empty:
        return table, None
    data = data_sets(table)
    finished = data[table["state"] == "COMPLETE"]
    if finished.nunique() < 2:
        return table, None
    chosen = finished.value_counts(sort=True).index[0]
    others = ", ".join(sorted(set(finished) - {chosen}))
    return table[data == chosen], (
        f"accuracies on different images do not compare: only trials on {chosen} are judged, those on "
        f"{others} are listed (--where chooses)"
    )


def _texts(table: pd.DataFrame, name: str, missing: str) -> pd.Series:
    column = table[name] if name in table.columns else pd.Series(None, index=table.index, dtype=object)
    return column.astype(object).where(column.notna(), missing).astype(str).astype(object)


def losses_of(table: pd.DataFrame, x: str, y: str) -> NDArray[np.float64]:
    """Two columns as losses, (N, 2): what is better when larger is negated.

    Raises:
        ConfigError: the table has no such column.
    """
    for name in (x, y):
        if name not in table.columns:
            raise ConfigError(
                f"The table has no column {name!r}. {near_column(name, map(str, table.columns))}"
            )
    numbers = [pd.to_numeric(table[name], errors="coerce") for name in (x, y)]
    values = np.column_stack([column.to_numpy(dtype=np.float64, na_value=np.nan) for column in numbers])
    return np.where([name in MAXIMISED for name in (x, y)], -values, values)


def is_compared(table: pd.DataFrame, x: str, y: str) -> NDArray[np.bool_]:
    """Which rows are COMPLETE and have both values, (N,)."""
    is_complete: NDArray[np.bool_] = (table["state"] == "COMPLETE").to_numpy(dtype=bool)
    return is_complete & np.isfinite(losses_of(table, x, y)).all(axis=1)
