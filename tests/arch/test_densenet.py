"""DenseNets against the numbers that their paper prints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.arch.describe import network_costs, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.errors import InfeasibleConfig

Build = Callable[..., Any]
CIFAR = InputShape(channels=3, resolution=32, num_classes=10)
PLAIN = {"bottleneck": False, "compression": 1.0}


@pytest.mark.parametrize(
    ("changes", "millions"),
    [
        ({"depth": 100, "width": 12}, "0.8"),
        ({"depth": 250, "width": 24}, "15.3"),
        ({"depth": 190, "width": 40}, "25.6"),
        ({"depth": 40, "width": 12, **PLAIN}, "1.0"),
        ({"depth": 100, "width": 12, **PLAIN}, "7.0"),
        ({"depth": 100, "width": 24, **PLAIN}, "27.2"),
    ],
)
def test_cifar_nets_have_the_papers_parameters(
    arch: Build, head: Build, changes: dict[str, Any], millions: str
) -> None:
    """Huang et al. 2016, table 2."""
    costs = network_costs(arch("densenet", **changes), head("gap"), CIFAR)

    assert f"{costs.params / 1e6:.1f}" == millions


@pytest.mark.parametrize(
    ("depth", "layers"),
    [
        (121, (6, 12, 24, 16)),
        (169, (6, 12, 32, 32)),
        (201, (6, 12, 48, 32)),
        (265, (6, 12, 64, 48)),
    ],
)
def test_four_blocks_share_their_layers_as_published(
    arch: Build, head: Build, depth: int, layers: tuple[int, ...]
) -> None:
    """Huang et al. 2016, table 1 ; it calls the last one -264."""
    network = arch("densenet121", depth=depth)

    assert network.layers_per_block() == layers
    assert network_stages(network, head("gap"), CIFAR) == "-".join(f"{n}x32" for n in layers)


def test_depth_that_is_none_of_the_familys_names_the_nearest(arch: Build, head: Build) -> None:
    with pytest.raises(InfeasibleConfig, match="counts 6n \\+ 4 .*arch.depth=40 or arch.depth=46\\.$"):
        network_costs(arch("densenet", depth=42), head("gap"), CIFAR)
