"""A Gaussian process with a linear trend, for some tens or hundreds of observations.

By hand, as scikit-learn would have to be installed and imported by every worker, and Optuna's own process is
private, without a trend and without noise of each observation. Source: Rasmussen & Williams 2006, chapters 2
(prediction, explicit trend as part of the covariance) and 5 (hyperparameters by marginal likelihood).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize

Values = NDArray[np.float64]

# Log-normal priors of the hyperparameters: median and deviation of the logarithm. With few observations they
# decide; replays hardly depend on them (docs/search.md).
LENGTH = (1.2, 0.35)
AMPLITUDE = (1.0, 0.5)  # in units of the observations' deviation
NOISE = (0.003, 0.7)
# Accuracies that hardly differ so far may differ by this elsewhere.
LEAST_SPREAD = 0.01
# The hyperparameters are fitted to so many observations at most; all of them count for the prediction.
MOST_FITTED = 200
JITTER = 1e-10


@dataclass(frozen=True)
class Hyperparameters:
    """Of the covariance.

    Args:
        lengths: (D,) over which the deviation from the trend changes.
        amplitude: of the deviation from the trend, and of the trend per unit of a feature.
        noise: standard deviation of an observation.
    """

    lengths: Values
    amplitude: float
    noise: float


class GaussianProcess:
    """A process that has seen observations.

    Args:
        x_ND: features, of the order of one.
        y_N: observed values.
        variance_N: of each observation, beyond the common noise.
        hyperparameters: None fits them.
    """

    def __init__(
        self, x_ND: Values, y_N: Values, variance_N: Values, hyperparameters: Hyperparameters | None = None
    ) -> None:
        self.x_ND = x_ND
        self.y_N = y_N
        self.variance_N = variance_N
        self.hyperparameters = hyperparameters or _fit(x_ND, y_N, variance_N)
        self._mean, self._factor = _factor(x_ND, y_N, variance_N, self.hyperparameters)
        self._weights_N = cho_solve(self._factor, y_N - self._mean)

    def predict(self, x_MD: Values) -> tuple[Values, Values]:
        """Mean and standard deviation of the value without noise, both (M,)."""
        cross_MN = _covariance(x_MD, self.x_ND, self.hyperparameters)
        mean_M = self._mean + cross_MN @ self._weights_N
        prior_M = self.hyperparameters.amplitude**2 * (2.0 + (x_MD**2).sum(axis=1))
        explained_M = np.einsum("mn,nm->m", cross_MN, cho_solve(self._factor, cross_MN.T))
        return mean_M, np.sqrt(np.maximum(prior_M - explained_M, 1e-12))

    def with_believed(self, x_MD: Values) -> GaussianProcess:
        """The process after it has seen its own predictions there: for trials that still run.

        Source: the kriging believer of Ginsbourger, Le Riche & Carraro 2010.
        """
        believed_M, _ = self.predict(x_MD)
        return GaussianProcess(
            np.concatenate([self.x_ND, x_MD]),
            np.concatenate([self.y_N, believed_M]),
            np.concatenate([self.variance_N, np.zeros(len(x_MD))]),
            self.hyperparameters,
        )


def _covariance(a_MD: Values, b_ND: Values, found: Hyperparameters) -> Values:
    """A constant and a linear trend, and a smooth deviation from them."""
    a, b = a_MD / found.lengths, b_ND / found.lengths
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * a @ b.T
    covariance: Values = found.amplitude**2 * (np.exp(-0.5 * np.maximum(squared, 0.0)) + 1.0 + a_MD @ b_ND.T)
    return covariance


def _factor(x_ND: Values, y_N: Values, variance_N: Values, found: Hyperparameters) -> tuple[float, Any]:
    """The mean about which the values vary, and the factorised covariance of the observations."""
    total_N = variance_N + found.noise**2 + JITTER
    mean = float(np.average(y_N, weights=1.0 / (total_N + found.amplitude**2)))
    return mean, cho_factor(_covariance(x_ND, x_ND, found) + np.diag(total_N), lower=True)


def _fit(x_ND: Values, y_N: Values, variance_N: Values) -> Hyperparameters:
    """The likeliest hyperparameters under their priors."""
    kept = np.unique(np.linspace(0, len(y_N) - 1, min(len(y_N), MOST_FITTED)).round().astype(int))
    x_ND, y_N, variance_N = x_ND[kept], y_N[kept], variance_N[kept]
    dimensions = x_ND.shape[1]
    spread = max(float(np.std(y_N)), LEAST_SPREAD)
    centre = np.log([*[LENGTH[0]] * dimensions, AMPLITUDE[0] * spread, NOISE[0]])
    width = np.array([*[LENGTH[1]] * dimensions, AMPLITUDE[1], NOISE[1]])

    def read(logarithms: Values) -> Hyperparameters:
        values = np.exp(centre + width * logarithms)
        return Hyperparameters(values[:dimensions], float(values[-2]), float(values[-1]))

    def unlikeliness(logarithms: Values) -> float:
        mean, factor = _factor(x_ND, y_N, variance_N, read(logarithms))
        residual_N = y_N - mean
        fit = 0.5 * residual_N @ cho_solve(factor, residual_N) + np.log(np.diag(factor[0])).sum()
        return float(fit + 0.5 * (logarithms**2).sum())

    bounds = [(-3.0, 3.0)] * len(centre)
    start = np.zeros(len(centre))
    found = minimize(unlikeliness, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 20})
    return read(found.x)
