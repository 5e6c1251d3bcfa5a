"""What a study's trials lead to expect of the points that nobody has trained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from vggsweep.sweep.search.candidates import Candidates
from vggsweep.sweep.search.gain import Front
from vggsweep.sweep.search.gaussian_process import GaussianProcess
from vggsweep.sweep.search.observations import Observation, observe
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.spec.search_space import point_key
from vggsweep.sweep.spec.warm_start import KnownPoint

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Belief:
    """The accuracy of every candidate, and the front so far.

    Args:
        left_M: positions of the candidates that no trial has.
        means_M, deviations_M: of their accuracy.
        costs_M: of the second objective, log10; as the model says where it is measured.
        front: of the study's finished trials, as the model sees them: a lucky one raises it less than it
            says. What an earlier sweep found is no part of it until this one has it.
        noise: standard deviation of a finished trial's accuracy.
    """

    left_M: NDArray[np.int64]
    means_M: Values
    deviations_M: Values
    costs_M: Values
    front: Front
    noise: float


def unseen(candidates: Candidates, trials: Sequence[FrozenTrial]) -> NDArray[np.int64]:
    """Positions of the candidates that no trial has, whatever became of it."""
    is_left = np.ones(len(candidates.points), dtype=bool)
    is_left[candidates.indices(trial.params for trial in trials)] = False
    return np.flatnonzero(is_left)


def believe(
    candidates: Candidates,
    trials: Sequence[FrozenTrial],
    metric: Metric,
    names: Sequence[str],
    known: Sequence[KnownPoint] = (),
    least: int = 2,
) -> Belief | None:
    """What the trials lead to expect; None while too little is known or no candidate is left.

    Args:
        candidates: of the space.
        trials: of the study.
        metric: the second objective.
        names: of the space's parameters.
        known: what earlier sweeps found.
        least: configurations whose accuracy is known, or estimated from a rung, before anything is
            expected of others.
    """
    observations = observe(trials, names)
    own = [one for one in observations if one.cost is not None]
    finished = [*own, *_not_yet_own(known, own)]
    observations = [*finished, *(one for one in observations if one.cost is None)]
    left_M = unseen(candidates, trials)
    if not finished or len(observations) < least or not len(left_M):
        return None
    accuracies_N = np.array([one.accuracy for one in observations])
    variances_N = np.array([one.variance for one in observations])
    x_ND = candidates.features.encode([one.point for one in observations])
    process = GaussianProcess(x_ND, accuracies_N, variances_N)
    seen = {point_key(one.point) for one in observations}
    running = [trial.params for trial in trials if trial.state is TrialState.RUNNING]
    believed = [
        point for point in running if point_key(point) not in seen and all(name in point for name in names)
    ]
    if believed:
        process = process.with_believed(candidates.features.encode(believed))
    means_M, deviations_M = process.predict(candidates.x_ND[left_M])
    finished_means_N, _ = process.predict(x_ND[: len(finished)])
    costs_N = np.log10([max(float(one.cost or 0.0), 1e-12) for one in finished])
    costs_M = _costs(candidates, left_M, metric, finished, x_ND[: len(finished)], costs_N)
    reference = (
        float(min(finished_means_N.min(), accuracies_N[: len(finished)].min())),
        float(max(costs_N.max(), costs_M.max())),
    )
    front = Front.of(finished_means_N[: len(own)], costs_N[: len(own)], reference)
    return Belief(left_M, means_M, deviations_M, costs_M, front, process.hyperparameters.noise)


def _not_yet_own(known: Sequence[KnownPoint], own: Sequence[Observation]) -> list[Observation]:
    """What earlier sweeps say of points that this one has not finished."""
    there = {point_key(one.point) for one in own}
    return [
        Observation(one.point, one.values[0], cost=one.values[1])
        for one in known
        if point_key(one.point) not in there
    ]


def _costs(
    candidates: Candidates,
    left_M: NDArray[np.int64],
    metric: Metric,
    finished: Sequence[Observation],
    x_ND: Values,
    costs_N: Values,
) -> Values:
    """Log10 of what the candidates cost: by arithmetic, or learned where the cost is measured."""
    known_M = candidates.cost_N[left_M]
    if not metric.is_measured:
        return known_M
    known_N = candidates.cost_N[candidates.indices(one.point for one in finished)]
    if len(known_N) < len(finished):  # a baseline from beyond the space: nothing says what it counts
        return known_M + float(np.median(costs_N)) - float(np.median(known_M))
    with_macs_ND = np.column_stack([x_ND, _centred(known_N, candidates)])
    process = GaussianProcess(with_macs_ND, costs_N, np.zeros(len(costs_N)))
    with_macs_MD = np.column_stack([candidates.x_ND[left_M], _centred(known_M, candidates)])
    return process.predict(with_macs_MD)[0]


def _centred(costs: Values, candidates: Candidates) -> Values:
    scale = float(np.std(candidates.cost_N)) or 1.0
    return (costs - float(np.mean(candidates.cost_N))) / scale
