"""MobileNetV2, ConvNeXt and Network in Network against the numbers that their papers print."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.arch.describe import network_costs, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
IMAGENET = InputShape(channels=3, resolution=224, num_classes=1000)
CIFAR = InputShape(channels=3, resolution=32, num_classes=10)


def test_mobilenet_v2_costs_what_its_paper_prints(arch: Build, head: Build) -> None:
    """Sandler et al. 2018, table 4: 300 million MACs, 3.4 million parameters (3.5 as built)."""
    costs = network_costs(arch("mobilenet_v2"), head("gap"), IMAGENET)

    assert round(costs.macs / 1e6) == 301
    assert f"{costs.params / 1e6:.1f}" == "3.5"


def test_mobilenet_keeps_the_proportions_of_its_table(arch: Build, head: Build) -> None:
    words = {
        depth: network_stages(arch("mobilenet", depth=depth), head("gap"), CIFAR) for depth in (7, 12, 17, 34)
    }

    assert words == {
        7: "1x16-1x24-1x32-1x64-1x96-1x160-1x320",
        12: "1x16-1x24-2x32-3x64-2x96-2x160-1x320",
        17: "1x16-2x24-3x32-4x64-3x96-3x160-1x320",
        34: "2x16-4x24-6x32-8x64-6x96-6x160-2x320",
    }


@pytest.mark.parametrize(
    ("depth", "width", "billions", "millions"),
    [(18, 96, "4.5", "29"), (36, 96, "8.7", "50"), (36, 128, "15.4", "89"), (36, 192, "34.4", "198")],
)
def test_convnext_costs_what_its_paper_prints(
    arch: Build, head: Build, depth: int, width: int, billions: str, millions: str
) -> None:
    """Liu et al. 2022, table 1: ConvNeXt-T, -S, -B, -L."""
    costs = network_costs(arch("convnext_tiny", depth=depth, width=width), head("gap"), IMAGENET)

    assert (f"{costs.macs / 1e9:.1f}", f"{costs.params / 1e6:.0f}") == (billions, millions)


def test_convnext_refuses_the_hidden_layers_of_vgg(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="head=vgg does not fit; arch=convnext needs head=gap"):
        network_costs(arch("convnext"), head("vgg"), CIFAR)


def test_network_in_network_has_the_published_parameters(arch: Build, head: Build) -> None:
    """Romero et al. 2014 and others print about one million for the authors' CIFAR-10 network."""
    authors = network_costs(arch("nin", width=192, batch_norm=False), head("native"), CIFAR)

    assert authors.params == 966_986
    assert authors.conv_params == authors.params


@pytest.mark.parametrize(("option", "fewest"), [("mobilenet", 7), ("convnext", 4), ("nin", 3)])
def test_too_few_blocks_are_refused_with_the_fewest(
    arch: Build, head: Build, option: str, fewest: int
) -> None:
    top = head("native" if option == "nin" else "gap")

    with pytest.raises(InfeasibleConfig, match=f"Nearest: arch.depth={fewest}\\.$"):
        network_costs(arch(option, depth=fewest - 1), top, CIFAR)
