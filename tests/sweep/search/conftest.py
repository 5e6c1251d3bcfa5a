"""Searches of a synthetic surface: accuracy as a formula of depth and width, costs as in a sweep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, IntDistribution
from optuna.trial import TrialState

from vggsweep.results.statistics.hypervolume import dominated_area
from vggsweep.sweep.search.candidates import Candidates
from vggsweep.sweep.search.known_cost import KnownCostSampler
from vggsweep.sweep.spec.objectives import metrics_of
from vggsweep.sweep.spec.search_space import SearchSpace

Point = Mapping[str, Any]
DEPTH_WIDTH: dict[str, BaseDistribution] = {
    "arch.depth": IntDistribution(4, 12),
    "arch.width": IntDistribution(4, 32, step=4),
}


def macs_of(point: Point) -> float:
    return 1000.0 * point["arch.depth"] * point["arch.width"] ** 2


@dataclass
class Search:
    """A study of a formula, searched by ours.

    Args:
        accuracy: of a point.
        is_feasible: of a point.
        noise: standard deviation of an observed accuracy.
        prior: a person's guess.
    """

    accuracy: Callable[[Point], float]
    is_feasible: Callable[[Point], bool] = lambda _: True
    noise: float = 0.0
    seed: int = 0
    distributions: dict[str, BaseDistribution] = field(default_factory=lambda: dict(DEPTH_WIDTH))
    cost: Callable[[Point], float] = macs_of
    prior: Point | None = None

    def __post_init__(self) -> None:
        self.study = optuna.create_study(directions=["maximize", "minimize"])
        self.space = SearchSpace(self.distributions)
        self.random = np.random.default_rng(self.seed)

    def sampler(self, objective: str = "acc_vs_macs") -> KnownCostSampler:
        def of(point: Point) -> Any:
            return SimpleNamespace(macs=int(self.cost(point))) if self.is_feasible(point) else None

        candidates = Candidates(self.space, SimpleNamespace(of=of), "macs", self.seed)  # type: ignore[arg-type]
        return KnownCostSampler(
            candidates, metrics_of(objective)[1], self.distributions, self.seed, prior=self.prior
        )

    def ask(self) -> optuna.Trial:
        self.study.sampler = self.sampler()  # a fresh one, as a sweep that was continued
        return self.study.ask(self.distributions)

    def tell(self, trial: optuna.Trial) -> None:
        observed = self.accuracy(trial.params) + self.random.normal(0, self.noise) * (self.noise > 0)
        self.study.tell(trial, [observed, self.cost(trial.params)])

    def run(self, trials: int) -> list[dict[str, Any]]:
        """The points proposed, in order."""
        points = []
        for _ in range(trials):
            trial = self.ask()
            points.append(dict(trial.params))
            self.tell(trial)
        return points

    def share(self) -> float:
        """Of the strict hypervolume of the whole space that the finished trials' front has, without noise."""
        everything = [point for point in self.space.points() if self.is_feasible(point)]
        finished = self.study.get_trials(states=[TrialState.COMPLETE])
        whole, found = (
            np.array([(-self.accuracy(point), np.log10(self.cost(point))) for point in points])
            for points in (everything, [trial.params for trial in finished])
        )
        reference = whole.max(axis=0)
        return dominated_area(found, reference) / dominated_area(whole, reference)
