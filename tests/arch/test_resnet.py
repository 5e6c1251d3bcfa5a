"""ResNets against the numbers that their papers print, and the depths that they count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.arch.describe import network_costs, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
CIFAR = InputShape(channels=3, resolution=32, num_classes=10)


@pytest.mark.parametrize(
    ("depth", "millions"),
    [(20, "0.27"), (32, "0.46"), (44, "0.66"), (56, "0.85"), (110, "1.73"), (1202, "19.42")],
)
def test_cifar_nets_with_padded_shortcuts_have_the_papers_parameters(
    arch: Build, head: Build, depth: int, millions: str
) -> None:
    """He et al. 2015, table 6, which prints 1.7 and 19.4 for the last two."""
    costs = network_costs(arch("resnet_scaled", depth=depth, shortcut="padding"), head("gap"), CIFAR)

    assert f"{costs.params / 1e6:.2f}" == millions


@pytest.mark.parametrize(
    ("changes", "millions"),
    [
        ({"depth": 28, "width": 160}, "36.5"),
        ({"depth": 40, "width": 64}, "8.9"),
        ({"depth": 40, "width": 16}, "0.6"),
        ({"depth": 16, "width": 128}, "11.0"),
        ({"depth": 22, "width": 128}, "17.2"),
    ],
)
def test_wide_nets_have_the_papers_parameters(
    arch: Build, head: Build, changes: dict[str, Any], millions: str
) -> None:
    """Zagoruyko & Komodakis 2016, table 4."""
    costs = network_costs(arch("resnet_scaled", form="wide", **changes), head("gap"), CIFAR)

    assert f"{costs.params / 1e6:.1f}" == millions


def test_preset_of_the_wide_net_is_the_papers(arch: Build, head: Build) -> None:
    assert network_costs(arch("wrn_28_10"), head("gap"), CIFAR).params == 36_479_194
    assert network_stages(arch("wrn_28_10"), head("gap"), CIFAR) == "4x160-4x320-4x640"


@pytest.mark.parametrize(("depth", "millions"), [(164, "1.7"), (1001, "10.3")])
def test_preactivation_bottlenecks_have_the_papers_parameters(
    arch: Build, head: Build, depth: int, millions: str
) -> None:
    """He et al. 2016 print 1.7 and 10.2 million (table 4 leaves the last digit off)."""
    bottleneck = arch("resnet_scaled", depth=depth, form="preactivation", block="bottleneck")

    assert f"{network_costs(bottleneck, head('gap'), CIFAR).params / 1e6:.1f}" == millions


@pytest.mark.parametrize(
    ("preset", "depth", "stages"),
    [
        ("resnet18", 18, "2x64-2x128-2x256-2x512"),
        ("resnet18", 34, "3x64-4x128-6x256-3x512"),
        ("resnet50", 50, "3x64-4x128-6x256-3x512"),
        ("resnet50", 101, "3x64-4x128-23x256-3x512"),
        ("resnet50", 152, "3x64-8x128-36x256-3x512"),
    ],
)
def test_four_stages_share_their_blocks_as_published(
    arch: Build, head: Build, preset: str, depth: int, stages: str
) -> None:
    assert network_stages(arch(preset, depth=depth), head("gap"), CIFAR) == stages


def test_macs_of_resnet50_are_the_published_ones(arch: Build, head: Build) -> None:
    """He et al. 2015, table 1: 3.8 billion, with stride in the first 1x1; 4.1 with stride in the 3x3."""
    costs = network_costs(arch("resnet50"), head("gap"), InputShape(3, 224, 1000))

    assert round(costs.macs / 1e9, 2) == 4.09


@pytest.mark.parametrize(
    ("changes", "nearest"),
    [
        ({"depth": 21}, "arch.depth=20 or arch.depth=26"),
        ({"depth": 3}, "arch.depth=8"),
        ({"depth": 28, "block": "bottleneck"}, "arch.depth=20 or arch.depth=29"),
        ({"depth": 20, "form": "wide"}, "arch.depth=16 or arch.depth=22"),
        ({"depth": 19, "num_stages": 4}, "arch.depth=18 or arch.depth=20"),
    ],
)
def test_depth_that_is_none_of_the_familys_names_the_nearest(
    arch: Build, head: Build, changes: dict[str, Any], nearest: str
) -> None:
    with pytest.raises(InfeasibleConfig, match=f"no depth of this family.*Nearest: {nearest}\\.$"):
        network_costs(arch("resnet_scaled", **changes), head("gap"), CIFAR)


def test_groups_of_basic_blocks_change_nothing(arch: Build, head: Build) -> None:
    grouped = arch("resnet_scaled", groups=4)

    assert set(grouped.idle_fields()) == {"groups", "width_per_group"}
    assert network_costs(grouped, head("gap"), CIFAR) == network_costs(
        arch("resnet_scaled"), head("gap"), CIFAR
    )
    assert arch("resnet50").idle_fields() == {}


def test_wide_net_refuses_padded_shortcuts(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="use arch.shortcut=projection"):
        network_costs(arch("wrn_28_10", shortcut="padding"), head("gap"), CIFAR)
