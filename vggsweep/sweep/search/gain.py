"""The expected gain in hypervolume of networks whose costs are known and whose accuracies are not.

Where only the accuracy is uncertain, the expected gain of two objectives is a sum of expected improvements
of one: at each cost from the network's own up to the reference point, over the accuracy that the front has
there.

Sources: Jones, Schonlau & Welch 1998 (expected improvement); Emmerich, Deutz & Klinkenberg 2011 (expected
gain in hypervolume).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Front:
    """The best accuracy at each cost, as steps, up to a reference point.

    Args:
        edges: (K + 1,) costs at which the steps begin, the last one the reference's; ascending.
        levels: (K,) accuracies from each edge on; the first is the reference's.
    """

    edges: Values
    levels: Values

    @classmethod
    def of(cls, accuracies_N: Values, costs_N: Values, reference: tuple[float, float]) -> Front:
        """The front of points.

        Args:
            accuracies_N: to be maximised.
            costs_N: to be minimised, on the scale on which the area is measured.
            reference: accuracy and cost; what is no better adds nothing.
        """
        order = np.argsort(costs_N, kind="stable")
        levels = np.maximum.accumulate(np.maximum(accuracies_N[order], reference[0]))
        edges = np.minimum(costs_N[order], reference[1])
        return cls(
            np.concatenate([[-np.inf], edges, [reference[1]]]), np.concatenate([[reference[0]], levels])
        )

    @property
    def hypervolume(self) -> float:
        """The area between the steps and the reference point."""
        return float((np.diff(self.edges)[1:] * (self.levels[1:] - self.levels[0])).sum())

    def _widths(self, costs_M: Values) -> Values:
        """(M, K): how much of each step lies beyond each cost."""
        begins = np.maximum(self.edges[:-1][None], costs_M[:, None])
        widths: Values = np.maximum(self.edges[1:][None] - begins, 0.0)
        return widths

    def gains(self, accuracies_M: Values, costs_M: Values) -> Values:
        """(M,): the area that each point would add."""
        above_MK = np.maximum(accuracies_M[:, None] - self.levels[None], 0.0)
        gains: Values = (self._widths(costs_M) * above_MK).sum(axis=1)
        return gains

    def expected_gains(self, means_M: Values, deviations_M: Values, costs_M: Values) -> Values:
        """(M,): the area that each network adds on average, its accuracy normally distributed."""
        z_MK = (means_M[:, None] - self.levels[None]) / deviations_M[:, None]
        density_MK = np.exp(-0.5 * z_MK**2) / np.sqrt(2 * np.pi)
        improvements_MK = deviations_M[:, None] * (z_MK * ndtr(z_MK) + density_MK)
        expected: Values = (self._widths(costs_M) * improvements_MK).sum(axis=1)
        return expected

    def chances(self, means_M: Values, deviations_M: Values, costs_M: Values, least: float) -> Values:
        """(M,): how likely each network adds more than an area of ``least``."""
        widths_MK = self._widths(costs_M)
        # The gain grows with the accuracy: find by bisection the accuracy that adds just so much.
        low, high = np.full(len(means_M), self.levels[0]), np.full(len(means_M), self.levels[-1] + 1.0)
        for _ in range(40):
            middle = (low + high) / 2
            gained = (widths_MK * np.maximum(middle[:, None] - self.levels[None], 0.0)).sum(axis=1)
            low, high = np.where(gained <= least, middle, low), np.where(gained <= least, high, middle)
        chances: Values = np.where(
            widths_MK.sum(axis=1) > 0, 1.0 - ndtr((high - means_M) / deviations_M), 0.0
        )
        return chances
