"""What networks would reach that nobody has trained, and how long that would take, from those that were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from vggsweep.results.scaling.fit import LEVEL, Prediction, ScalingFit, Size, fit_scaling
from vggsweep.results.scaling.surface import Observations, ResponseSurface, Values
from vggsweep.results.statistics.replicates import mean_over_seeds

# A mean over more networks is that of so many, spread evenly over their costs.
MOST_AVERAGED = 64
# Fewer timed networks tell nothing of the others.
LEAST_TIMED = 3


@dataclass(frozen=True)
class Seconds:
    """A time of training.

    Args:
        middle: median, in seconds.
        low, high: 90 % interval.
    """

    middle: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """What a fitted table says of further networks.

    Args:
        fit: of its accuracies.
        accuracies: one a network.
        seconds: one a network; empty where the table says nothing of times.
        per_trial: mean of the seconds of all; None likewise.
        machine: device and precision of the times.
    """

    fit: ScalingFit
    accuracies: tuple[Prediction, ...]
    seconds: tuple[Seconds, ...]
    per_trial: Seconds | None
    machine: str


def forecast(table: pd.DataFrame, sizes: Sequence[Size], epochs: int, y: str = "val_acc") -> Forecast:
    """Predict networks of some sizes, trained in everything else as those of a table.

    Args:
        table: a results table of networks that differ in their sizes.
        sizes: with their MACs.
        epochs: that each is trained for.
        y: an accuracy.

    Raises:
        ConfigError: see `vggsweep.results.scaling.data.scaling_data`.
    """
    fit = fit_scaling(table, y)
    accuracies = tuple(fit.predict(sizes))
    rows, machine = _timed(table)
    if len(rows) < LEAST_TIMED:
        return Forecast(fit, accuracies, (), None, "")
    surface = ResponseSurface(_timings(rows))
    features_MD = _costs([size.macs or np.nan for size in sizes], [size.depth for size in sizes])
    seconds_SM = np.exp(surface.results(features_MD)) * epochs
    order = np.argsort(features_MD[:, 0], kind="stable")
    some = order[
        np.unique(np.linspace(0, len(order) - 1, min(len(order), MOST_AVERAGED)).round().astype(int))
    ]
    return Forecast(
        fit,
        accuracies,
        tuple(_seconds(seconds_SM[:, at]) for at in range(len(sizes))),
        _seconds((np.exp(surface.trend(features_MD[some])) * epochs).mean(axis=1)),
        machine,
    )


def _timed(table: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The networks of the device and precision that trained most of them, seeds averaged."""
    needed = ["train_seconds", "epochs_run", "macs", "depth"]
    if not set(needed) <= set(table.columns):
        return table.iloc[:0], ""
    means = mean_over_seeds(table)
    numbers = means[needed].apply(pd.to_numeric, errors="coerce").astype(float)
    rows = means[(means["state"] == "COMPLETE") & (numbers > 0).all(axis=1)]
    if rows.empty:
        return rows, ""
    known = [name for name in ("device", "precision") if name in rows.columns]
    places = rows[known].astype(str).agg(", ".join, axis=1) if known else pd.Series("", index=rows.index)
    machine = str(places.value_counts().index[0])
    return rows[places == machine], machine


def _timings(rows: pd.DataFrame) -> Observations:
    """Logarithms of the seconds of an epoch."""
    seconds, epochs = (rows[name].to_numpy(dtype=float) for name in ("train_seconds", "epochs_run"))
    seeds = rows["seeds"].to_numpy(dtype=float)
    deviations = rows.get("train_seconds_sd", pd.Series(np.nan, index=rows.index)).to_numpy(dtype=float)
    is_several = (seeds > 1) & np.isfinite(deviations)
    squares = (seeds - 1) * (np.nan_to_num(deviations) / seconds) ** 2
    return Observations(
        _costs(rows["macs"], rows["depth"]),
        np.log(seconds / epochs),
        seeds,
        float(squares[is_several].sum()),
        int((seeds - 1)[is_several].sum()),
    )


def _costs(macs: Sequence[float] | pd.Series, depths: Sequence[float] | pd.Series) -> Values:
    """(N, 2): what decides how long a step takes, in doublings."""
    found: Values = np.log2(np.column_stack([np.asarray(macs, dtype=float), np.asarray(depths, dtype=float)]))
    return found


def _seconds(draws_S: Values) -> Seconds:
    tail = (1 - LEVEL) / 2
    low, middle, high = np.quantile(draws_S, [tail, 0.5, 1 - tail])
    return Seconds(float(middle), float(low), float(high))
