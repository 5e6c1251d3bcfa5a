from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from benchmarks.search_replay import (
    CURVES,
    Network,
    Space,
    known_cost,
    pareto_rule,
    read_set,
    replay,
    settings_of,
)
from vggsweep.configuration.sweep_settings import ParetoSettings


def space_of(draw: np.random.Generator, networks: int) -> Space:
    """Random accuracies and costs, some of them equal."""

    def network(number: int) -> Network:
        accuracy = float(draw.choice([0.3, 0.5, draw.random()]))
        epoch = {"val_acc": accuracy, "train_seconds": 1.0}
        return Network({"arch.depth": number}, int(draw.choice([1000, 10 ** draw.uniform(3, 6)])), [[epoch]])

    return Space([network(number) for number in range(networks)], val_images=100, epochs=1)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("goal", [0.5, 0.9, 0.97])
def test_the_least_that_a_search_needs_is_that_of_all_its_subsets(seed: int, goal: float) -> None:
    draw = np.random.default_rng(seed)
    space = space_of(draw, networks=7)
    weights = draw.uniform(0.1, 1.0, 7)
    subsets = [list(one) for size in range(1, 8) for one in combinations(range(7), size)]
    enough = [weights[one].sum() for one in subsets if space.share(one) >= goal]
    assert space.least(goal, weights) == pytest.approx(min(enough))


def test_the_default_pruner_keeps_the_front_of_our_own_searches() -> None:
    """Shallow networks come first and learn faster early: at one standard error deep ones were stopped."""
    space, settings = read_set(CURVES / "cifar10.csv"), settings_of(["pruner=pareto"])
    assert isinstance(settings, ParetoSettings)
    shares = [replay(space, seed, pareto_rule(settings, space), known_cost).share[-1] for seed in range(8)]
    assert min(shares) >= 0.97
