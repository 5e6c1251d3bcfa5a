"""Whether a sweep has reached a plateau: another trial would hardly raise the hypervolume."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial

from vggsweep.sweep.search.belief import Belief
from vggsweep.sweep.search.known_cost import KnownCostSampler

# The chance must be small after each of the last trials: a model of few trials may err once.
IN_A_ROW = 3


def find_plateau(
    sampler: KnownCostSampler, trials: Sequence[FrozenTrial], share: float, risk: float
) -> str | None:
    """What to say of the plateau that a study has reached; None where there is none.

    Args:
        sampler: whose model is asked, whatever sampler proposes.
        trials: of the study.
        share: of the hypervolume so far that a trial must add to be worth its while.
        risk: chance below which it is given up.
    """
    finished = [trial.number for trial in trials if trial.state.is_finished()]
    largest = 0.0
    for back in range(IN_A_ROW):
        gone = finished[len(finished) - back :]
        belief = sampler.believe([trial for trial in trials if trial.number not in gone])
        if belief is None:
            return None
        chance = float(np.max(gain_chances(belief, share), initial=0.0))
        if chance >= risk:
            return None
        largest = chance if back == 0 else largest
    return (
        f"a plateau: the chance that another trial raises the hypervolume by more than {share:.2%} "
        f"is {largest:.2%} at most, below sweep.plateau_risk={risk:g}"
    )


def gain_chances(belief: Belief, share: float) -> NDArray[np.float64]:
    """How likely each candidate raises the hypervolume by more than a share of it."""
    least = share * belief.front.hypervolume
    return belief.front.chances(belief.means_M, belief.deviations_M, belief.costs_M, least)
