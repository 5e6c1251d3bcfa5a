"""Equal cost by construction, held against the module that is built and against a search of every step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vggsweep.arch.budget import Budget, CostName, Solution, nearest_width, solve_width
from vggsweep.arch.build import build_on_meta
from vggsweep.arch.counting import count_costs
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.arch.scaling import block_channels
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import ConfigError, InfeasibleConfig

SHAPE = InputShape(channels=1, resolution=32, num_classes=10)
TARGETS: dict[CostName, tuple[float, float, float]] = {
    "macs": (2e6, 8e6, 30e6),
    "params": (60e3, 300e3, 2e6),
    "conv_params": (60e3, 300e3, 2e6),
    "activations": (20e3, 60e3, 200e3),
}
Build = Callable[..., ScaledVgg]
BuildHead = Callable[..., HeadSettings]


def solved(arch: ScaledVgg, head: HeadSettings, budget: Budget, shape: InputShape = SHAPE) -> Solution:
    return solve_width(arch, head, budget, shape)


def counted(arch: ScaledVgg, head: HeadSettings, cost: CostName, width: float) -> int:
    found: int = getattr(network_costs(replace(arch, width=width), head, SHAPE), cost)
    return found


@pytest.mark.parametrize(
    ("cost", "target"), [(cost, target) for cost, targets in TARGETS.items() for target in targets]
)
def test_built_networks_of_every_depth_cost_the_target_or_are_declared_infeasible(
    arch: Build, head: BuildHead, cost: CostName, target: float
) -> None:
    feasible = 0
    for depth in range(5, 17):
        network = arch(depth=depth, width=None)
        try:
            solution = solved(network, head("gap"), Budget(cost, target))
        except InfeasibleConfig as refusal:
            told = str(refusal)
            assert f"arch.depth={depth} cannot cost" in told
            assert "the nearest reachable is" in told
            # No network of the family is nearer: every step within a tenth of the target is counted.
            assert all(abs(c / target - 1) > 0.02 for c in every_cost(network, head("gap"), cost, target))
            continue
        feasible += 1
        built = build_on_meta(replace(network, width=solution.width), head("gap"), SHAPE)
        costs = count_costs(built, SHAPE.channels, SHAPE.resolution)
        assert abs(getattr(costs, cost) / target - 1) <= 0.02
        assert getattr(costs, cost) == solution.cost
        assert solution.residual == pytest.approx(solution.cost / target - 1)
        assert costs.depth == depth
    assert feasible >= 8


def every_cost(network: ScaledVgg, head: HeadSettings, cost: CostName, target: float) -> list[int]:
    """The cost at each step of a sixteenth, from nothing to well beyond the target."""
    costs, step = [0], 0
    while costs[-1] < 1.1 * target:
        costs.append(counted(network, head, cost, (step + 0.5) / 16))
        step += 1
    return costs[1:]


@settings(max_examples=15, deadline=None)
@given(
    depth=st.integers(2, 12),
    num_blocks=st.integers(1, 5),
    kernel_size=st.sampled_from([1, 3, 5]),
    multiple=st.sampled_from([1, 2, 8]),
    cost=st.sampled_from(list(TARGETS)),
    scale=st.floats(0.001, 1.0),
)
def test_no_step_lies_nearer_than_the_one_found(
    arch: Build,
    head: BuildHead,
    depth: int,
    num_blocks: int,
    kernel_size: int,
    multiple: int,
    cost: CostName,
    scale: float,
) -> None:
    network = arch(
        depth=max(depth, num_blocks),
        num_blocks=num_blocks,
        kernel_size=kernel_size,
        channel_multiple=multiple,
        width=None,
    )

    def cost_at(width: float) -> int:
        return counted(network, head("gap"), cost, width)

    target = scale * cost_at(8.0 * multiple)
    width = nearest_width(cost_at, target, multiple)

    # A finer grid than the rounding's own, so that a step which the search does not know would show.
    found = {cost_at(multiple * step / 19) for step in range(1, 19 * 9)}
    assert abs(cost_at(width) - target) == min(abs(one - target) for one in found)


@given(st.integers(1, 6), st.sampled_from([1, 2, 8]), st.integers(2, 40))
def test_a_network_of_a_whole_width_is_found_again_at_that_width(
    num_blocks: int, multiple: int, width: int
) -> None:
    def cost_at(width: float) -> int:
        return sum(block_channels(width, num_blocks, multiple))

    assert nearest_width(cost_at, cost_at(width * multiple), multiple) == width * multiple


@given(st.floats(10, 1e7), st.floats(1, 2))
def test_width_never_falls_as_the_target_grows(target: float, factor: float) -> None:
    def cost_at(width: float) -> int:
        return sum(channels**2 for channels in block_channels(width, 4))

    assert nearest_width(cost_at, target) <= nearest_width(cost_at, factor * target)


@pytest.mark.parametrize("cost", TARGETS)
def test_a_deeper_network_is_narrower_where_each_layer_costs_alike(
    arch: Build, head: BuildHead, cost: CostName
) -> None:
    budget = Budget(cost, TARGETS[cost][2])
    # Whole rounds of one more convolution in each of two late blocks: 1-1-1-1, 1-1-2-2, 2-2-3-3.
    widths = [solved(arch(depth=depth, width=None), head("gap"), budget).width for depth in (4, 6, 10, 14)]

    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == len(widths)


def test_of_two_equally_near_costs_the_cheaper_is_taken() -> None:
    assert block_channels(nearest_width(lambda width: block_channels(width, 1)[0], 7.5), 1) == (7,)


def test_a_target_below_the_smallest_network_names_what_the_smallest_costs(
    arch: Build, head: BuildHead
) -> None:
    with pytest.raises(InfeasibleConfig) as refusal:
        solved(arch(width=None), head("gap"), Budget("macs", 1000))

    smallest = counted(arch(width=None), head("gap"), "macs", 1e-9)
    assert f"the nearest reachable is {smallest:,}" in str(refusal.value)
    assert "arch.depth=8 cannot cost 1,000 MACs" in str(refusal.value)


def test_tolerance_decides_what_is_infeasible(arch: Build, head: BuildHead) -> None:
    network = arch(depth=8, channel_multiple=8, width=None)

    with pytest.raises(InfeasibleConfig, match="further than budget.tolerance=0.02"):
        solved(network, head("gap"), Budget("macs", 8e6))
    assert abs(solved(network, head("gap"), Budget("macs", 8e6, tolerance=0.5)).residual) > 0.02


def test_the_width_given_before_does_not_matter(arch: Build, head: BuildHead) -> None:
    budget = Budget("params", 300e3)

    assert solved(arch(width=3), head("gap"), budget) == solved(arch(width=None), head("gap"), budget)


def test_cost_that_falls_beside_the_width_is_told() -> None:
    with pytest.raises(ConfigError, match="never falls as width grows; here it falls near 20"):
        nearest_width(lambda width: 30 if 19 < width < 20 else int(width), 20)
