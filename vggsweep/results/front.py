"""The front: the Pareto-optimal COMPLETE trials of a table for two named columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vggsweep.errors import ConfigError, near_match
from vggsweep.results.dominance import MAXIMISED, non_dominated

__all__ = ["MAXIMISED", "is_non_dominated", "pareto_front"]


def pareto_front(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> pd.Series:
    """Which rows lie on the front.

    Args:
        table: a results table (`vggsweep.results.table`).
        x: a column; accuracies, throughput and images_per_second are better when larger, all others
            when smaller.
        y: another.

    Returns:
        Boolean series with the table's index; rows that are not COMPLETE or lack a value are False.

    Raises:
        ConfigError: the table has no such column.

    >>> table = pd.DataFrame({"state": "COMPLETE", "macs": [1, 2, 3], "val_acc": [0.8, 0.9, 0.85]})
    >>> pareto_front(table).tolist()
    [True, True, False]
    """
    for name in (x, y):
        if name not in table.columns:
            raise ConfigError(
                f"The table has no column {name!r}. {near_match(name, map(str, table.columns))}"
            )
    losses = np.column_stack([_losses(table[name], name) for name in (x, y)])
    is_eligible = (table["state"] == "COMPLETE").to_numpy() & np.isfinite(losses).all(axis=1)
    is_front = np.zeros(len(table), dtype=bool)
    is_front[is_eligible] = is_non_dominated(losses[is_eligible])
    return pd.Series(is_front, index=table.index, name="pareto")


def is_non_dominated(losses: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which rows no other row dominates: nowhere worse and somewhere better. Equal rows all stay.

    Args:
        losses: (N, 2), to be minimised.
    """
    return np.array(non_dominated(list(map(tuple, losses.tolist()))), dtype=bool)


def _losses(column: pd.Series, name: str) -> NDArray[np.float64]:
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return -values if name in MAXIMISED else values
