"""Asynchronous successive halving by dominance: the ``pareto`` pruner.

Source: Schmucker, Donini, Zafar, Salinas, Archambeau, "Multi-objective Asynchronous Successive
Halving", 2021, arXiv:2106.12639. This is the stopping variant: a trial that reaches a rung is ranked
at once among all that reached it before, and either goes on or ends; nothing waits and nothing is
promoted later. What it costs is known before training, so only the accuracy is taken at the rung.

Ranking: first by front (non-dominated sorting), then within a front by crowding distance, the lonelier
first, as NSGA-II orders them (Deb et al. 2002); what is still equal goes by age, the earlier first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.results.dominance import non_dominated

Values = NDArray[np.float64]


def rungs(settings: ParetoSettings, epochs: int) -> list[int]:
    """Epochs at which the pruner looks, all before the last.

    >>> rungs(ParetoSettings(name="pareto", first_rung=1, rung_factor=2, eta=3, keep_front=True), epochs=9)
    [1, 2, 4, 8]
    """
    found = []
    rung = settings.first_rung
    while rung < epochs:
        found.append(rung)
        rung *= settings.rung_factor
    return found


def is_stopped(settings: ParetoSettings, reached: Sequence[Sequence[float]]) -> bool:
    """Whether the trial that came last to a rung ends there.

    Args:
        settings: eta and whether the rung's front is kept.
        reached: one row a trial that reached the rung, in order of arrival, the one in question last;
            columns are losses, all to be minimised: (1 - accuracy, cost) or (1 - accuracy,).

    Returns:
        True when its rank is not among the best 1/eta. With fewer than eta trials nobody is stopped:
        a share of them cannot be told yet.
    """
    losses = np.asarray(reached, dtype=np.float64)
    count = len(losses)
    if count < settings.eta:
        return False
    fronts = front_numbers(losses)
    if settings.keep_front and fronts[-1] == 0:
        return False
    order = rank(losses, fronts)
    return int(np.flatnonzero(order == count - 1)[0]) >= count // settings.eta


def front_numbers(losses: Values) -> NDArray[np.int64]:
    """Non-dominated sorting: 0 for the front, 1 for the front without it, and so on.

    Args:
        losses: (N, 1) or (N, 2), to be minimised.
    """
    points: list[tuple[float, float]] = [(row[0], row[-1]) for row in losses.tolist()]
    numbers = np.full(len(losses), -1, dtype=np.int64)
    number = 0
    while len(left := np.flatnonzero(numbers < 0)):
        numbers[left[non_dominated([points[at] for at in left])]] = number
        number += 1
    return numbers


def rank(losses: Values, fronts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Row indices from best to worst, see the module's text for the rule."""
    crowding = np.zeros(len(losses))
    for number in range(int(fronts.max()) + 1):
        members = np.flatnonzero(fronts == number)
        crowding[members] = crowding_distances(losses[members])
    return np.lexsort((np.arange(len(losses)), -crowding, fronts))


def crowding_distances(losses: Values) -> Values:
    """How lonely each row of one front is: the sum over columns of the gap between its neighbours.

    The ends of a front are infinitely lonely; columns are scaled to their range.
    """
    count, columns = losses.shape
    distances = np.zeros(count)
    for column in range(columns):
        order = np.argsort(losses[:, column], kind="stable")
        values = losses[order, column]
        span = values[-1] - values[0]
        distances[order[[0, -1]]] = np.inf
        if span > 0 and count > 2:
            distances[order[1:-1]] += (values[2:] - values[:-2]) / span
    return distances
