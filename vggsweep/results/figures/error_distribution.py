"""Empirical distribution of error: what share of a design space's networks does better than an error.

Source: Radosavovic, Johnson, Xie, Lo, Dollár, "On Network Design Spaces for Visual Recognition", 2019,
arXiv:1905.13214, equation 1, as pycls draws it: F(e) is the share of networks whose error is below e.
"""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from vggsweep.results.figures.style import (
    complete_rows,
    draw_series,
    label_of,
    legend_above,
    new_axes,
    note,
    plain,
)
from vggsweep.results.statistics.replicates import mean_over_seeds


def error_distribution(table: pd.DataFrame, value: str = "val_acc", by: str = "sweep") -> pd.DataFrame:
    """F(e) at every error that occurs, one design space for each value of a column.

    Args:
        table: a results table. Only COMPLETE trials count, seeds averaged; where a pruner stopped the weak
            ones, what is left looks better than the space is.
        value: an accuracy; the error is one minus it.
        by: column that parts the table into spaces.

    Returns:
        Columns ``space``, ``error`` (fraction, ascending within a space) and ``share``: of the space's
        networks, those with at most this error.

    Raises:
        NothingToDraw: nothing finished.

    >>> table = pd.DataFrame({"sweep": "a", "state": "COMPLETE", "width": [4, 8], "val_acc": [0.75, 0.5]})
    >>> error_distribution(table).values.tolist()
    [['a', 0.25, 0.5], ['a', 0.5, 1.0]]
    """
    rows = complete_rows(mean_over_seeds(table), value)
    spaces = rows[by] if by in rows.columns else pd.Series("all", index=rows.index)
    spaces = spaces.astype(object).where(spaces.notna(), "unknown")
    order = rows.groupby(spaces, sort=True).ngroup()
    errors = pd.DataFrame(
        {"space": spaces.map(str), "error": 1.0 - rows[value].astype(float), "order": order}
    )
    errors["share"] = errors.groupby("order")["error"].rank(method="first", pct=True)
    return errors.sort_values(["order", "error"], ignore_index=True).drop(columns="order")


def error_distribution_figure(table: pd.DataFrame, value: str = "val_acc", by: str = "sweep") -> Figure:
    """The distributions as steps; further left is better.

    Raises:
        NothingToDraw: see `error_distribution`.
    """
    numbers = error_distribution(table, value, by)
    pruned = int((table["state"] == "PRUNED").sum())
    figure, axes = new_axes()
    low, high = numbers["error"].min(), numbers["error"].max()
    margin = 0.04 * (high - low) or 0.01
    for at, (space, part) in enumerate(numbers.groupby("space", sort=False)):
        errors, shares = part["error"], [0, *part["share"], 1]
        name = plain(str(space)) if numbers["space"].nunique() > 1 else "networks"
        label = f"{name} (n = {len(errors)}, best {errors.min():.3f}, mean {errors.mean():.3f})"
        draw_series(axes, [low - margin, *errors, high + margin], shares, at, label=label)
    axes.set(xlim=(low - margin, high + margin), ylim=(0, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(label_of(value).replace("accuracy", "error"))
    axes.set_ylabel("share with at most this error")
    if pruned:
        text = f"{pruned} pruned trials are not counted"
        note(axes, text, (0.98, 0.04), xycoords="axes fraction", ha="right")
    legend_above(axes, 1)
    return figure
