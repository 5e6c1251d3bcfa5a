from __future__ import annotations

import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.known_costs import KnownCosts
from vggsweep.sweep.spec.search_space import SearchSpace

SPACES: dict[str, tuple[tuple[str, ...], dict[str, BaseDistribution]]] = {
    "depth and width": (
        (),
        {"arch.depth": IntDistribution(2, 9), "arch.width": IntDistribution(4, 32, step=14)},
    ),
    "groups and lists": (
        (),
        {
            "arch": CategoricalDistribution(["vgg_scaled", "lenet", "vgg_small"]),
            "arch.stages": CategoricalDistribution(["null", "[[1,8],[1,16]]"]),
        },
    ),
    "a budget": (
        ("budget=macs", "budget.target=2e6"),
        {"arch.depth": IntDistribution(4, 12), "optimizer.lr": CategoricalDistribution(["0.1", "0.2"])},
    ),
    "the image": (
        (),
        {
            "dataset.resolution": CategoricalDistribution(["8", "28", "32"]),
            "arch.width": IntDistribution(4, 5),
        },
    ),
    "an added field": (
        (),
        {"head": CategoricalDistribution(["gap", "vgg"]), "arch.depth": IntDistribution(4, 6)},
    ),
}


@pytest.mark.parametrize("name", SPACES)
def test_costs_are_those_of_the_whole_configuration(name: str) -> None:
    fixed, distributions = SPACES[name]
    space, composer = SearchSpace(distributions), Composer(("dataset=fashion_mnist_mini", *fixed))
    costs = KnownCosts(space, composer)
    seen = set()
    for point in space.points():
        try:
            configuration = read_configuration(composer.compose(space.words(point)))
            check_configuration(configuration)
            expected = configured_network(configuration).costs
        except ConfigError:
            assert costs.of(point) is None
            continue
        assert costs.of(point) == expected
        seen.add(expected)
    assert len(seen) > 1
