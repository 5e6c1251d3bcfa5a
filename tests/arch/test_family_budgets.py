"""Every family meets a budget at nearly every one of its depths, by its width alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from vggsweep.arch.budget import Budget, CostName, solve_width
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
CIFAR = InputShape(channels=3, resolution=32, num_classes=10)
DEPTHS: dict[str, Iterable[int]] = {
    "vgg_scaled": range(5, 41, 2),
    "resnet_scaled": range(8, 57, 6),
    "regnet": range(4, 41),
    "densenet": range(10, 101, 6),
    "mobilenet": range(7, 41),
    "convnext": range(4, 41, 2),
    "nin": range(3, 21),
    "vit": range(1, 25, 2),
    "mlp": range(1, 25, 2),
}
HEADS = {"nin": "native", "vit": "native", "mlp": "native"}
TARGETS: dict[CostName, float] = {"macs": 1e8, "params": 1e6, "conv_params": 1e6, "activations": 5e5}


@pytest.mark.parametrize("family", DEPTHS)
def test_each_budget_is_met_within_two_percent_at_nearly_every_depth(
    arch: Build, head: Build, family: str
) -> None:
    top = head(HEADS.get(family, "gap"))
    missed: dict[CostName, list[str]] = {cost: [] for cost in TARGETS if cost not in arch(family).unbudgeted}
    for cost, refusals in missed.items():
        for depth in DEPTHS[family]:
            network = arch(family, depth=depth, width=None)
            try:
                solution = solve_width(network, top, Budget(cost, TARGETS[cost], tolerance=0.02), CIFAR)
            except InfeasibleConfig as error:
                refusals.append(str(error))
                continue
            costs = network_costs(network.at_width(solution.width), top, CIFAR)
            assert abs(getattr(costs, cost) / TARGETS[cost] - 1) <= 0.02

    for refusals in missed.values():
        assert len(refusals) <= 0.05 * len(list(DEPTHS[family])), refusals


@pytest.mark.parametrize(
    ("family", "reason"), [("vit", "its only convolution cuts the patches"), ("mlp", "it has no convolution")]
)
@pytest.mark.parametrize("cost", ["conv_params", "activations"])
def test_cost_that_says_nothing_of_a_family_is_no_budget_of_it(
    arch: Build, head: Build, family: str, reason: str, cost: CostName
) -> None:
    with pytest.raises(
        ConfigError, match=f"budget={cost} says nothing of arch={family}: {reason}"
    ) as refusal:
        solve_width(arch(family, width=None), head("native"), Budget(cost, 1e4), CIFAR)

    assert str(refusal.value).endswith("Use budget=macs or budget=params.")
    assert not isinstance(refusal.value, InfeasibleConfig)
