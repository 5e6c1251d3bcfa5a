"""Every family meets a budget at nearly every one of its depths, by its width alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from vggsweep.arch.budget import Budget, CostName, solve_width
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape
from vggsweep.errors import InfeasibleConfig

Build = Callable[..., Any]
CIFAR = InputShape(channels=3, resolution=32, num_classes=10)
DEPTHS: dict[str, Iterable[int]] = {
    "resnet_scaled": range(8, 57, 6),
    "regnet": range(4, 25),
    "densenet": range(10, 101, 6),
    "mobilenet": range(7, 25),
    "convnext": range(4, 25),
    "nin": range(3, 10),
}
TARGETS: dict[CostName, float] = {"macs": 1e8, "params": 1e6, "conv_params": 1e6, "activations": 5e5}


@pytest.mark.parametrize("family", DEPTHS)
def test_budget_is_met_within_two_percent_at_nearly_every_depth(
    arch: Build, head: Build, family: str
) -> None:
    top = head("native" if family == "nin" else "gap")
    missed, tried = [], 0
    for depth in DEPTHS[family]:
        network = arch(family, depth=depth, width=None)
        for cost, target in TARGETS.items():
            tried += 1
            try:
                solution = solve_width(network, top, Budget(cost, target, tolerance=0.02), CIFAR)
            except InfeasibleConfig as error:
                missed.append(str(error))
                continue
            costs = network_costs(network.at_width(solution.width), top, CIFAR)
            assert abs(getattr(costs, cost) / target - 1) <= 0.02

    assert len(missed) <= 0.05 * tried, missed
