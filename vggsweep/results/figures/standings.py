"""Which configurations differ by more than the noise: each with its seeds, its mean and its interval."""

from __future__ import annotations

import textwrap
from collections.abc import Hashable

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
from vggsweep.results.findings.verdict import EQUAL, reach_verdict
from vggsweep.results.statistics.replicates import mean_over_seeds, trials_behind

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
        ``trial`` (its first), ``row`` (its label in the table), ``depth``, ``value`` (mean over seeds),
        ``low`` and ``high`` (95 % interval, NaN where no noise is known), ``seeds``, ``cost`` and
        ``is_told_apart`` (worse than the best of its group by more than the noise). Where networks were
        compared image by image, ``p``, and ``worst`` and ``upmost``: the best's value less the ends of the
        interval of the difference; else NaN. Within a group the best comes first.

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
            interval, apart = standing.interval, standing.difference
            within = apart.interval if apart is not None else None
            best = parts[0].accuracy
            rows.append(
                {
                    "group": group,
                    "name": standing.name,
                    "trial": trials[standing.label],
                    "row": standing.label,
                    "depth": depths.get(standing.label),
                    "value": standing.accuracy,
                    "low": np.nan if interval is None else interval.low,
                    "high": np.nan if interval is None else interval.high,
                    "seeds": standing.seeds,
                    "cost": standing.cost,
                    "is_told_apart": standing.is_told_apart,
                    "p": np.nan if apart is None else apart.p,
                    "worst": np.nan if within is None else best - within.high,
                    "upmost": np.nan if within is None else best - within.low,
                }
            )
    return pd.DataFrame(rows)


def standings_figure(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Figure:
    """One line a configuration: its trials as small rings, its mean as a dot, its interval as a bar.

    Where networks were compared image by image, the bar is the interval of the difference from the best,
    drawn from the best's mean: what is worse by more than the noise does not reach the line there.

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
    is_paired = bool(rows["worst"].notna().any())
    if is_paired and len(best) == 1:
        axes.axvline(best.iloc[0], color=ORANGE, linewidth=0.8, linestyle=":")
    for place, (kind, (_, row)) in enumerate(zip(kinds, shown.iterrows(), strict=True)):
        colour = COLOURS[kind]
        bar = [row["worst"], row["upmost"]] if is_paired else [row["low"], row["high"]]
        if kind != BEST or not is_paired:
            axes.plot(bar, [place, place], color=colour, linewidth=2, alpha=0.55)
        values = seeds_of[row["row"]]
        if len(values) > 1:
            axes.plot(values, [place] * len(values), "o", mfc="none", mec=colour, ms=4, mew=0.8)
        axes.plot(row["value"], place, "o", color=colour, ms=8)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    bars = "\nbars: 95 % interval of the difference from the best" if is_paired else ""
    axes.set_xlabel(label_of(y) + bars)
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


def _seeds_of(table: pd.DataFrame, y: str) -> dict[Hashable, list[float]]:
    """Each configuration's accuracies, by the row of its first trial: of two sweeps, both have a trial 0."""
    values = table[y].astype(float).dropna().to_dict()
    return {row: [values[at] for at in rows if at in values] for row, rows in trials_behind(table).items()}
