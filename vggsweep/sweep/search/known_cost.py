"""A sampler for accuracy against cost that knows what each network costs and learns only its accuracy.

It proposes the network with the largest expected gain in hypervolume for the time it takes: the gain is
divided by the square root of the training time, which is taken to grow as the square root of the MACs (small
networks do not fill a device: in the committed curves 69 times the MACs took 5 times the seconds in one set,
46 times took 10 times in another). The first few trials spread over the space, the cheaper ones first. What
earlier sweeps found is known to the model from the first; of the networks whose result is taken over, the
front comes before anything that has to be trained. A person's guess is tried first and favours its neighbours
for a while. Nothing that is proposed depends on a clock: the same study and seed lead to the same proposal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.dominance import non_dominated
from vggsweep.sweep.search.belief import Belief, believe, unseen
from vggsweep.sweep.search.candidates import Candidates
from vggsweep.sweep.search.gain import Front
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.spec.warm_start import KnownPoint

# The gain is divided by so much of a power of the MACs: half (see above) of the root of the seconds.
POWER_OF_MACS = 0.25
# Configurations of known accuracy before the model chooses: so many, or one more than there are parameters.
FIRST_TRIALS = 3
# A feature moves the cost where log10 of it changes by more than this over a deviation of the feature.
LEAST_SLOPE = 0.02
# The gain far from a person's guess counts so much of that at the guess …
PRIOR_FLOOR = 0.1
# … to the power of this over the number of finished trials. With 2 to 10 a right guess helped as much; with
# 10 a wrong one delayed the search by up to 7 trials, with 5 by 3.
PRIOR_BETA = 5.0


@dataclass(eq=False)
class KnownCostSampler(optuna.samplers.BaseSampler):
    """Propose networks by the expected gain in hypervolume for their training time.

    Args:
        candidates: of the space; kept over suggestions, as costs are counted once.
        metric: the second objective.
        distributions: of the space.
        seed: of the neighbours that are looked at in a large space, and of parameters drawn alone.
        known: what earlier sweeps found.
        prior: a person's guess, of some parameters.
    """

    candidates: Candidates
    metric: Metric
    distributions: Mapping[str, BaseDistribution]
    seed: int
    known: Sequence[KnownPoint] = ()
    prior: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        self.candidates.add(one.point for one in self.known)
        self._names = tuple(self.distributions)
        self._random = optuna.samplers.RandomSampler(seed=self.seed)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self.distributions)  # a wrapper takes the fixed ones out

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if search_space.keys() != self.distributions.keys():
            return {}  # a person fixed some of a baseline's parameters: the others are drawn alone
        trials = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        return self.propose(trials) or {}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, name: str, distribution: BaseDistribution
    ) -> Any:
        return self._random.sample_independent(study, trial, name, distribution)

    def propose(self, trials: Sequence[FrozenTrial]) -> dict[str, Any] | None:
        """The next point; None when no candidate is left.

        Args:
            trials: all others of the study.
        """
        finished = [trial for trial in trials if trial.state is TrialState.COMPLETE and trial.values]
        self.candidates.add_neighbours(_best(finished, self._names), self.seed)
        left_M = unseen(self.candidates, trials)
        if not len(left_M):
            return None
        if (free := self._free(finished, left_M)) is not None:
            return self.candidates.points[free]
        belief = self.believe(trials)
        if belief is None:
            return self.candidates.points[self._first(trials, left_M)]
        gain_M = belief.front.expected_gains(belief.means_M, belief.deviations_M, belief.costs_M)
        value_M = gain_M * 10 ** (-POWER_OF_MACS * self.candidates.cost_N[belief.left_M])
        value_M = value_M * self._favours(belief.left_M, len(finished))
        return self.candidates.points[int(belief.left_M[np.argmax(value_M)])]

    def believe(self, trials: Sequence[FrozenTrial]) -> Belief | None:
        """What the trials lead to expect; None while too little is known or no candidate is left."""
        least = max(FIRST_TRIALS, 1 + len(self._names))
        return believe(self.candidates, trials, self.metric, self._names, self.known, least)

    def _favours(self, left_M: NDArray[np.int64], finished: int) -> NDArray[np.float64] | float:
        """What the gain of each candidate is multiplied by: less far from the guess, and later hardly so.

        Source: Hvarfner et al. 2022, "πBO", whose prior is raised to a power that decays in the same way.
        """
        if self.prior is None:
            return 1.0
        likely_M = np.exp(-0.5 * self._away(self.prior, left_M))
        weights: NDArray[np.float64] = (PRIOR_FLOOR + (1 - PRIOR_FLOOR) * likely_M) ** (
            PRIOR_BETA / max(finished, 1)
        )
        return weights

    def _away(self, guess: Mapping[str, Any], left_M: NDArray[np.int64]) -> NDArray[np.float64]:
        """(M,): squared distances of candidates to a guess, over the parameters that it has."""
        return self.candidates.features.squared_distances(self.candidates.x_ND[left_M], guess)

    def _free(self, finished: Sequence[FrozenTrial], left_M: NDArray[np.int64]) -> int | None:
        """A candidate whose result is taken over and lies on the front of all that is known; None for none.

        The one that adds the largest area to the study's front, so that few of them say much.
        """
        own = [tuple(trial.values) for trial in finished]
        everything = [*own, *(one.values for one in self.known)]
        is_on_front = non_dominated([(-accuracy, cost) for accuracy, cost in everything])[len(own) :]
        left = set(left_M.tolist())
        values: dict[int, tuple[float, float]] = {}
        for one, on_front in zip(self.known, is_on_front, strict=True):
            if one.is_free and on_front:
                values |= {index: _logged(one.values) for index in self.candidates.indices([one.point])}
        values = {index: pair for index, pair in values.items() if index in left}
        if not values:
            return None
        logged_N2 = np.array([_logged(pair) for pair in everything])
        reference = (float(logged_N2[:, 0].min()), float(logged_N2[:, 1].max()))
        front = Front.of(logged_N2[: len(own), 0], logged_N2[: len(own), 1], reference)
        free_M2 = np.array(list(values.values()))
        gains = front.gains(free_M2[:, 0], free_M2[:, 1])
        return list(values)[int(np.argmax(gains))]

    def _first(self, trials: Sequence[FrozenTrial], left_M: NDArray[np.int64]) -> int:
        """A candidate before there is a model: a cheap one, one far along each feature, then lonely ones.

        Each is weighed by what it costs. Far along every feature that moves the cost, so that the trend of
        each can be told. The middle of the others, as a range is put around what its author expects: the
        model looks at their ends when it hopes for something there.
        """
        points = (*(trial.params for trial in trials), *(one.point for one in self.known))
        known = self.candidates.indices(points)
        if self.prior is not None and not trials:
            away_M = self._away(self.prior, left_M).round(9)
            return int(left_M[np.lexsort((self.candidates.cost_N[left_M], away_M))[0]])
        x_ND, cost_N = self.candidates.x_ND, self.candidates.cost_N
        moves_D = np.abs(self.candidates.cost_slopes()) > LEAST_SLOPE
        start = int(np.argmin(cost_N + (x_ND[:, ~moves_D] ** 2).sum(axis=1)))
        if not known:
            return start
        cheapness_M = 10 ** (-POWER_OF_MACS * cost_N[left_M])
        away_ND = np.abs(x_ND - x_ND[start])
        for column in np.flatnonzero(moves_D):
            if away_ND[known, column].max() < away_ND[:, column].max() / 2:
                own_M = away_ND[left_M, column]
                others_M = away_ND[left_M].sum(axis=1) - own_M
                return int(left_M[np.argmax(own_M / (1.0 + others_M) * cheapness_M)])
        apart_MN = ((x_ND[left_M][:, None] - x_ND[known][None]) ** 2).sum(axis=2) ** 0.5
        return int(left_M[np.argmax(apart_MN.min(axis=1) * cheapness_M)])


def _logged(values: Sequence[float]) -> tuple[float, float]:
    """Accuracy and log10 of the cost: the scale on which areas are measured."""
    return values[0], float(np.log10(max(values[1], 1e-12)))


def _best(finished: Sequence[FrozenTrial], names: Sequence[str]) -> list[dict[str, Any]]:
    """The points of the front so far, the cheaper first; at most eight."""
    best, points = float("-inf"), []
    for trial in sorted(finished, key=lambda one: (one.values[1], -one.values[0])):
        if trial.values[0] > best and all(name in trial.params for name in names):
            best = trial.values[0]
            points.append({name: trial.params[name] for name in names})
    return points[-8:]
