"""A user's own network: built, counted and checked like ours, and refused in the user's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vggsweep.arch.build import build_network, build_on_meta
from vggsweep.arch.counting import count_layers
from vggsweep.arch.describe import check_network, network_costs
from vggsweep.arch.description import InputShape
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
SHAPE = InputShape(1, 8, 3)


class Reading(nn.Module):
    """Reads numbers while it is built and while it runs, which the meta device cannot."""

    def __init__(self, channels: int, num_classes: int, hidden: int = 4) -> None:
        super().__init__()
        self.rates = torch.linspace(0, 1, 3).tolist()
        self.conv = nn.Conv2d(channels, hidden, 3, padding=1)
        self.norm = nn.BatchNorm2d(hidden)
        self.linear = nn.LazyLinear(num_classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.norm(self.conv(images))
        scores: Tensor = self.linear(features.flatten(1) if features.mean().item() < 1e9 else features)
        return scores


def refuses(channels: int, num_classes: int) -> nn.Module:
    raise ValueError("not today")


def no_module(channels: int, num_classes: int) -> str:
    return "words"


def maps(channels: int, num_classes: int) -> nn.Module:
    return nn.Conv2d(channels, num_classes, 1)


def positional(inputs: int, classes: int) -> nn.Module:
    return nn.Linear(inputs, classes)


@pytest.fixture
def custom(arch: Build) -> Build:
    """``custom("Reading", hidden=8)``: arch=custom with that callable of this file."""
    return lambda target, **options: arch(
        "custom", target=f"{__name__}.{target}", name=target, options=options
    )


def test_network_that_reads_numbers_is_counted_and_trained(custom: Build, head: Build) -> None:
    own = custom("Reading", hidden=5)
    check_network(own, head("native"), SHAPE)
    costs = network_costs(own, head("native"), SHAPE)
    network = build_network(own, head("native"), SHAPE)

    assert (costs.depth, costs.width) == (1, 5)
    assert costs.conv_params == 5 * 9 + 5
    assert costs.params == 50 + 10 + (5 * 64 * 3 + 3)
    assert costs.macs == 5 * 9 * 64 + 5 * 64 * 3
    assert network.training
    # the trial pass leaves no mark: it would have shifted the running mean
    assert torch.equal(network.norm.running_mean, torch.zeros(5))
    assert network(torch.zeros(2, 1, 8, 8)).shape == (2, 3)


def test_looking_at_a_network_draws_no_random_numbers(custom: Build, head: Build) -> None:
    before = torch.get_rng_state()
    check_network(custom("Reading"), head("native"), SHAPE)
    network_costs(custom("Reading"), head("native"), SHAPE)

    assert torch.equal(torch.get_rng_state(), before)


def test_summary_has_a_row_for_each_child(custom: Build, head: Build) -> None:
    rows = count_layers(build_on_meta(custom("Reading"), head("native"), SHAPE), 1, 8)

    assert [(row.name, row.output_shape) for row in rows] == [
        ("conv", (1, 4, 8, 8)),
        ("norm", (1, 4, 8, 8)),
        ("linear", (1, 3)),
    ]


@pytest.mark.parametrize(
    ("target", "options", "kind", "said"),
    [
        ("Missing", {}, ConfigError, "cannot be loaded .AttributeError.*PYTHONPATH"),
        ("SHAPE", {}, ConfigError, "is a InputShape and cannot be called"),
        (
            "Reading",
            {"hiden": 3},
            ConfigError,
            "cannot be called with .channels, num_classes, hiden.*'hiden'",
        ),
        ("positional", {}, ConfigError, "missing a required argument: 'inputs'"),
        ("no_module", {}, ConfigError, "made a str; it should make a torch.nn.Module"),
        ("maps", {}, ConfigError, r"answers one image with \(1, 3, 8, 8\); .* shape \(1, 3\)"),
        ("refuses", {}, InfeasibleConfig, "cannot be built .ValueError: not today"),
        ("Reading", {"hidden": -1}, InfeasibleConfig, r"num_classes=3, hidden=-1\) cannot be built"),
    ],
)
def test_what_is_no_classifier_is_refused_before_anything_is_trained(
    custom: Build, head: Build, target: str, options: dict[str, Any], kind: type[ConfigError], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        check_network(custom(target, **options), head("native"), SHAPE)

    assert refusal.type is kind


def test_image_size_that_the_users_code_refuses_is_infeasible(custom: Build, head: Build) -> None:
    strided = custom("Strided")
    check_network(strided, head("native"), SHAPE)
    with pytest.raises(InfeasibleConfig, match="cannot take images of 1 x 4 x 4"):
        check_network(strided, head("native"), InputShape(1, 4, 3))


class Strided(nn.Sequential):
    """Needs at least 5 pixels."""

    def __init__(self, channels: int, num_classes: int) -> None:
        super().__init__(nn.Conv2d(channels, 2, 5), nn.Flatten(), nn.LazyLinear(num_classes))
