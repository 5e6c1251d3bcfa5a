"""Compare configurations on the images that all of them answered, image by image.

The question is which configuration is the more accurate **on new images of the same kind, trained with new
seeds**. A difference of two mean accuracies then varies for two reasons:

- *trainings*: another seed gives another accuracy on the same images. How far is what the accuracies of seeds
  scatter by, pooled over configurations, with Student's t for the few there are.
- *images*: other validation images favour now the one, now the other configuration. How much is the variance
  over images of the difference of p, the share of seeds that answer an image right. It is the variance of the
  difference of the seeds' mean answers less p(1-p)/S, the randomness of single answers, which the scatter of
  the trainings has in it already and of which it mostly consists (Jordan 2023, arXiv:2304.01910). A bootstrap
  that draws images and seeds together would count it twice.

Together this is a mixed model in which images are crossed with configurations and seeds nested in them.
Claims hold for all comparisons together although the best is picked after looking: the critical value is that
of the largest of **all** standardized differences (Tukey 1953, Kramer 1956), simulated with the covariances
at hand; what is told apart leaves, and the others are judged among themselves. Dunnett's procedure, and
Bonferroni's over all others, need a best that is named before; Hsu's (1984) allows the choice, but what it
says, "not better than another one", is true of equals.

Seeds are not quite what normal theory takes them for: it tells 5.0 to 5.2 % of real equals apart, as measured
with few seeds (docs/evidence.md). So p values are a ninth larger than it says (`GUARD`).

With one seed for each configuration the question is of these trained networks alone, on new images: two
networks agree on most images, so that their difference varies much less than two accuracies counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vggsweep.results.statistics.noise import LEVEL, Interval

FloatArray = NDArray[np.float64]
RightArray = NDArray[np.bool_]
# Simulated differences in all: a quarter of a second. The fewest draws hold the level within half a percent.
MOST_DIFFERENCES = 30_000_000
FEWEST_DRAWS, MOST_DRAWS = 2_000, 50_000
DRAW_SEED = 0
# The share of the level that is spent, so that it holds where accuracies of seeds are not quite normal.
GUARD = 0.9


@dataclass(frozen=True)
class SeedScatter:
    """How far the accuracies of one configuration's seeds lie apart, on the same images.

    Args:
        variance: of one training's accuracy over seeds, pooled over configurations.
        answers: the part of it that is the randomness of single answers, p(1-p)/n.
        freedom: degrees of freedom behind `variance`.
    """

    variance: float
    answers: float
    freedom: int


@dataclass(frozen=True)
class Difference:
    """The best configuration against another one.

    Args:
        mean: by how much the best is the more accurate, fraction.
        interval: of that, as it was judged: above 0 where the two are told apart, and any wrong claim among
            all has a chance of at most 5 %. None for the best itself.
        p: chance of so large a difference somewhere among equals, stepwise; 1 for the best itself.
    """

    mean: float
    interval: Interval | None
    p: float

    @property
    def is_told_apart(self) -> bool:
        """Whether the best is better by more than the noise."""
        return self.interval is not None and self.interval.low > 0

    @property
    def margin(self) -> float | None:
        """Difference that chance alone seldom exceeds."""
        return None if self.interval is None else self.mean - self.interval.low


def seed_scatter(answers: Sequence[Sequence[RightArray]]) -> SeedScatter | None:
    """The scatter over seeds, pooled over all configurations that have several.

    Args:
        answers: of each configuration, of each of its seeds: whether each image was right, bool [images].

    Returns:
        None where each configuration has one seed.
    """
    several = [np.stack(one) for one in answers if len(one) > 1]
    freedom = sum(len(one) - 1 for one in several)
    if not freedom:
        return None
    squares = sum(float(one.mean(axis=1).var(ddof=1)) * (len(one) - 1) for one in several)
    expected = sum(_answer_variance(one) * (len(one) - 1) for one in several)
    return SeedScatter(squares / freedom, expected / freedom, freedom)


def _answer_variance(right_SN: RightArray) -> float:
    """Variance of one training's accuracy by the randomness of single answers, p(1-p)/n."""
    seeds, images = right_SN.shape
    hits_N = right_SN.sum(axis=0, dtype=np.int64)
    # k (S - k) / (S (S - 1)) is p (1 - p) on average
    return float((hits_N * (seeds - hits_N)).mean()) / float(seeds * (seeds - 1) * images)


def compare_with_best(
    answers: Sequence[Sequence[RightArray]], scatter: SeedScatter | None = None, best: int | None = None
) -> tuple[Difference, ...]:
    """Set the most accurate of some configurations against each of the others.

    Args:
        answers: of each configuration, of each of its seeds: whether each image was right, bool [images], all
            on the same images in the same order.
        scatter: over seeds, where more configurations than these tell it; None takes that of these. Where
            no configuration has two seeds, the differences are those of the trained networks.
        best: which of them is the most accurate one; None finds it, the first of equals.

    Returns:
        One for each configuration, in their order.

    >>> good = np.arange(100) < 90
    >>> bad = np.arange(100) % 10 < 8
    >>> [round(one.mean, 3) for one in compare_with_best([[good], [bad]])]
    [0.0, 0.1]
    """
    scatter = scatter or seed_scatter(answers)
    means_KN = np.stack([np.mean(one, axis=0, dtype=np.float64) for one in answers])
    seeds_K = np.array([len(one) for one in answers])
    accuracy_K = means_KN.mean(axis=1)
    best = int(accuracy_K.argmax()) if best is None else best
    return _judge(accuracy_K, seeds_K, _image_covariance(answers, means_KN, scatter), scatter, best)


def compare_accuracies(
    accuracies: Sequence[float], seeds: Sequence[int], std: float, freedom: int
) -> tuple[Difference, ...]:
    """The same where only accuracies are known: for new seeds, and on these images alone.

    Args:
        accuracies: of each configuration, the mean over its seeds; the best one first.
        seeds: of each.
        std: of one training's accuracy over seeds, pooled over configurations.
        freedom: degrees of freedom behind `std`.

    >>> [round(one.margin or 0, 2) for one in compare_accuracies([0.9, 0.88], [3, 3], 0.01, 4)]
    [0, 0.02]
    """
    accuracy_K = np.array(accuracies, dtype=np.float64)
    images_KK = np.zeros((len(accuracy_K), len(accuracy_K)))
    scatter = SeedScatter(std**2, 0.0, freedom)
    return _judge(accuracy_K, np.array(seeds), images_KK, scatter, best=0)


def _judge(
    accuracy_K: FloatArray,
    seeds_K: NDArray[np.int64],
    images_KK: FloatArray,
    scatter: SeedScatter | None,
    best: int,
) -> tuple[Difference, ...]:
    """Mean accuracies, with how they vary over images and over seeds, against the best."""
    total_KK = images_KK + np.diag((scatter.variance if scatter is not None else 0.0) / seeds_K)
    own_K = total_KK.diagonal()
    errors_KK = np.sqrt(np.maximum(own_K[:, None] + own_K - 2 * total_KK, 0.0))
    drawn_DK = _draws_of_equals(images_KK, seeds_K, scatter)
    mean_K, error_K = accuracy_K[best] - accuracy_K, np.maximum(errors_KK[best], np.finfo(float).tiny)
    critical_K, p_K = _step_down(np.abs(mean_K) / error_K, errors_KK, drawn_DK, best)
    return tuple(
        Difference(mean, Interval(mean - critical * error, mean + critical * error), p)
        if at != best
        else Difference(0.0, None, 1.0)
        for at, (mean, error, critical, p) in enumerate(
            zip(*(one.tolist() for one in (mean_K, error_K, critical_K, p_K)), strict=True)
        )
    )


def _step_down(
    standardized_K: FloatArray, errors_KK: FloatArray, drawn_DK: FloatArray, best: int
) -> tuple[FloatArray, FloatArray]:
    """The critical value of each configuration's standardized difference from the best, and its p value.

    What is told apart leaves, and those that are left are judged by the largest difference among themselves,
    until none leaves.
    """
    left = np.arange(len(standardized_K))
    critical_K, p_K = np.zeros(len(left)), np.zeros(len(left))
    least = 0.0  # p of those that have left: none that stays is told apart more surely
    while len(left) > 1:
        largest_D = _largest_difference(drawn_DK[:, left], errors_KK[np.ix_(left, left)])
        critical_K[left] = np.quantile(largest_D, 1 - GUARD * (1 - LEVEL))
        above_K = len(largest_D) - np.searchsorted(np.sort(largest_D), standardized_K[left])
        chance_K = (1 + above_K) / (1 + len(largest_D)) / GUARD
        p_K[left] = np.clip(chance_K, least, 1.0)
        leaves = (standardized_K[left] > critical_K[left]) & (left != best)
        if not leaves.any():
            break
        least = float(p_K[left[leaves]].max())
        left = left[~leaves]
    return critical_K, p_K


def _image_covariance(
    answers: Sequence[Sequence[RightArray]], means_KN: FloatArray, scatter: SeedScatter | None
) -> FloatArray:
    """Covariance of mean accuracies over draws of images; of single answers too, with one seed each."""
    count, images = means_KN.shape
    # One answer more on each side keeps the margin honest where two networks differ on few images (Agresti &
    # Min 2005).
    found_KK: FloatArray = np.atleast_2d(np.cov(means_KN)) / images + np.eye(count) / images**2
    if scatter is None:
        return found_KK
    single = scatter.answers
    for at, one in enumerate(answers):
        found_KK[at, at] -= (_answer_variance(np.stack(one)) if len(one) > 1 else single) / len(one)
    values, vectors = np.linalg.eigh(found_KK)  # what is left by chance may be less than nothing
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def _draws_of_equals(
    images_KK: FloatArray, seeds_K: NDArray[np.int64], scatter: SeedScatter | None
) -> FloatArray:
    """Mean accuracies as they may come out where all are equally good: [draws, configurations]."""
    count = len(seeds_K)
    generator = np.random.default_rng(DRAW_SEED)
    pairs = max(1, count * (count - 1) // 2)
    draws = int(np.clip(MOST_DIFFERENCES // pairs, FEWEST_DRAWS, MOST_DRAWS))
    values, vectors = np.linalg.eigh(images_KK)
    root_KK = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn_DK: FloatArray = generator.standard_normal((draws, count)) @ root_KK.T
    if scatter is not None:
        variance_D = scatter.variance * scatter.freedom / generator.chisquare(scatter.freedom, draws)
        drawn_DK += generator.standard_normal((draws, count)) * np.sqrt(variance_D[:, None] / seeds_K)
    return drawn_DK


def _largest_difference(drawn_DK: FloatArray, errors_KK: FloatArray) -> FloatArray:
    """The largest of all standardized differences between two configurations: [draws]."""
    largest_D = np.zeros(len(drawn_DK))
    for at in range(drawn_DK.shape[1] - 1):
        apart_DK = np.abs(drawn_DK[:, at + 1 :] - drawn_DK[:, at : at + 1])
        errors_K = np.maximum(errors_KK[at, at + 1 :], np.finfo(float).tiny)
        np.maximum(largest_D, (apart_DK / errors_K).max(axis=1), out=largest_D)
    return largest_D
