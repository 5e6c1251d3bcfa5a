"""The learning rate that suits each network, from a few trials of which all networks share what they say.

best_rates     each network's own rate, of the trials of a search
own_rates      which trials of a sweep with `sweep.fair_lr` compare networks, each at its own rate
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

# Below this an error counts as this much: its logarithm has no end.
LEAST_ERROR = 1e-4

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class BestRate:
    """The learning rate that suits a network.

    Args:
        rate: to three digits.
        low, high: ends of what was searched.
        is_on_edge: whether the best rate lies at an end or beyond it, so that a better one may lie outside.
    """

    rate: float
    low: float
    high: float
    is_on_edge: bool


@dataclass(frozen=True)
class FairFacts:
    """What a sweep with `sweep.fair_lr` compares.

    Args:
        common_rate: `optimizer.lr` of its configuration.
        seed: of its search; others are those of the comparison.
    """

    common_rate: float
    seed: int


class RatedTrial(NamedTuple):
    """A trial of a sweep with `sweep.fair_lr`.

    Args:
        network: what it has in common with the same network at other rates, and nothing else with others.
        rate: at which it was trained.
        seed: with which.
        accuracy: by which rates are chosen; None where the trial did not complete.
    """

    network: Hashable
    rate: float
    seed: int
    accuracy: float | None


@dataclass(frozen=True)
class OwnRates:
    """Which trials compare networks at one rate, and which at each network's own.

    Args:
        best: each network's own rate, as its search has it.
        is_common, is_own: for each trial whether it belongs to that side; one that searches belongs to none.
        has_compared: whether trials of both sides have completed.
    """

    best: Mapping[Hashable, BestRate]
    is_common: tuple[bool, ...]
    is_own: tuple[bool, ...]
    has_compared: bool


def own_rates(trials: Sequence[RatedTrial], fair: FairFacts) -> OwnRates | None:
    """Part the trials of a sweep with `sweep.fair_lr`; None before its search has a result.

    Args:
        trials: by number, as the rate at which a network was compared last is its own: a search that went on
            may have moved it.
        fair: what the sweep compares.
    """
    common = fair.common_rate
    searched = [
        (one.network, one.rate, one.accuracy)
        for one in trials
        if one.seed == fair.seed and one.accuracy is not None
    ]
    if not searched:
        return None
    best = best_rates(searched)
    own = {one.network: one.rate for one in trials if one.seed != fair.seed and one.rate != common}
    # a network whose own rate is the common one has trials for both sides
    own |= {network: common for network, found in best.items() if found.rate == common}
    is_common = tuple(one.seed != fair.seed and one.rate == common for one in trials)
    is_own = tuple(one.seed != fair.seed and own.get(one.network) == one.rate for one in trials)
    has_both = all(
        any(flag and one.accuracy is not None for flag, one in zip(side, trials, strict=True))
        for side in (is_common, is_own)
    )
    return OwnRates(best, is_common, is_own, has_both)


def best_rates(points: Iterable[tuple[Key, float, float]]) -> dict[Key, BestRate]:
    """Find the best learning rate of each network, by parabolas that all networks fit together.

    Near its optimum the logarithm of the error is a parabola in the logarithm of the rate. How wide it opens
    is common to all networks. Where its bottom lies is each network's own, drawn towards the mean of all by
    the share of their differences that chance explains (James & Stein 1961). A point counts less the further
    its error is from its network's least: the parabola is to hold near the bottom.

    Args:
        points: network, rate, and the accuracy that it reached, as a fraction; at least one a network.

    >>> best_rates([("a", 0.01, 0.85), ("a", 0.1, 0.9), ("a", 1.0, 0.85)])
    {'a': BestRate(rate=0.1, low=0.01, high=1.0, is_on_edge=False)}
    """
    import numpy as np  # sweeps that search no rate do without

    table = list(points)
    if not table:
        return {}
    networks = list(dict.fromkeys(network for network, _, _ in table))
    number_N = np.array([networks.index(network) for network, _, _ in table])
    rate_N = np.array([rate for _, rate, _ in table], dtype=np.float64)
    error_N = np.maximum(1 - np.array([accuracy for _, _, accuracy in table], dtype=np.float64), LEAST_ERROR)
    least_K = np.array([error_N[number_N == number].min() for number in range(len(networks))])
    x_N = np.log(rate_N)
    middle = x_N.mean()
    weight_N = (least_K[number_N] / error_N) ** 2
    slope_K, curvature = _parabolas(x_N - middle, np.log(error_N), weight_N, number_N)
    found: dict[Key, BestRate] = {}
    for number, network in enumerate(networks):
        own = number_N == number
        low, high = float(rate_N[own].min()), float(rate_N[own].max())
        if curvature > 0:
            bottom = float(np.exp(middle - np.clip(slope_K[number] / (2 * curvature), -50, 50)))
        else:  # the parabola has no bottom: nothing but the points themselves says where the best lies
            bottom = float(rate_N[own][error_N[own].argmin()])
        rate = float(f"{min(max(bottom, low), high):.3g}")
        found[network] = BestRate(rate, low, high, is_on_edge=not low < bottom < high)
    return found


def _parabolas(
    x_N: Floats, y_N: Floats, weight_N: Floats, number_N: NDArray[np.int_]
) -> tuple[Floats, float]:
    """The slope of each network at 0, drawn together, and the common curvature (weighted least squares)."""
    import numpy as np

    count = int(number_N.max()) + 1
    is_of_NK = (number_N[:, None] == np.arange(count)).astype(np.float64)
    design = np.hstack([is_of_NK, is_of_NK * x_N[:, None], (x_N**2)[:, None]])
    inverse = np.linalg.pinv(design.T @ (design * weight_N[:, None]))
    solution = inverse @ (design.T @ (weight_N * y_N))
    slope_K, curvature = solution[count : 2 * count], float(solution[-1])
    freedom = len(y_N) - 2 * count - 1
    if count > 1 and freedom > 0 and (spread := float(slope_K.var(ddof=1))) > 0:
        noise = float(np.sum(weight_N * (y_N - design @ solution) ** 2)) / freedom
        by_chance = noise * float(np.diag(inverse)[count : 2 * count].mean())
        slope_K = slope_K.mean() + max(0.0, 1 - by_chance / spread) * (slope_K - slope_K.mean())
    return slope_K, curvature
