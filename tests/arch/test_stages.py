"""Plans: which stages, heads and resolutions are refused, and what the refusal says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.arch.describe import check_network, network_costs, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.arch.families.vgg import Block, read_stages
from vggsweep.arch.family import described
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
SHAPE = InputShape(1, 32, 10)


def test_stages_override_depth_width_and_blocks(arch: Build, head: Build) -> None:
    network = arch(depth=12, width=64, stages=[[1, 16], [2, 32]])
    costs = network_costs(network, head("gap"), SHAPE)

    assert (costs.depth, costs.width) == (3, 16)
    assert network_stages(network, head("gap"), SHAPE) == "1x16-2x32"


@pytest.mark.parametrize(
    ("depth", "num_blocks", "width", "stages"),
    [(8, 5, 64, "1x64-1x128-2x256-2x512-2x512"), (16, 5, 16, "2x16-2x32-4x64-4x128-4x128")],
)
def test_depth_and_width_are_two_dials(
    arch: Build, head: Build, depth: int, num_blocks: int, width: int, stages: str
) -> None:
    network = described(arch(depth=depth, num_blocks=num_blocks, width=width), head("gap"), SHAPE)

    assert (network.depth, network.width, network.stages) == (depth, width, stages)


def test_stages_may_name_the_kernel_size_of_each_convolution() -> None:
    assert read_stages(((1, 16), (2, 32, (3, 1))), kernel_size=5) == (
        Block(16, (5,)),
        Block(32, (3, 1)),
    )


@pytest.mark.parametrize(
    ("stages", "told"),
    [
        (3, "arch.stages=3 should be a list"),
        ("1x16", "arch.stages=1x16 should be a list"),
        ([], "arch.stages=[] should be a list"),
        ({"depth": 3}, "should be a list such as [[1,16],[2,32]]"),
        ([[1, 16], 4], "arch.stages[1]=4 should be [num_convs, channels]"),
        ([[1, 16], [2]], "arch.stages[1]=[2] should be [num_convs, channels]"),
        ([[1, 16, [3], 1]], "arch.stages[0]=[1,16,[3],1] should be"),
        ([[0, 16]], "arch.stages[0]=[0,16] should hold whole numbers of at least 1"),
        ([[1, -16]], "arch.stages[0]=[1,-16] should hold whole numbers"),
        ([[1, 16.5]], "arch.stages[0]=[1,16.5] should hold whole numbers"),
        ([[True, 16]], "arch.stages[0]=[True,16] should hold whole numbers"),
        ([["a", 16]], "arch.stages[0]=[a,16] should hold whole numbers"),
        ([[None, 16]], "should hold whole numbers"),
        ([[1, 16, 3]], "arch.stages[0]=[1,16,3] should name its kernel sizes as a list"),
        ([[1, 16, "3"]], "should name its kernel sizes as a list"),
        ([[1, 16, [3, 3]]], "names 2 kernel sizes for 1 convolutions"),
        ([[1, 16, [2]]], "has an even kernel; only odd kernels keep the resolution"),
        ([[1, 16, ["x"]]], "should hold whole numbers"),
    ],
)
def test_stages_that_do_not_read_are_refused_with_their_place(
    arch: Build, head: Build, stages: Any, told: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_network(arch(stages=stages), head("gap"), SHAPE)

    assert told in str(refusal.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 40) | st.floats() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=4),
        max_leaves=12,
    )
)
def test_any_stages_are_either_read_or_refused_with_their_place(stages: Any) -> None:
    blocks: tuple[Block, ...] = ()
    refusal = None
    try:
        blocks = read_stages(stages, 3)
    except ConfigError as error:
        refusal = str(error)

    assert refusal is None or "arch.stages" in refusal
    assert bool(blocks) == (refusal is None)
    assert all(block.channels >= 1 and block.kernels for block in blocks)


def test_missing_stages_are_refused_for_a_preset(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="arch.stages is missing for vgg11"):
        check_network(arch("vgg11", stages=None), head("vgg"), SHAPE)


def test_even_kernels_are_refused_with_the_next_odd_one(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match=r"arch.kernel_size=4 is even; .* Try arch.kernel_size=5"):
        check_network(arch(kernel_size=4), head("gap"), SHAPE)


@pytest.mark.parametrize(("num_blocks", "smallest"), [(1, 2), (4, 16), (5, 32), (6, 64)])
def test_resolution_that_the_pools_exhaust_is_infeasible_and_the_smallest_is_named(
    arch: Build, head: Build, num_blocks: int, smallest: int
) -> None:
    network = arch(depth=num_blocks, num_blocks=num_blocks)

    with pytest.raises(InfeasibleConfig, match=f"smallest that works is dataset.resolution={smallest}"):
        check_network(network, head("gap"), InputShape(1, smallest - 1, 10))
    check_network(network, head("gap"), InputShape(1, smallest, 10))


def test_vgg_head_without_hidden_units_and_gap_head_with_them_are_refused(arch: Build, head: Build) -> None:
    with pytest.raises(ConfigError, match="head.hidden=null does not fit head=vgg"):
        check_network(arch(), head("vgg", hidden=None), SHAPE)
    with pytest.raises(ConfigError, match="head.hidden=64 does not fit head=gap"):
        check_network(arch(), head("gap", hidden=64), SHAPE)
