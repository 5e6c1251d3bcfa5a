"""Costs by arithmetic, held against published figures and against the module that is really built.

Golden numbers: table 2 of Simonyan & Zisserman 2014 (arXiv:1409.1556) in exact form, as torchvision's nets
have them, and the printed shapes of the d2l.ai chapter "Networks Using Blocks (VGG)".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torchvision
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.costs import Costs
from vggsweep.arch.counting import count_costs, count_layers
from vggsweep.arch.describe import network_costs, network_layers, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import ArchSettings
from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import ConfigError

IMAGENET = InputShape(channels=3, resolution=224, num_classes=1000)
CHAPTER = InputShape(channels=1, resolution=224, num_classes=10)
LINEAR_PARAMS = 123_642_856

# option, depth, params, conv_params, GMACs
GOLDEN = [
    ("vgg11", 8, 132_863_336, 9_220_480, 7.609),
    ("vgg_a_lrn", 8, 132_863_336, 9_220_480, 7.609),
    ("vgg13", 10, 133_047_848, 9_404_992, 11.308),
    ("vgg_c", 13, 133_638_952, 9_996_096, 11.771),
    ("vgg16", 13, 138_357_544, 14_714_688, 15.470),
    ("vgg19", 16, 143_667_240, 20_024_384, 19.632),
]

Build = Callable[..., Any]


def by_arithmetic(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> Costs:
    return network_costs(arch, head, shape)


def by_building(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> Costs:
    return count_costs(build_on_meta(arch, head, shape), shape.channels, shape.resolution)


@pytest.mark.parametrize("count", [by_arithmetic, by_building])
@pytest.mark.parametrize(("option", "depth", "params", "conv_params", "gmacs"), GOLDEN)
def test_nets_of_the_paper_cost_what_is_published(
    arch: Build, head: Build, count: Any, option: str, depth: int, params: int, conv_params: int, gmacs: float
) -> None:
    costs = count(arch(option), head("vgg"), IMAGENET)

    assert (costs.params, costs.conv_params, costs.depth, costs.width) == (params, conv_params, depth, 64)
    assert round(costs.macs / 1e9, 3) == gmacs
    assert costs.params - costs.conv_params == LINEAR_PARAMS


@pytest.mark.parametrize("count", [by_arithmetic, by_building])
def test_shallow_net_of_the_paper_is_not_cost_matched_to_net_b(arch: Build, head: Build, count: Any) -> None:
    shallow = count(arch("vgg_shallow5"), head("vgg"), IMAGENET)

    assert (shallow.depth, shallow.conv_params) == (5, 10_860_672)
    assert round((shallow.macs - (LINEAR_PARAMS - 4096 * 2 - 1000)) / 1e9, 3) == 9.232


@pytest.mark.parametrize("name", ["vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg16_bn"])
def test_presets_have_as_many_parameters_as_torchvision_publishes(
    arch: Build, head: Build, name: str
) -> None:
    published = torchvision.models.get_model_weights(name).DEFAULT.meta["num_params"]

    costs = network_costs(
        arch(name.removesuffix("_bn"), batch_norm=name.endswith("_bn")), head("vgg"), IMAGENET
    )

    assert costs.params == published


@pytest.mark.parametrize("count", [by_arithmetic, by_building])
@pytest.mark.parametrize(
    ("option", "resolution", "params", "conv_params", "gmacs"),
    [
        ("vgg_small", 224, 43_093_322, 576_832, 0.512),
        ("vgg_small", 32, 17_927_498, 576_832, 0.027),
        ("vgg11", 224, 128_806_154, None, None),
    ],
)
def test_nets_of_the_chapter_cost_what_is_known(
    arch: Build,
    head: Build,
    count: Any,
    option: str,
    resolution: int,
    params: int,
    conv_params: int | None,
    gmacs: float | None,
) -> None:
    costs = count(arch(option), head("vgg"), InputShape(1, resolution, 10))

    assert costs.params == params
    assert conv_params in (None, costs.conv_params)
    assert gmacs in (None, round(costs.macs / 1e9, 3))


@pytest.mark.parametrize("is_built", [False, True])
def test_vgg11_has_the_shapes_that_the_chapter_prints(arch: Build, head: Build, is_built: bool) -> None:
    if is_built:
        rows = count_layers(build_on_meta(arch("vgg11"), head("vgg"), CHAPTER), 1, 224)
    else:
        rows = network_layers(arch("vgg11"), head("vgg"), CHAPTER)

    assert [(row.type, row.output_shape) for row in rows] == [
        ("Sequential", (1, 64, 112, 112)),
        ("Sequential", (1, 128, 56, 56)),
        ("Sequential", (1, 256, 28, 28)),
        ("Sequential", (1, 512, 14, 14)),
        ("Sequential", (1, 512, 7, 7)),
        ("Flatten", (1, 25088)),
        ("Linear", (1, 4096)),
        ("ReLU", (1, 4096)),
        ("Dropout", (1, 4096)),
        ("Linear", (1, 4096)),
        ("ReLU", (1, 4096)),
        ("Dropout", (1, 4096)),
        ("Linear", (1, 10)),
    ]


def test_nearly_all_parameters_of_the_small_net_sit_in_its_head(arch: Build, head: Build) -> None:
    costs = network_costs(arch("vgg_small"), head("vgg"), CHAPTER)

    assert round(1 - costs.conv_params / costs.params, 3) == 0.987


def test_activations_are_the_outputs_of_all_convolutions(arch: Build, head: Build) -> None:
    # VGG-11: 64·224² + 128·112² + 2·256·56² + 2·512·28² + 2·512·14²
    expected = 64 * 224**2 + 128 * 112**2 + 2 * 256 * 56**2 + 2 * 512 * 28**2 + 2 * 512 * 14**2

    assert network_costs(arch("vgg11"), head("vgg"), IMAGENET).activations == expected


def test_stages_are_one_word_without_kernel_sizes(arch: Build, head: Build) -> None:
    assert network_stages(arch("vgg_small"), head("vgg"), CHAPTER) == "1x16-1x32-2x64-2x128-2x128"
    assert network_stages(arch("lenet"), head("native"), CHAPTER) is None


KERNELS = st.sampled_from([1, 3, 5])


@st.composite
def stage_lists(draw: st.DrawFn) -> list[list[Any]]:
    stages: list[list[Any]] = []
    for _ in range(draw(st.integers(1, 4))):
        count, channels = draw(st.integers(1, 3)), draw(st.integers(1, 24))
        kernels = draw(st.none() | st.lists(KERNELS, min_size=count, max_size=count))
        stages.append([count, channels] if kernels is None else [count, channels, kernels])
    return stages


@given(
    stages=stage_lists(),
    kernel_size=KERNELS,
    batch_norm=st.booleans(),
    local_response_norm=st.booleans(),
    activation=st.sampled_from(["relu", "leaky_relu", "gelu", "silu"]),
    dropout=st.sampled_from([0.0, 0.2]),
    head_name=st.sampled_from(["vgg", "gap"]),
    head_dropout=st.sampled_from([0.0, 0.5]),
    hidden=st.integers(1, 40),
    channels=st.integers(1, 4),
    extra_pixels=st.integers(0, 17),
    num_classes=st.integers(2, 12),
)
def test_arithmetic_equals_the_built_module_layer_by_layer(
    arch: Build,
    head: Build,
    stages: list[list[Any]],
    kernel_size: int,
    batch_norm: bool,
    local_response_norm: bool,
    activation: str,
    dropout: float,
    head_name: str,
    head_dropout: float,
    hidden: int,
    channels: int,
    extra_pixels: int,
    num_classes: int,
) -> None:
    network = arch(
        "vgg_small",
        stages=stages,
        kernel_size=kernel_size,
        batch_norm=batch_norm,
        local_response_norm=local_response_norm,
        activation=activation,
        dropout=dropout,
    )
    top = head(head_name, dropout=head_dropout, hidden=hidden if head_name == "vgg" else None)
    shape = InputShape(channels, 2 ** len(stages) + extra_pixels, num_classes)
    built = build_on_meta(network, top, shape)

    assert network_costs(network, top, shape) == count_costs(built, channels, shape.resolution)
    for expand in (False, True):
        rows = network_layers(network, top, shape, expand=expand)
        assert rows == count_layers(built, channels, shape.resolution, expand=expand)
        assert sum(row.params for row in rows) == network_costs(network, top, shape).params
        assert sum(row.macs for row in rows) == network_costs(network, top, shape).macs


@given(
    depth=st.integers(4, 16),
    width=st.floats(1, 64),
    wider=st.floats(0, 64),
    num_blocks=st.integers(1, 4),
    multiple=st.sampled_from([1, 8]),
)
def test_no_cost_falls_as_width_or_depth_grows(
    arch: Build, head: Build, depth: int, width: float, wider: float, num_blocks: int, multiple: int
) -> None:
    def costs(depth: int, width: float) -> Costs:
        network: ScaledVgg = arch(depth=depth, width=width, num_blocks=num_blocks, channel_multiple=multiple)
        return network_costs(network, head("gap"), InputShape(1, 32, 10))

    def is_no_less(one: Costs, other: Costs) -> bool:
        return all(
            getattr(one, name) >= getattr(other, name)
            for name in ("params", "conv_params", "macs", "activations")
        )

    assert is_no_less(costs(depth, width + wider), costs(depth, width))
    assert is_no_less(costs(depth + 1, width), costs(depth, width))


def test_counting_on_meta_leaves_the_training_mode_and_the_weights_alone(arch: Build, head: Build) -> None:
    network = build_on_meta(arch(), head("gap"), InputShape(1, 32, 10)).train()

    count_costs(network, 1, 32)
    count_layers(network, 1, 32)

    assert network.training
    assert all(not module._forward_hooks for module in network.modules())


def test_native_head_is_refused_for_a_vgg_type_network(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="head=native belongs to networks with a head of their own"):
        network_costs(arch("vgg11"), head("native"), IMAGENET)
