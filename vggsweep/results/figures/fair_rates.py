"""Accuracy over the learning rate, a line a network, with the rate that a search took for each."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from vggsweep.errors import NothingToDraw
from vggsweep.results.best_rates import best_rates
from vggsweep.results.figures.style import MARK, draw_series, label_of, legend_above, new_axes, plain
from vggsweep.results.findings.fair_rates import LR, searched_trials

# The legend has room for so many networks; further lines have no name.
MOST_NAMED = 8


def rate_points(table: pd.DataFrame, seed: int = 0, y: str = "val_acc") -> pd.DataFrame:
    """The finished trials of a search for learning rates.

    Args:
        table: a results table.
        seed: of the search; trials of other seeds compare.
        y: the accuracy.

    Returns:
        ``network`` in words, ``rate``, ``value``, and ``best``: the rate that suits the network
        (`vggsweep.results.findings.fair_rates.best_rates`).

    Raises:
        NothingToDraw: no trial of the search has finished.
    """
    found = searched_trials(table, seed, y)
    if found.empty:
        raise NothingToDraw("no trial of the search for learning rates has finished")
    points = pd.DataFrame(
        {"network": found["network"], "rate": found[LR].astype(float), "value": found[y].astype(float)}
    )
    best = best_rates(zip(points["network"].map(str), points["rate"], points["value"], strict=True))
    points["best"] = [best[network].rate for network in points["network"]]
    return points.sort_values(["network", "rate"], kind="stable").reset_index(drop=True)


def fair_rates_figure(table: pd.DataFrame, seed: int = 0, y: str = "val_acc") -> Figure:
    """Accuracy over the learning rate (logarithmic) of each network; a diamond at the foot is its own rate.

    Args:
        table: a results table.
        seed: of the search.
        y: the accuracy.

    Raises:
        NothingToDraw: see `rate_points`.
    """
    points = rate_points(table, seed, y)
    order = searched_trials(table, seed, y)["network"].drop_duplicates()
    named = min(len(order), MOST_NAMED)
    figure, axes = new_axes((6.4, 4.0 + 0.1 * named))
    for at, network in enumerate(order):
        part = points[points["network"] == network]
        label = plain(str(network)) if at < named else None
        colour = draw_series(axes, part["rate"], part["value"], at, "default", label=label)
        axes.scatter(part["rate"], part["value"], color=colour, s=26, zorder=3)
        axes.scatter(
            part["best"].iloc[0],
            0.02 + 0.035 * (at % 4),
            color=colour,
            s=60,
            marker="D",
            transform=axes.get_xaxis_transform(),
            **{key: value for key, value in MARK.items() if key != "zorder"},
            zorder=4,
        )
    axes.set_xscale("log")
    rates = sorted(set(points["rate"]))
    axes.set_xticks(rates)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    low, high = float(points["value"].min()), float(points["value"].max())
    axes.set_ylim(low - 0.2 * (high - low or 0.01), high + 0.05 * (high - low or 0.01))
    axes.set(xlabel=f"{label_of(LR)} (optimizer.lr)", ylabel=label_of(y))
    legend_above(axes, 2)
    return figure
