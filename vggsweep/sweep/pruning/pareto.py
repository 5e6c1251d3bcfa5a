"""The ``pareto`` pruner: a trial ends at a rung where a network of no more cost is clearly better there.

What is compared at a rung, the score, is the mean of two accuracies: that of averaged weights on the
validation images, and that of the epoch's own training steps. The weights themselves say little while the
learning rate is high: over 24 networks their validation accuracy at the second of eight epochs had a rank
correlation of -.07 with where they ended, the mean of the two had .74. Clearly means by a margin, in units of
the standard error of an accuracy on so many validation images. docs/search.md has what replays of complete
learning curves say of score and margin.

It is asynchronous: a trial that reaches a rung is compared at once with all that reached it before, and
either goes on or ends; nothing waits and nothing is promoted later. So the best of its cost is never stopped,
however dear it is. The rungs follow Schmucker, Donini, Zafar, Salinas, Archambeau, "Multi-objective
Asynchronous Successive Halving", 2021, arXiv:2106.12639; its rule, the best 1/eta by non-dominated sorting,
stops members of the front on such curves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.identity import Identity
from vggsweep.results.disk.history import finished_epochs


def pareto_rungs(settings: ParetoSettings, epochs: int) -> list[int]:
    """Epochs at which the pruner looks, all before the last.

    >>> pareto_rungs(ParetoSettings(name="pareto", first_rung=None, rung_factor=2, margin=1.0), epochs=9)
    [3, 6]
    """
    found = []
    rung = settings.first_rung or math.ceil(epochs / 4)
    while rung < epochs:
        found.append(rung)
        rung *= settings.rung_factor
    return found


def score(averaged_val_acc: float, train_acc: float) -> float:
    """What is compared at a rung."""
    return (averaged_val_acc + train_acc) / 2


def recorded_scores(history: Path, identity: Identity) -> dict[int, float]:
    """What a pruner compared in a training, by epoch; nothing where none looked."""
    epochs = finished_epochs(history, identity)
    scored = [epoch for epoch in epochs if "averaged_val_acc" in epoch and "train_acc" in epoch]
    return {int(one["epoch"]): score(one["averaged_val_acc"], one["train_acc"]) for one in scored}


def standard_error(score: float, images: int) -> float:
    """Standard error of an accuracy on so many images; as if it were no surer than .02 from 0 and 1.

    >>> round(standard_error(0.9, 900), 4)
    0.01
    """
    share = min(max(score, 0.02), 0.98)
    return math.sqrt(share * (1.0 - share) / images)


def is_stopped(score: float, cost: float, before: Iterable[tuple[float, float]], margin: float) -> bool:
    """Whether a trial ends at a rung.

    Args:
        score, cost: of the trial; the cost is 0 where only accuracy is optimised.
        before: the same of all trials that came to the rung earlier.
        margin: by which a score of no more cost must be better.

    >>> before = [(0.80, 1e6), (0.90, 2e6)]
    >>> is_stopped(0.85, 1.5e6, before, margin=0.01), is_stopped(0.85, 2e6, before, margin=0.01)
    (False, True)
    """
    return any(other_cost <= cost and other >= score + margin for other, other_cost in before)
