"""The points that a search may propose, with their features and what they cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray

from vggsweep.sweep.search.features import Features
from vggsweep.sweep.spec.known_costs import KnownCosts
from vggsweep.sweep.spec.search_space import Params, SearchSpace, point_key

# A space of more points, or an endless one, is looked at through so many random ones …
MOST_POINTS = 1000
# … and through neighbours of the front's: so many of each.
NEIGHBOURS = 16


class Candidates:
    """Points of a space that are networks.

    Args:
        space: without a hook.
        costs: of its points.
        cost_name: column of the second objective; MACs stand for one that is measured.
        seed: of the random points of a large space.
    """

    def __init__(self, space: SearchSpace, costs: KnownCosts, cost_name: str, seed: int) -> None:
        self._space = space
        self._costs = costs
        self._cost_name = cost_name
        self.features = Features(space.distributions)
        self._index: dict[tuple[tuple[str, str], ...], int] = {}
        self.points: list[Params] = []
        self.x_ND: NDArray[np.float64] = np.empty((0, 0))
        self.cost_N: NDArray[np.float64] = np.empty(0)
        self.is_walked = space.size is not None and space.size <= MOST_POINTS
        self.add(space.points() if self.is_walked else _random_points(space, MOST_POINTS, seed))

    def add(self, points: Iterable[Params]) -> None:
        """Take further points in; those that are no network, or known already, are left out."""
        new: list[tuple[Params, float]] = []
        for point in points:
            key = point_key(point)
            if key in self._index or (found := self._costs.of(point)) is None:
                continue
            self._index[key] = len(self.points) + len(new)
            new.append((point, float(getattr(found, self._cost_name, found.macs))))
        if new:
            self.points += [point for point, _ in new]
            x_MD = self.features.encode([point for point, _ in new])
            self.x_ND = x_MD if not len(self.x_ND) else np.concatenate([self.x_ND, x_MD])
            self.cost_N = np.concatenate([self.cost_N, np.log10([max(cost, 1.0) for _, cost in new])])

    def indices(self, points: Iterable[Mapping[str, Any]]) -> list[int]:
        """Where these points stand; those that are no candidates are left out."""
        found = (self._index.get(point_key(point)) for point in points)
        return [index for index in found if index is not None]

    def cost_slopes(self) -> NDArray[np.float64]:
        """(D,): by how much log10 of the cost rises with each feature, as a linear trend has it."""
        x_ND = self.x_ND - self.x_ND.mean(axis=0)
        slopes_D: NDArray[np.float64] = np.linalg.lstsq(x_ND, self.cost_N - self.cost_N.mean(), rcond=None)[0]
        return slopes_D

    def add_neighbours(self, points: Sequence[Params], seed: int) -> None:
        """Take in points that differ from these in one or two parameters, where not all points are here."""
        if self.is_walked:
            return
        random = np.random.default_rng(seed)
        names = list(self._space.distributions)
        for point in points:
            others = _random_points(self._space, NEIGHBOURS, int(random.integers(2**31)))
            for other in others:
                changed = set(random.choice(names, size=min(len(names), int(random.integers(1, 3)))))
                self.add([{name: (other if name in changed else point)[name] for name in names}])


def _random_points(space: SearchSpace, count: int, seed: int) -> list[Params]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    distributions = dict(space.distributions)
    return [{**study.ask(distributions).params} for _ in range(count)]
