"""What a study says about accuracy: finished trials, and stopped ones through what they reached at a rung."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from vggsweep.sweep.storage.trial_attrs import (
    ENQUEUED,
    first_of,
    is_duplicate,
    is_infeasible,
    is_ours,
    scores_of,
)

# Finished trials with a score at a rung before the scores of stopped trials there are read.
PAIRS_BEFORE_RUNGS = 3
# An estimate from a rung is never trusted more than to this standard deviation.
LEAST_DEVIATION = 0.003


@dataclass(frozen=True)
class Observation:
    """What is known of one configuration.

    Args:
        point: its parameters.
        accuracy: at the end of the training, or estimated from a rung.
        variance: of the estimate; 0 for a finished trial.
        cost: value of the second objective; None for a trial that was stopped.
    """

    point: Mapping[str, Any]
    accuracy: float
    variance: float = 0.0
    cost: float | None = None


def observe(trials: Sequence[FrozenTrial], names: Sequence[str]) -> list[Observation]:
    """Observations of all trials that tell of accuracy, the finished ones first.

    Args:
        trials: of a study with two objectives, accuracy first; replicates count once, with their mean.
        names: of the space's parameters; trials that lack one say nothing.
    """
    told = [trial for trial in trials if _tells(trial, names)]
    finished = [trial for trial in told if trial.state is TrialState.COMPLETE]
    observations = [Observation(trial.params, trial.values[0], cost=trial.values[1]) for trial in finished]
    for trial in told:
        if trial.state is TrialState.PRUNED and (scores := scores_of(trial)):
            rung = max(scores)
            pairs = [(there[rung], one.values[0]) for one in finished if rung in (there := scores_of(one))]
            if len(pairs) >= PAIRS_BEFORE_RUNGS:
                accuracy, variance = _estimate(np.array(pairs), scores[rung])
                observations.append(Observation(trial.params, accuracy, variance))
    return observations


def _tells(trial: FrozenTrial, names: Sequence[str]) -> bool:
    if is_duplicate(trial) or is_infeasible(trial) or any(name not in trial.params for name in names):
        return False
    if is_ours(trial) and first_of(trial) != trial.number:  # its family's first speaks for it
        return False
    return not trial.user_attrs.get(ENQUEUED, {}).get("outside")  # which varied what no feature shows


def _estimate(pairs_N2: NDArray[np.float64], score: float) -> tuple[float, float]:
    """The final accuracy that a score at a rung leads to, and its variance, from trials that finished.

    A line through the finished trials; its slope is not below zero and not above one, as differences between
    networks shrink in the course of a training.
    """
    scores_N, finals_N = pairs_N2.T
    spread = float(np.var(scores_N))
    covariance = float(np.mean((scores_N - scores_N.mean()) * (finals_N - finals_N.mean())))
    slope = min(max(covariance / spread, 0.0), 1.0) if spread > 0 else 0.0
    residuals_N = finals_N - finals_N.mean() - slope * (scores_N - scores_N.mean())
    variance = float((residuals_N**2).sum()) / max(1, len(residuals_N) - 2)
    estimate = float(finals_N.mean() + slope * (score - scores_N.mean()))
    return estimate, max(variance, LEAST_DEVIATION**2)
