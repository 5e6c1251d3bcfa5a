"""Points of a search space as numbers of the order of one: what a model of accuracy sees."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from vggsweep.configuration.words import choice_value

# A number that varies by this factor or more is seen on a logarithmic scale.
LOG_FROM = 2.0


@dataclass(frozen=True)
class _Number:
    """A parameter with an order, centred and scaled to a deviation of one over its range."""

    values: Mapping[str, float]  # of choices, by their spelling
    is_log: bool
    centre: float
    scale: float
    width = 1

    def encode(self, value: Any) -> list[float]:
        number = self.values.get(str(value))
        number = float(value) if number is None else number
        return [((math.log(number) if self.is_log else number) - self.centre) / self.scale]


@dataclass(frozen=True)
class _Category:
    """A parameter without an order: one column a choice."""

    choices: tuple[str, ...]

    @property
    def width(self) -> int:
        return len(self.choices)

    def encode(self, value: Any) -> list[float]:
        return [float(str(value) == choice) for choice in self.choices]


class Features:
    """Encode points of a space.

    Args:
        distributions: of the space, by override key.

    >>> space = {"arch.depth": IntDistribution(4, 16), "optimizer": CategoricalDistribution(["sgd", "adam"])}
    >>> Features(space).encode([{"arch.depth": 8, "optimizer": "adam"}])
    array([[0., 0., 1.]])
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._columns = {name: _column(distribution) for name, distribution in distributions.items()}

    def encode(self, points: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
        """(N, D) features of N points."""
        rows = [
            [value for name, column in self._columns.items() for value in column.encode(point[name])]
            for point in points
        ]
        return np.array(rows, dtype=np.float64).reshape(len(points), -1)

    def squared_distances(self, x_ND: NDArray[np.float64], guess: Mapping[str, Any]) -> NDArray[np.float64]:
        """(N,): of encoded points to a guess, over the parameters that the guess has."""
        total_N, at = np.zeros(len(x_ND)), 0
        for name, column in self._columns.items():
            width = column.width
            if name in guess:
                total_N += ((x_ND[:, at : at + width] - column.encode(guess[name])) ** 2).sum(axis=1)
            at += width
        return total_N


def _column(distribution: BaseDistribution) -> _Number | _Category:
    if isinstance(distribution, (IntDistribution, FloatDistribution)):
        return _number([distribution.low, distribution.high], {}, must_log=distribution.log)
    assert isinstance(distribution, CategoricalDistribution)
    meant = [choice_value(choice) for choice in distribution.choices]  # type: ignore[arg-type]
    if len(meant) > 1 and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in meant):
        spelt = {str(choice): float(one) for choice, one in zip(distribution.choices, meant, strict=True)}
        return _number(list(spelt.values()), spelt)
    return _Category(tuple(str(choice) for choice in distribution.choices))


def _number(values: Sequence[float], spelt: Mapping[str, float], *, must_log: bool = False) -> _Number:
    low, high = min(values), max(values)
    is_log = low > 0 and (must_log or high >= LOG_FROM * low)
    first, last = (math.log(low), math.log(high)) if is_log else (low, high)
    # the deviation of numbers that are spread evenly over an interval
    return _Number(spelt, is_log, (first + last) / 2, (last - first) / math.sqrt(12) or 1.0)
