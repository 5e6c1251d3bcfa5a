"""A response surface with honest intervals: how an outcome follows a few features, from few observations.

The logarithm of an outcome is a linear trend, a little curvature, a smooth departure from both, what is
particular to a single configuration, and the noise of a seed:

    y = trend + curvature + departure + configuration + seed / sqrt(seeds)

Power laws of width and depth are straight lines here (Hestness et al. 2017, arXiv:1712.00409; Rosenfeld et
al. 2020, arXiv:1909.12673); what bends them, such as an error that cannot be reduced or a depth beyond which
training suffers, is what curvature and departure are for. How large each part is, and whether there is any of
it, nobody knows beforehand: it is not chosen but averaged over, with the weight that the data give it
(Rasmussen & Williams 2006, chapter 5; of parts that may be absent Mitchell & Beauchamp 1988). So an interval
is wide where the data say little, and replicates alone do not make it narrow: what lies between
configurations widens it. The spread over seeds, where there are replicates, decides the noise.

Priors are of the order that curves of image classification have; docs/fit.md shows that the intervals hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtri
from scipy.stats import qmc

Values = NDArray[np.float64]

# Priors in natural logarithms of the outcome per unit of a feature, which for a dial is a doubling.
SLOPE = 0.3  # standard deviation: a doubling hardly ever does more than halve an error, or double it
# Log-normal, of a part that is there: median, and deviation of the logarithm.
CURVATURE = (0.012, 1.4)
DEPARTURE = (0.035, 0.5)
LENGTH = (0.5, 0.4)
CONFIGURATION = (0.005, 0.8)
# Probability that there is no departure at all, and likewise that no configuration has anything of its own:
# were both always there, if small, a power law would be doubted too much and waves too little. Curvature
# always is: where a budget ties depth and width, its absence makes slopes look known that are not.
ABSENT = 0.65
# Of the seeds' deviation: as if two degrees of freedom had shown it (an inverse chi-square distribution). Its
# median is then 0.03, and in benchmarks/curves it is 0.02 to 0.04.
NOISE = (0.025, 2.0)
# Points of the prior that are weighed, and equally likely ones that stand for them afterwards.
CANDIDATES, KEPT = 1024, 256
# Draws for each that is kept.
DRAWS = 16
# Matrices that are worked on at once; points that are predicted at once where their correlation is of no use.
AT_ONCE, CHUNK = 128, 16
JITTER = 1e-9


@dataclass(frozen=True)
class Observations:
    """Means over seeds, one a configuration.

    Args:
        x_ND: features; of a dial its logarithm to base 2.
        y_N: mean over the seeds of the logarithm of the outcome.
        seeds_N: how many these were.
        squares: sum of the squared deviations of single outcomes from their configuration's mean.
        freedom: its degrees of freedom; 0 where no configuration has two seeds.
    """

    x_ND: Values
    y_N: Values
    seeds_N: Values
    squares: float = 0.0
    freedom: int = 0


@dataclass(frozen=True)
class _Parts:
    """Sizes of the parts, (H,) each: H sets of them."""

    curvature: Values
    departure: Values
    length: Values
    configuration: Values
    noise: Values

    def __getitem__(self, at: NDArray[np.int64] | slice) -> _Parts:
        return _Parts(*(values[at] for values in vars(self).values()))


class ResponseSurface:
    """The surface that observations lead to.

    The same observations give the same surface and the same draws: nothing depends on a clock or on chance.

    Args:
        observations: two or more configurations.

    >>> x_ND = np.log2([[4.0], [8.0], [16.0], [32.0]])
    >>> surface = ResponseSurface(Observations(x_ND, -0.3 * x_ND[:, 0], np.full(4, 3.0), 0.001, 8))
    >>> low, middle, high = np.quantile(surface.trend(np.log2([[8.0], [16.0]]))[:, 1], [0.05, 0.5, 0.95])
    >>> bool(low < -1.2 < high), bool(high - low < 0.1)
    (True, True)
    """

    def __init__(self, observations: Observations) -> None:
        assert len(observations.y_N) > 1
        self.observations = observations
        self._centre = observations.x_ND.mean(axis=0)
        self._mean = float(np.average(observations.y_N, weights=observations.seeds_N))
        prior, log_prior_H = _prior(observations)
        chunks = [prior[start : start + AT_ONCE] for start in range(0, CANDIDATES, AT_ONCE)]
        log_H = log_prior_H + np.concatenate([self._log_likelihoods(chunk) for chunk in chunks])
        weights_H = np.exp(log_H - log_H.max())
        reached_H = np.cumsum(weights_H / weights_H.sum())
        chosen = np.searchsorted(reached_H, (np.arange(KEPT) + 0.5) / KEPT * reached_H[-1])
        kept, self._times = np.unique(chosen, return_counts=True)
        self._parts = prior[kept]

    @property
    def noise(self) -> float:
        """Standard deviation that a seed makes, the median of what it may be."""
        return float(np.median(np.repeat(self._parts.noise, self._times)))

    @property
    def lack_of_fit(self) -> float:
        """Standard deviation by which one configuration lies off the surface, of all that it may be.

        A median would be nothing wherever there is more likely none.
        """
        return float(np.sqrt(np.average(self._parts.configuration**2, weights=self._times)))

    def trend(self, x_MD: Values) -> Values:
        """(S, M) draws of the surface, each row a whole surface: what differences are taken of.

        What is particular to one configuration is no part of it.
        """
        return self._surface(x_MD, np.random.default_rng(0))

    def results(self, x_MD: Values, seeds: float | Values = 1.0) -> Values:
        """(S, M) draws of what trainings would give: of each configuration the mean over so many seeds."""
        random = np.random.default_rng(0)
        chunks = [self._surface(x_MD[at : at + CHUNK], random) for at in range(0, len(x_MD), CHUNK)]
        surface_SM = np.concatenate(chunks, axis=1)
        own_H1, noise_H1 = self._parts.configuration[:, None], self._parts.noise[:, None]
        spread_SM = np.repeat(np.sqrt(own_H1**2 + noise_H1**2 / seeds), self._times * DRAWS, axis=0)
        found: Values = surface_SM + spread_SM * random.standard_normal(surface_SM.shape)
        return found

    def _surface(self, x_MD: Values, random: np.random.Generator) -> Values:
        x_MD = x_MD - self._centre
        factor_HNN, whitened_HN = self._solved
        cross_HNM = np.linalg.solve(factor_HNN, self._covariance(self._parts, self._x_ND, x_MD))
        mean_HM = self._mean + np.einsum("hnm,hn->hm", cross_HNM, whitened_HN)
        left_HMM = self._covariance(self._parts, x_MD, x_MD) - cross_HNM.swapaxes(1, 2) @ cross_HNM
        root_HMM = np.linalg.cholesky(left_HMM + 10 * JITTER * np.eye(len(x_MD)))
        drawn = [
            mean_M + random.standard_normal((times * DRAWS, len(x_MD))) @ root_MM.T
            for mean_M, root_MM, times in zip(mean_HM, root_HMM, self._times, strict=True)
        ]
        found: Values = np.concatenate(drawn)
        return found

    @property
    def _x_ND(self) -> Values:
        centred_ND: Values = self.observations.x_ND - self._centre
        return centred_ND

    @cached_property
    def _solved(self) -> tuple[Values, Values]:
        return self._factorised(self._parts)

    def _factorised(self, parts: _Parts) -> tuple[Values, Values]:
        """The root of the observations' covariance, and the observations as it whitens them."""
        own_HN = (parts.noise**2)[:, None] / self.observations.seeds_N + (parts.configuration**2)[:, None]
        total_HNN = self._covariance(parts, self._x_ND, self._x_ND)
        diagonal = np.arange(len(self.observations.y_N))
        total_HNN[:, diagonal, diagonal] += own_HN + JITTER
        factor_HNN = np.linalg.cholesky(total_HNN).astype(np.float64, copy=False)
        residual_N1 = (self.observations.y_N - self._mean)[:, None]
        whitened_HN1 = np.linalg.solve(factor_HNN, np.broadcast_to(residual_N1, (*own_HN.shape, 1)))
        return factor_HNN, whitened_HN1[..., 0].astype(np.float64, copy=False)

    def _log_likelihoods(self, parts: _Parts) -> Values:
        factor_HNN, whitened_HN = self._factorised(parts)
        determinants_H = np.log(np.diagonal(factor_HNN, axis1=1, axis2=2)).sum(axis=1)
        found: Values = -0.5 * (whitened_HN**2).sum(axis=1) - determinants_H
        return found

    @staticmethod
    def _covariance(parts: _Parts, a_MD: Values, b_ND: Values) -> Values:
        """(H, M, N): a free level, slopes, curvature, and a departure of Matérn's 5/2 kind."""
        curvature_MN = _products(a_MD) @ _products(b_ND).T
        apart_MN = np.sqrt(np.maximum(((a_MD[:, None] - b_ND[None]) ** 2).sum(axis=2), 0.0))
        away_HMN = np.sqrt(5.0) * apart_MN / parts.length[:, None, None]
        near_HMN = (1.0 + away_HMN + away_HMN**2 / 3.0) * np.exp(-away_HMN)
        found: Values = (
            100.0
            + SLOPE**2 * (a_MD @ b_ND.T)
            + (parts.curvature**2)[:, None, None] * curvature_MN
            + (parts.departure**2)[:, None, None] * near_HMN
        )
        return found


def _products(x_MD: Values) -> Values:
    """(M, D (D + 1) / 2): squares and products of the features."""
    first, second = np.triu_indices(x_MD.shape[1])
    found: Values = x_MD[:, first] * x_MD[:, second]
    return found


def _prior(observations: Observations) -> tuple[_Parts, Values]:
    """Sets of parts that lie evenly in the prior, and their log weights.

    A quarter of them has each combination of departure and configuration that are there or not. The noise
    lies in what the replicates leave of it.
    """
    even_HK = np.clip(qmc.Sobol(5, seed=0).random(CANDIDATES), 1e-6, 1 - 1e-6)
    normal_HK = ndtri(even_HK)
    curvature_H, departure_H, length_H, configuration_H = (
        median * np.exp(deviation * normal_HK[:, at])
        for at, (median, deviation) in enumerate((CURVATURE, DEPARTURE, LENGTH, CONFIGURATION))
    )
    # by consecutive Sobol points, as every fourth one would begin with the same digits
    quarter_H = np.arange(CANDIDATES) * 4 // CANDIDATES
    departs_H, differs_H = quarter_H % 2 == 1, quarter_H >= 2
    deviation, freedom = NOISE
    squares = freedom * deviation**2 + observations.squares
    noise_H = np.sqrt(squares / chdtri(freedom + observations.freedom, even_HK[:, 4]))
    parts = _Parts(curvature_H, departure_H * departs_H, length_H, configuration_H * differs_H, noise_H)
    there_H = departs_H.astype(float) + differs_H
    return parts, there_H * np.log(1 - ABSENT) + (2 - there_H) * np.log(ABSENT)
