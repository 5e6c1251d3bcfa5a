"""torchvision's networks as presets of the families: as many parameters, same weights, same scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.densenet import DenseNet
from torchvision.models.resnet import Bottleneck, ResNet

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.state_dicts import from_torchvision, torchvision_key_map

Build = Callable[..., Any]
SMALL = InputShape(channels=3, resolution=64, num_classes=1000)
NAMES = [
    "resnet18",
    "resnet34",
    "resnet50",
    "wide_resnet50_2",
    "resnext50_32x4d",
    "regnet_x_400mf",
    "regnet_y_400mf",
    "densenet121",
    "mobilenet_v2",
    "convnext_tiny",
]


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_equal_to_the_last_digit(arch: Build, head: Build, name: str) -> None:
    theirs = without_numbers(name)

    costs = network_costs(arch(name), head("gap"), SMALL)

    assert costs.params == sum(parameter.numel() for parameter in theirs.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_weights_give_the_same_scores(arch: Build, head: Build, name: str) -> None:
    theirs = without_numbers(name)

    assert_same_scores(theirs, build_on_meta(arch(name), head("gap"), SMALL))


def test_a_short_grouped_bottleneck_net_gives_the_same_scores(arch: Build, head: Build) -> None:
    ours = arch("resnext50_32x4d", depth=14, groups=4, width_per_group=32)
    with torch.device("meta"):
        theirs = ResNet(Bottleneck, [1, 1, 1, 1], groups=4, width_per_group=32)

    assert_same_scores(theirs, build_on_meta(ours, head("gap"), SMALL))


def test_a_small_convnext_gives_the_same_scores(arch: Build, head: Build) -> None:
    widths = (8, 16, 32, 64)
    stages = [CNBlockConfig(a, b, 1) for a, b in zip(widths, (*widths[1:], None), strict=True)]
    with torch.device("meta"):
        theirs = ConvNeXt(stages)

    ours = build_on_meta(arch("convnext_tiny", depth=4, width=8), head("gap"), SMALL)
    assert_same_scores(theirs, ours)
    keys = torchvision_key_map(ours, theirs.state_dict())
    assert keys["features.1.0.layer_scale"] == "stage1.block1.body.scale.weight"
    assert keys["features.1.0.block.3.weight"] == "stage1.block1.body.expand.weight"


def test_a_small_densenet_gives_the_same_scores(arch: Build, head: Build) -> None:
    ours = arch("densenet121", depth=21, width=8)
    with torch.device("meta"):
        theirs = DenseNet(growth_rate=8, block_config=ours.layers_per_block(), num_init_features=16)

    assert_same_scores(theirs, build_on_meta(ours, head("gap"), SMALL))


@pytest.mark.parametrize("multiplier", [0.35, 0.5, 1.4])
def test_width_multipliers_of_mobilenet_have_as_many_parameters(
    arch: Build, head: Build, multiplier: float
) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.mobilenet_v2(width_mult=multiplier)

    costs = network_costs(arch("mobilenet_v2", width=32 * multiplier), head("gap"), SMALL)

    assert costs.params == sum(parameter.numel() for parameter in theirs.parameters())


def test_the_mapping_of_resnet_is_the_documented_one(arch: Build, head: Build) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.resnet18()

    keys = torchvision_key_map(build_on_meta(arch("resnet18"), head("gap"), SMALL), theirs.state_dict())

    assert keys["conv1.weight"] == "stem.conv.weight"
    assert keys["bn1.running_var"] == "stem.norm.running_var"
    assert keys["layer2.0.conv1.weight"] == "stage2.block1.add.body.conv1.weight"
    assert keys["layer2.0.downsample.0.weight"] == "stage2.block1.add.shortcut.conv.weight"
    assert keys["fc.bias"] == "linear.bias"


def without_numbers(name: str) -> nn.Module:
    """A network of torchvision for its shapes."""
    # RegNet's width rule is computed with tensors, which need numbers
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        network: nn.Module = torchvision.models.get_model(name, weights=None)
    return network


def assert_same_scores(theirs: nn.Module, ours: nn.Module) -> None:
    """Give both the same random weights and statistics, and hold their scores equal."""
    torch.manual_seed(0)
    theirs, ours = theirs.to_empty(device="cpu").eval(), ours.eval()
    for key, value in theirs.state_dict().items():
        is_scale = key.endswith(("running_var", "layer_scale", ".weight"))
        if value.dim() >= 2 and not key.endswith("layer_scale"):
            nn.init.kaiming_normal_(value)
        elif is_scale:  # one or zero, as they are at first, would show no mix-up
            nn.init.uniform_(value, 0.7, 1.3)
        elif value.is_floating_point():
            nn.init.uniform_(value, -0.1, 0.1)
    loaded = ours.load_state_dict(from_torchvision(ours, theirs.state_dict()), assign=True)
    images = torch.randn(2, 3, SMALL.resolution, SMALL.resolution).double()

    with torch.no_grad():  # in double precision, so that the order of sums does not matter
        expected, scores = theirs.double()(images), ours.double()(images)

    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    assert (expected[0] - expected[1]).abs().max() > 1e-3, "equal scores for any image would show nothing"
    torch.testing.assert_close(scores, expected)


def test_vit_b_16_has_torchvisions_parameters(arch: Build, head: Build) -> None:
    costs = network_costs(arch("vit_b_16"), head("native"), InputShape(3, 224, 1000))

    published = torchvision.models.ViT_B_16_Weights.IMAGENET1K_V1.meta
    assert costs.params == published["num_params"]
    assert round(costs.macs / 1e9, 3) == published["_ops"]


def test_weights_of_a_small_vision_transformer_give_the_same_scores(arch: Build, head: Build) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.VisionTransformer(
        image_size=24, patch_size=8, num_layers=3, num_heads=4, hidden_dim=32, mlp_dim=128, num_classes=7
    ).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():  # zeros and ones would hide a mix-up
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    settings = arch("vit_b_16", depth=3, width=32, head_width=8, patch_size=8)
    ours = build_on_meta(settings, head("native"), InputShape(3, 24, 7)).eval()

    loaded = ours.load_state_dict(from_torchvision(ours, theirs.state_dict()), assign=True)
    images = torch.randn(5, 3, 24, 24)

    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_names_of_vit_b_16_are_all_mapped(arch: Build, head: Build) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16()
    ours = build_on_meta(arch("vit_b_16"), head("native"), InputShape(3, 224, 1000)).state_dict()

    keys = torchvision_key_map(torch.nn.Identity(), theirs.state_dict())

    assert {keys[key]: value.shape for key, value in theirs.state_dict().items()} == {
        key: value.shape for key, value in ours.items()
    }
