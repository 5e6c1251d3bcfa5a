"""What a point of a search space costs, by arithmetic: without data, device or training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vggsweep.arch.costs import Costs
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.errors import ConfigError
from vggsweep.settings import read_settings
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.search_space import SearchSpace

# Parameters that decide what a network costs and whether it exists begin so.
DECISIVE = ("arch", "head", "budget", "dataset", "contender", "experiment")


class KnownCosts:
    """Costs of the points of a space; each network is counted once.

    Args:
        space: what is varied.
        composer: makes the sweep's configurations.
    """

    def __init__(self, space: SearchSpace, composer: Composer) -> None:
        self._space = space
        self._composer = composer
        self._found: dict[tuple[str, ...], Costs | None] = {}
        self._bases: dict[tuple[str, ...], tuple[Configuration, Mapping[str, Any]]] = {}

    def of(self, point: Mapping[str, Any]) -> Costs | None:
        """The costs of a point's network; None where it is no network."""
        decisive = {name: value for name, value in point.items() if name.lstrip("+").startswith(DECISIVE)}
        key = tuple(self._space.words(decisive))
        if key not in self._found:
            try:
                self._found[key] = self._count(decisive)
            except ConfigError:
                self._found[key] = None
        return self._found[key]

    def _count(self, point: Mapping[str, Any]) -> Costs:
        """Numbers under ``arch`` are put in their place; what chooses options is composed."""
        numbers = {
            name.removeprefix("arch."): value
            for name, value in point.items()
            if name.startswith("arch.") and name.count(".") == 1 and type(value) in (int, float)
        }
        words = tuple(
            self._space.words({n: v for n, v in point.items() if n.removeprefix("arch.") not in numbers})
        )
        if not numbers.keys() <= self._base(words)[1].keys():
            words, numbers = tuple(self._space.words(point)), {}
        configuration, arch = self._base(words)
        if numbers:
            settings = read_settings(type(configuration.arch), {**arch, **numbers}, "arch")
            configuration = replace(configuration, arch=settings)
        network = configured_network(configuration)
        network.check()
        return network.costs

    def _base(self, words: tuple[str, ...]) -> tuple[Configuration, Mapping[str, Any]]:
        if words not in self._bases:
            plain = self._composer.compose(words)
            self._bases[words] = (read_configuration(plain), plain["arch"])
        return self._bases[words]
