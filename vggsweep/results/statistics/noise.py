"""How far two accuracies must lie apart before the difference means something.

With replicates the noise is that of the seeds: one standard deviation, pooled over all configurations of a
table (the within-groups mean square of a one-way analysis of variance), with Student's t. Without, it is
the binomial error of counting right answers among the validation images, with Wilson's interval; what a
new seed would change comes on top and is not known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm, sqrt

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

LEVEL = 0.95
# A fraction with a larger denominator is no count of images.
MOST_IMAGES = 200_000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, as fractions."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:.3f}–{self.high:.3f}"


@dataclass(frozen=True)
class SeedNoise:
    """Spread over seeds.

    Args:
        std: pooled standard deviation of one trial's accuracy.
        freedom: degrees of freedom behind it.
        images: where seeds agree more closely than one image of so many counts, that is taken; else None.
    """

    std: float
    freedom: int
    images: int | None = None

    def interval(self, accuracy: float, seeds: int) -> Interval:
        """Where the mean over all seeds lies."""
        half = self._t(1) * self.std / sqrt(seeds)
        return Interval(max(0.0, accuracy - half), min(1.0, accuracy + half))

    def margin(self, first: tuple[float, int], second: tuple[float, int], comparisons: int = 1) -> float:
        """Difference of two means, each with its number of seeds, that chance alone seldom exceeds."""
        return self._t(comparisons) * self.std * sqrt(1 / first[1] + 1 / second[1])

    def _t(self, comparisons: int) -> float:
        # Bonferroni: the more networks stand against the best, the sooner one looks worse by luck
        return float(stdtrit(self.freedom, 1 - (1 - LEVEL) / 2 / comparisons))


@dataclass(frozen=True)
class BinomialNoise:
    """Error of counting right answers.

    Args:
        images: validation images.
    """

    images: int

    def interval(self, accuracy: float, seeds: int = 1) -> Interval:
        """Wilson's interval of an accuracy."""
        z, n = _z(1), self.images
        centre = (accuracy + z**2 / (2 * n)) / (1 + z**2 / n)
        half = z / (1 + z**2 / n) * sqrt(accuracy * (1 - accuracy) / n + z**2 / (4 * n**2))
        return Interval(max(0.0, centre - half), min(1.0, centre + half))

    def margin(self, first: tuple[float, int], second: tuple[float, int], comparisons: int = 1) -> float:
        """Difference that chance alone seldom exceeds, were the images of both drawn anew.

        Two networks answer the same images, which makes the true margin smaller: this one errs on the
        side of calling a difference noise.
        """
        n = self.images
        # Agresti & Caffo 2000: two more answers on each side keep the margin honest near 0 and 1.
        variances = [(accuracy * n + 1) / (n + 2) for accuracy, _ in (first, second)]
        return _z(comparisons) * sqrt(sum(p * (1 - p) / (n + 2) for p in variances))


Noise = SeedNoise | BinomialNoise


def _z(comparisons: int) -> float:
    return float(ndtri(1 - (1 - LEVEL) / 2 / comparisons))


def seed_noise(means: pd.DataFrame, column: str = "val_acc") -> SeedNoise | None:
    """The pooled spread over seeds, or None where no configuration has two.

    Args:
        means: of `vggsweep.results.statistics.replicates.mean_over_seeds`.
        column: an averaged column.
    """
    several = means[(means["seeds"] > 1) & means[f"{column}_sd"].notna()]
    freedom = int((several["seeds"] - 1).sum())
    if freedom == 0:
        return None
    squares = (several[f"{column}_sd"] ** 2 * (several["seeds"] - 1)).sum()
    return SeedNoise(float(np.sqrt(squares / freedom)), freedom)


def noise_behind(table: pd.DataFrame, means: pd.DataFrame, column: str = "val_acc") -> Noise | None:
    """The noise of a table's accuracies: that of its seeds, else of counting; None where neither is known.

    Seeds that agree by chance do not make an accuracy more certain than one image of those it was counted on.

    Args:
        table: a results table.
        means: its `vggsweep.results.statistics.replicates.mean_over_seeds`.
        column: an accuracy.
    """
    if column not in table.columns:
        return None
    found = seed_noise(means, column)
    if found is not None and "val_images" in table.columns and (images := images_behind(table, column)):
        found = found if found.std >= 1 / images else SeedNoise(1 / images, found.freedom, images)
    if column == "balanced_acc":  # no share of the images: its rarest classes decide how far it scatters
        return found
    if found is None and (images := images_behind(table, column)):
        return BinomialNoise(images)
    return found


def images_behind(table: pd.DataFrame, y: str = "val_acc") -> int | None:
    """The least number of images that an accuracy was counted on.

    Where no record says it: the least that yields all accuracies of finished trials as whole counts. Few
    trials may share a divisor of the true number; then it is smaller than the truth, and intervals are wider.

    >>> images_behind(pd.DataFrame({"state": "COMPLETE", "val_acc": [0.875, 0.9, 0.85]}))
    40
    """
    counts = table["val_images"].dropna() if "val_images" in table.columns else pd.Series(dtype=float)
    if (counts > 0).any():
        return int(counts[counts > 0].min())
    found = 1
    for accuracy in table[y][table["state"] == "COMPLETE"].dropna():
        fraction = Fraction(float(accuracy)).limit_denominator(MOST_IMAGES)
        if abs(float(fraction) - float(accuracy)) > 1e-12:
            return None
        found = lcm(found, fraction.denominator)
        if found > MOST_IMAGES:
            return None
    return found if found > 1 else None
