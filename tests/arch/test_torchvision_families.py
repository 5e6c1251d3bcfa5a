"""torchvision's networks as presets of the families: as many parameters, same weights, same scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.state_dicts import from_torchvision, torchvision_key_map

Build = Callable[..., Any]
SMALL = InputShape(channels=3, resolution=64, num_classes=1000)
SCORED_FAST = ["resnet18"]
SCORED = ["resnet34", "resnet50", "wide_resnet50_2", "resnext50_32x4d"]
slow = pytest.mark.slow


@pytest.mark.parametrize("name", [*SCORED_FAST, *SCORED])
def test_parameters_are_equal_to_the_last_digit(arch: Build, head: Build, name: str) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None)

    costs = network_costs(arch(name), head("gap"), SMALL)

    assert costs.params == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize("name", [*SCORED_FAST, *(pytest.param(name, marks=slow) for name in SCORED)])
def test_torchvision_weights_give_the_same_scores(arch: Build, head: Build, name: str) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.get_model(name, weights=None)

    assert_same_scores(theirs, build_on_meta(arch(name), head("gap"), SMALL))


def test_a_short_grouped_bottleneck_net_gives_the_same_scores(arch: Build, head: Build) -> None:
    ours = arch("resnext50_32x4d", depth=14, groups=4, width_per_group=32)
    with torch.device("meta"):
        theirs = ResNet(Bottleneck, [1, 1, 1, 1], groups=4, width_per_group=32)

    assert_same_scores(theirs, build_on_meta(ours, head("gap"), SMALL))


def test_the_mapping_of_resnet_is_the_documented_one(arch: Build, head: Build) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.resnet18()

    keys = torchvision_key_map(build_on_meta(arch("resnet18"), head("gap"), SMALL), theirs.state_dict())

    assert keys["conv1.weight"] == "stem.conv.weight"
    assert keys["bn1.running_var"] == "stem.norm.running_var"
    assert keys["layer2.0.conv1.weight"] == "stage2.block1.add.body.conv1.weight"
    assert keys["layer2.0.downsample.0.weight"] == "stage2.block1.add.shortcut.conv.weight"
    assert keys["fc.bias"] == "linear.bias"


def assert_same_scores(theirs: nn.Module, ours: nn.Module) -> None:
    """Give both the same random weights and statistics, and hold their scores equal."""
    torch.manual_seed(0)
    theirs, ours = theirs.to_empty(device="cpu").eval(), ours.eval()
    for module in theirs.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
        for key, value in [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]:
            # what would be one or zero at first shows no mix-up
            is_scale = key in ("running_var", "layer_scale") or ("weight" in key and value.dim() == 1)
            if is_scale:
                nn.init.uniform_(value, 0.7, 1.3)
            elif value.dim() == 1:
                nn.init.uniform_(value, -0.1, 0.1)
    loaded = ours.load_state_dict(from_torchvision(ours, theirs.state_dict()), assign=True)
    images = torch.randn(2, 3, SMALL.resolution, SMALL.resolution)

    with torch.no_grad():
        expected, scores = theirs(images), ours(images)

    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    assert (expected[0] - expected[1]).abs().max() > 1e-3, "equal scores for any image would show nothing"
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-5)
