"""Which configurations differ by more than the noise: each with its seeds, its mean and its interval."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vggsweep.errors import NothingToDraw
from vggsweep.results.figures.style import (
    BLUE,
    FAINT,
    GREY,
    LEGEND,
    LONGEST_NAME,
    ORANGE,
    complete_rows,
    label_of,
    new_axes,
    plain,
)
from vggsweep.results.statistics.replicates import configuration_groups, mean_over_seeds
from vggsweep.results.statistics.verdict import EQUAL, reach_verdict

MOST_ROWS = 24
BEST, CLOSE, WORSE = "most accurate", "within its noise", "worse by more than the noise"
COLOURS = {BEST: ORANGE, CLOSE: BLUE, WORSE: GREY}


def standings(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> pd.DataFrame:
    """The order in which `vggsweep report` puts configurations, with what chance allows.

    Args:
        table: a results table; only COMPLETE trials count.
        x: the cost.
        y: an accuracy.

    Returns:
        One row a configuration: ``group`` (of equal cost, from 0), ``name`` (its settings in words),
        ``trial`` (its first), ``depth``, ``value`` (mean over seeds), ``low`` and ``high`` (95 % interval,
        NaN where no noise is known), ``seeds``, ``cost`` and ``is_told_apart`` (worse than the best of its
        group by more than the noise). Within a group the best comes first.

    Raises:
        NothingToDraw: nothing finished.
    """
    complete_rows(table, y)
    means = mean_over_seeds(table)
    trials = means["trial"].to_dict()
    depths = means["depth"].to_dict() if "depth" in means.columns else {}
    rows = []
    for group, parts in enumerate(reach_verdict(table, x, y).standings):
        for standing in parts:
            interval = standing.interval
            rows.append(
                {
                    "group": group,
                    "name": standing.name,
                    "trial": trials[standing.label],
                    "depth": depths.get(standing.label),
                    "value": standing.accuracy,
                    "low": np.nan if interval is None else interval.low,
                    "high": np.nan if interval is None else interval.high,
                    "seeds": standing.seeds,
                    "cost": standing.cost,
                    "is_told_apart": standing.is_told_apart,
                }
            )
    return pd.DataFrame(rows)


def standings_figure(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Figure:
    """One line a configuration: its trials as small rings, its mean as a dot, its interval as a bar.

    The best is orange, what lies within its noise is blue, what is worse by more is grey. Networks of equal
    cost that differ in depth stand in the order of depth, others from the best down; of very many the best
    are shown.

    Args:
        table: a results table.
        x: the cost.
        y: an accuracy.

    Raises:
        NothingToDraw: see `standings`.
    """
    rows = standings(table, x, y)
    shown = _in_drawing_order(rows)
    names = [_wrapped(name) for name in shown["name"]]
    lines = sum(name.count("\n") + 1 for name in names)
    figure, axes = new_axes((6.4, 1.3 + 0.12 * len(names) + 0.18 * lines))
    axes.grid(False, axis="y")
    seeds_of = _seeds_of(table, y)
    best = rows.groupby("group")["value"].max()
    kinds = [
        BEST if row["value"] == best[row["group"]] else WORSE if row["is_told_apart"] else CLOSE
        for _, row in shown.iterrows()
    ]
    for kind in (BEST, CLOSE, WORSE):
        if kind in kinds:
            axes.plot([], [], "o", color=COLOURS[kind], ms=8, label=kind)
    for place, (kind, (_, row)) in enumerate(zip(kinds, shown.iterrows(), strict=True)):
        colour = COLOURS[kind]
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=2, alpha=0.55)
        values = seeds_of[row["trial"]]
        if len(values) > 1:
            axes.plot(values, [place] * len(values), "o", mfc="none", mec=colour, ms=4, mew=0.8)
        axes.plot(row["value"], place, "o", color=colour, ms=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlabel(label_of(y))
    if len(shown) < len(rows):
        axes.set_title(
            f"the best {len(shown)} of {len(rows)} configurations", fontsize=9, color=FAINT, loc="right"
        )
    figure.legend(loc="outside upper right", ncols=3, **LEGEND)
    return figure


def _wrapped(name: str) -> str:
    """A name on lines that leave room for the axes."""
    return "\n".join(plain(line) for line in textwrap.wrap(name, LONGEST_NAME, break_long_words=False))


def _in_drawing_order(rows: pd.DataFrame) -> pd.DataFrame:
    if rows.empty:
        raise NothingToDraw("no configuration has finished")
    is_by_depth = rows["group"].nunique() > 1 or _is_ladder(rows)
    shown = rows.sort_values("value", ascending=False, kind="stable").head(MOST_ROWS)
    return shown.sort_values(["group", "depth"], kind="stable") if is_by_depth else shown


def _is_ladder(rows: pd.DataFrame) -> bool:
    """Whether these are networks of equal cost and different depths."""
    costs, depths = pd.to_numeric(rows["cost"], errors="coerce"), rows["depth"]
    is_equal = bool(costs.notna().all()) and costs.max() <= EQUAL * costs.min()
    return is_equal and bool(depths.notna().all()) and depths.nunique() == len(rows) > 1


def _seeds_of(table: pd.DataFrame, y: str) -> dict[int, list[float]]:
    """Each configuration's accuracies, by the number of its first trial."""
    complete = table[table["state"] == "COMPLETE"]
    groups = configuration_groups(table).loc[complete.index]
    parts = complete.groupby(groups, sort=False)
    return {part["trial"].iloc[0]: part[y].dropna().astype(float).tolist() for _, part in parts}
