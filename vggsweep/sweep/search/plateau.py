"""Whether a sweep has reached a plateau: another trial would hardly raise the hypervolume."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vggsweep.sweep.search.belief import Belief


@dataclass(frozen=True)
class Plateau:
    """How likely another trial is to be worth its while.

    Args:
        chance: that the likeliest network raises the hypervolume by more than the share.
        share: of the hypervolume so far.
    """

    chance: float
    share: float

    @classmethod
    def of(cls, belief: Belief, share: float) -> Plateau:
        """What a belief says: of its own front, whose lucky points count for what the model takes them for."""
        chances_M = gain_chances(belief, share)
        return cls(float(np.max(chances_M, initial=0.0)), share)

    def is_reached(self, risk: float) -> bool:
        return self.chance < risk

    def __str__(self) -> str:
        return (
            f"another trial raises the hypervolume by more than {self.share:.3g} of it with a chance of "
            f"{self.chance:.2g} at most"
        )


def gain_chances(belief: Belief, share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """How likely each candidate raises the hypervolume by more than a share of it."""
    least = share * belief.front.hypervolume
    return belief.front.chances(belief.means_M, belief.deviations_M, belief.costs_M, least)
