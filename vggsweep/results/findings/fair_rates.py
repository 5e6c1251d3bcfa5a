"""Networks compared at one learning rate for all and at each one's own, side by side (`sweep.fair_lr`).

A deep network and a wide one want different rates, so that a comparison at one rate answers another question.
Rates are chosen with one seed and compared with fresh ones: what looked best in a search looks better than it
is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from vggsweep.results.best_rates import BestRate, RatedTrial, own_rates
from vggsweep.results.findings.standing import describe_network
from vggsweep.results.findings.verdict import Verdict, reach_verdict
from vggsweep.results.statistics.settings import varied_settings

if TYPE_CHECKING:
    from vggsweep.results.findings.evidence import Evidence, SweepFacts

LR = "lr"


@dataclass(frozen=True)
class NetworkRate:
    """A network at its own rate beside the common one.

    Args:
        name: its settings in words.
        best: its own rate.
        at_common, at_own: mean accuracies over fresh seeds; None where none has finished.
    """

    name: str
    best: BestRate
    at_common: float | None
    at_own: float | None


@dataclass(frozen=True)
class FairComparison:
    """What a sweep with `sweep.fair_lr` found.

    Args:
        common_rate: `optimizer.lr`.
        search_seed: of the search.
        at_common, at_own: the verdict with every network at that rate, and with each at its own.
        rates: of each network.
        own: the trials at each network's own rate.
        has_compared: whether trials at both have finished.
    """

    common_rate: float
    search_seed: int
    at_common: Verdict
    at_own: Verdict
    rates: tuple[NetworkRate, ...]
    own: pd.DataFrame
    has_compared: bool

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should do before believing a rate."""
        return tuple(
            f"the best rate of {one.name}, {one.best.rate:g}, lies on the edge of what was searched "
            f"({one.best.low:g} to {one.best.high:g}): widen the values of optimizer.lr"
            for one in self.rates
            if one.best.is_on_edge
        )


def searched_trials(table: pd.DataFrame, seed: int, y: str = "val_acc") -> pd.DataFrame:
    """The finished trials of the search, with a column ``network`` for all settings but the rate.

    Args:
        table: a results table.
        seed: of the search; fresh seeds are those of the comparison.
        y: the accuracy.
    """
    if not {LR, "seed", y} <= set(table.columns):
        return table.iloc[:0].assign(network="")
    kept = table[(table["state"] == "COMPLETE") & table[y].notna() & (table["seed"] == seed)]
    return kept.assign(network=_networks(table).loc[kept.index])


def compare_fairly(evidence: Evidence, x: str = "macs", y: str = "val_acc") -> FairComparison | None:
    """Read both comparisons of a sweep with `sweep.fair_lr`; None for other sweeps, and before its search.

    Args:
        evidence: one sweep.
        x: the cost.
        y: the accuracy to judge by; the rates were chosen by that of the sweep's objective.
    """
    facts = evidence.sweeps[0] if len(evidence.sweeps) == 1 else None
    if facts is None or facts.fair is None or (sides := _sides(evidence.table, facts, y)) is None:
        return None
    means = (sides.common_means, sides.own_means)
    return FairComparison(
        common_rate=facts.fair.common_rate,
        search_seed=facts.fair.seed,
        at_common=reach_verdict(sides.common, x, y),
        at_own=reach_verdict(sides.own, x, y),
        rates=tuple(
            NetworkRate(name, rate, means[0].get(name), means[1].get(name))
            for name, rate in sides.best.items()
        ),
        own=sides.own,
        has_compared=sides.has_compared,
    )


class _Sides(NamedTuple):
    """The trials at the common rate and those at each network's own, with the means of finished networks."""

    best: Mapping[str, BestRate]
    common: pd.DataFrame
    own: pd.DataFrame
    common_means: Mapping[str, float]
    own_means: Mapping[str, float]

    @property
    def has_compared(self) -> bool:
        return bool(self.common_means) and bool(self.own_means)


def _sides(table: pd.DataFrame, facts: SweepFacts, y: str) -> _Sides | None:
    """Both sides of a sweep's comparison; None before its search has a result."""
    assert facts.fair is not None
    chosen_by = facts.objective[0]
    if not {LR, "seed", chosen_by} <= set(table.columns):
        return None
    ordered = table.sort_values("trial", kind="stable")
    networks = _networks(ordered)
    accuracies = ordered[chosen_by].astype(float).where(ordered["state"] == "COMPLETE")
    trials = [
        RatedTrial(network, float(rate), seed, None if pd.isna(accuracy) else accuracy)
        for network, rate, seed, accuracy in zip(
            networks, ordered[LR], ordered["seed"], accuracies, strict=True
        )
    ]
    found = own_rates(trials, facts.fair)
    if found is None:
        return None
    sides = [ordered[list(flags)].sort_index(kind="stable") for flags in (found.is_common, found.is_own)]
    means = [_mean(side, networks.loc[side.index], y) for side in sides]
    best = {str(network): rate for network, rate in found.best.items()}
    return _Sides(best, sides[0], sides[1], means[0], means[1])


def at_own_rates(evidence: Evidence, y: str = "val_acc") -> Evidence:
    """The evidence without what a search for learning rates leaves behind, where its comparison has begun.

    Of a sweep with `sweep.fair_lr` the trials at each network's own rate stay, with their fresh seeds: a
    search's best trial is the luckiest. Other sweeps stay as they are.
    """
    left = pd.Series(True, index=evidence.table.index)
    for facts in evidence.sweeps:
        if facts.fair is None:
            continue
        trials = evidence.table
        if len(evidence.sweeps) > 1:
            # by place: records of a sweep that was renamed, or copied, tell its old name
            trials = trials[trials["dir"].map(_sweep_of) == facts.path]
        sides = _sides(trials, facts, y)
        if sides is not None and sides.has_compared:
            left[trials.index.difference(sides.own.index)] = False
    return replace(evidence, table=evidence.table[left])


def _sweep_of(directory: object) -> Path:
    """The sweep in which a trial's directory lies."""
    return Path(str(directory)).parent.parent


def _networks(table: pd.DataFrame) -> pd.Series:
    """Each row's network in words, without its rate."""
    varied = [name for name in varied_settings(table) if name != LR]
    names = [describe_network(row, varied) for _, row in table.iterrows()]
    return pd.Series(names, index=table.index, dtype=object)


def _mean(table: pd.DataFrame, networks: pd.Series, y: str) -> dict[str, float]:
    finished = table[(table["state"] == "COMPLETE") & table[y].notna()]
    means = finished[y].astype(float).groupby(networks.loc[finished.index], sort=False).mean()
    return {str(name): float(mean) for name, mean in means.items()}


def fair_sentences(found: FairComparison) -> tuple[tuple[str, str], ...]:
    """Both verdicts side by side: at which rate, and what was found there."""
    return (
        (f"every network at optimizer.lr={found.common_rate:g}", found.at_common.answer),
        ("each network at its own rate", found.at_own.answer),
    )
