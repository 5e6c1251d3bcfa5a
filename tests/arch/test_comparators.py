"""Networks of other families: any channels and classes, published sizes, honest refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from torch import nn

from vggsweep.arch.build import build_network, build_on_meta, runs_at
from vggsweep.arch.counting import count_costs, count_layers
from vggsweep.arch.describe import check_network, network_costs
from vggsweep.arch.description import InputShape
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
NAMES = ["resnet18", "mobilenet_v2", "googlenet", "squeezenet1_1", "vit_b_16", "inception_v3"]


def torchvision_arch(arch: Build, name: str) -> Any:
    return arch("torchvision", name=name)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("option", "resolution"), [("alexnet", 224), ("lenet", 28), ("torchvision", 32), ("torchvision", 224)]
)
def test_comparators_take_any_number_of_channels_and_classes(
    arch: Build, head: Build, option: str, resolution: int, channels: int
) -> None:
    network = build_network(arch(option), head("native"), InputShape(channels, resolution, 7)).eval()

    with torch.no_grad():
        scores = network(torch.zeros(2, channels, resolution, resolution))

    assert scores.shape == (2, 7)
    assert bool(scores.isfinite().all())


@pytest.mark.parametrize("name", NAMES)
def test_torchvision_classifiers_are_adapted_on_their_first_convolution_alone(
    arch: Build, head: Build, name: str
) -> None:
    extra = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    with torch.device("meta"):
        published = torchvision.models.get_model(name, num_classes=10, **extra).state_dict()

    for channels, expected in ((1, 1), (3, 0)):
        shape = InputShape(channels, 224, 10)
        network = build_on_meta(torchvision_arch(arch, name), head("native"), shape)
        state = network.state_dict()
        differing = {key for key, value in published.items() if state[key].shape != value.shape}
        assert count_costs(network, channels, 224).width > 0
        assert state.keys() == published.keys()
        assert len(differing) == expected


@pytest.mark.parametrize(
    ("name", "channels"), [("resnet18", 1), ("resnet18", 3), ("mobilenet_v2", 1), ("googlenet", 1)]
)
def test_training_mode_gives_plain_scores_and_gradients(
    arch: Build, head: Build, name: str, channels: int
) -> None:
    network = build_network(torchvision_arch(arch, name), head("native"), InputShape(channels, 64, 4)).train()

    scores = network(torch.randn(2, channels, 64, 64))
    nn.functional.cross_entropy(scores, torch.tensor([0, 3])).backward()

    assert scores.shape == (2, 4)
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    assert first.weight.grad is not None
    assert bool(first.weight.grad.abs().sum() > 0)


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "mobilenet_v2", "densenet121", "googlenet"])
def test_parameters_and_macs_are_those_that_torchvision_publishes(
    arch: Build, head: Build, name: str
) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta

    costs = network_costs(torchvision_arch(arch, name), head("native"), InputShape(3, 224, 1000))

    assert costs.params == published["num_params"]
    # torchvision's _ops are multiply-adds in units of 1e9, of everything that fvcore counts
    assert costs.macs / 1e9 == pytest.approx(published["_ops"], rel=0.01, abs=0.002)


def test_lenet_is_lecuns(arch: Build, head: Build) -> None:
    # LeNet-5 on 28-px digits: 61,706 parameters with 6 and 16 maps and layers of 120, 84 and 10 units
    costs = network_costs(arch("lenet"), head("native"), InputShape(1, 28, 10))

    assert (costs.params, costs.depth, costs.width) == (61_706, 2, 6)


def test_alexnet_has_the_shapes_that_the_chapter_on_it_prints(arch: Build, head: Build) -> None:
    network = build_on_meta(arch("alexnet"), head("native"), InputShape(1, 224, 10))

    shapes = {row.name: row.output_shape for row in count_layers(network, 1, 224)}

    assert shapes["conv1"] == (1, 96, 54, 54)
    assert shapes["pool1"] == (1, 96, 26, 26)
    assert shapes["conv2"] == (1, 256, 26, 26)
    assert shapes["pool2"] == (1, 256, 12, 12)
    assert shapes["conv5"] == (1, 256, 12, 12)
    assert shapes["pool5"] == (1, 256, 5, 5)
    assert shapes["flatten"] == (1, 6400)
    assert shapes["linear3"] == (1, 10)


@pytest.mark.parametrize(
    ("option", "name", "too_small", "works"),
    [
        ("alexnet", "alexnet", 32, 65),
        ("lenet", "lenet", 8, 12),
        ("torchvision", "alexnet", 32, 64),
        ("torchvision", "inception_v3", 64, 96),
        ("torchvision", "vit_b_16", 32, 224),
    ],
)
def test_too_small_a_resolution_names_one_that_works(
    arch: Build, head: Build, option: str, name: str, too_small: int, works: int
) -> None:
    network = arch(option) if option != "torchvision" else torchvision_arch(arch, name)

    with pytest.raises(InfeasibleConfig) as refusal:
        check_network(network, head("native"), InputShape(3, too_small, 10))

    assert f"dataset.resolution={too_small} is too small for {name}" in str(refusal.value)
    assert f"dataset.resolution={works}." in str(refusal.value)
    assert runs_at(network, InputShape(3, too_small, 10), works)


def test_resolution_that_is_too_large_for_a_fixed_size_network_is_not_called_too_small(
    arch: Build, head: Build
) -> None:
    with pytest.raises(InfeasibleConfig, match="dataset.resolution=256 does not fit vit_b_16") as refusal:
        check_network(torchvision_arch(arch, "vit_b_16"), head("native"), InputShape(3, 256, 10))

    assert "dataset.resolution=224." in str(refusal.value)


def test_another_head_would_be_ignored_and_is_refused(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="head=gap would be ignored: arch=lenet has a head of its own"):
        check_network(arch("lenet"), head("gap"), InputShape(1, 28, 10))


@pytest.mark.parametrize(
    ("word", "near"), [("resnet81", "resnet18"), ("mobilnet_v2", "mobilenet_v2"), ("fcn_resnet50", None)]
)
def test_unknown_torchvision_name_is_refused_with_the_near_match(
    arch: Build, head: Build, word: str, near: str | None
) -> None:
    with pytest.raises(ConfigError, match=f"arch.name={word} is not a torchvision classifier") as refusal:
        check_network(torchvision_arch(arch, word), head("native"), InputShape(3, 64, 10))

    assert near is None or f"Did you mean '{near}'?" in str(refusal.value)
