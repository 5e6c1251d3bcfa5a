"""A budget decides the width, and says so where something else does too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from torch import nn

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.errors import ConfigError, InfeasibleConfig

Configured = Callable[..., Configuration]
Plain = Callable[..., dict[str, Any]]
BUDGET = ("budget=macs", "budget.target=30e6")


def test_without_a_budget_the_network_is_the_configured_one(configured: Configured) -> None:
    configuration = configured("arch.width=12.5")
    network = configured_network(configuration)

    assert network.arch == configuration.arch
    assert network.budget is None
    assert network.solution is None


def test_a_budget_solves_the_width(configured: Configured) -> None:
    network = configured_network(configured(*BUDGET, "arch.depth=12"))

    assert network.solution is not None
    assert network.arch.width == network.solution.width  # type: ignore[union-attr]
    assert network.costs.macs == network.solution.cost
    assert abs(network.costs.macs / 30e6 - 1) <= 0.02


@pytest.mark.parametrize("cost", ["macs", "params", "conv_params", "activations"])
def test_a_budget_can_be_what_another_network_costs(configured: Configured, cost: str) -> None:
    liked = configured_network(configured("arch.depth=8", "arch.width=24")).costs
    network = configured_network(
        configured("arch.depth=12", "arch.width=24", f"budget={cost}", "budget.like={depth:8}")
    )

    assert network.budget is not None
    assert network.budget.target == getattr(liked, cost)
    assert getattr(network.costs, cost) == pytest.approx(getattr(liked, cost), rel=0.02)


def test_a_network_likened_to_itself_is_itself(configured: Configured) -> None:
    network = configured_network(configured("budget=macs", "budget.like={depth:8,width:16}"))

    assert network.arch == configured("arch.depth=8", "arch.width=16").arch
    assert network.solution is not None
    assert network.solution.residual == 0


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["budget=macs"], "budget=macs needs a number, such as budget.target=30e6"),
        ([*BUDGET, "budget.like={depth:8}"], "both are given"),
        (["budget=params", "budget.target=0"], "budget.target=0 must be more than 0"),
        (["budget=params", "budget.target=-5"], "budget.target=-5 must be more than 0"),
        (["budget.target=3e6"], "budget.target=3000000 would be ignored: budget=none"),
        (["budget.tolerance=0.1"], "budget.tolerance=0.1 would be ignored: budget=none"),
        (["budget.like={depth:8}"], "budget.like={depth: 8} would be ignored: budget=none"),
        ([*BUDGET, "budget.tolerance=null"], "budget.tolerance=null should be a number"),
        ([*BUDGET, "budget.tolerance=1"], "budget.tolerance=1 must be less than 1"),
        ([*BUDGET, "arch=vgg16"], "arch=vgg16 has fixed widths"),
        ([*BUDGET, "arch=lenet", "head=native"], "arch=lenet has fixed widths"),
        ([*BUDGET, "arch.width=8"], "arch.width=8 and budget=macs contradict each other"),
        ([*BUDGET, "experiment=quickstart"], "arch.width=8 and budget=macs contradict each other"),
        ([*BUDGET, "arch.stages=[[1,16]]"], "arch.stages says every block's convolutions and channels"),
        (["arch.width=null"], "arch.width=null is solved from a budget; there is none"),
        (["budget=latency"], "Valid: activations, conv_params, macs, none, params."),
        (["budget=marcs"], "Did you mean 'macs'?"),
        (["budget=macs", "budget.like=8"], "budget.like=8 should be fields of arch"),
        (["budget=macs", "budget.like={depth:8}"], "is missing: it is arch.width or budget.like.width"),
        (["budget=macs", "budget.like={width:8}", "arch.width=8"], "is given twice"),
        (["budget=macs", "budget.like={dept:8,width:8}"], "budget.like.dept. Did you mean 'depth'?"),
        (["budget=macs", "budget.like={stages:[]}"], "budget.like.stages cannot be set"),
        (["budget=macs", "budget.like={depth:2,width:8}"], "budget.like={depth: 2, width: 8}: arch.depth=2"),
    ],
)
def test_budgets_that_cannot_be_meant_are_refused(configured: Configured, line: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_configuration(configured(*line))

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert not isinstance(refusal.value, InfeasibleConfig), "a sweep would skip it in silence"


def test_a_depth_that_cannot_meet_the_budget_is_infeasible(configured: Configured) -> None:
    with pytest.raises(InfeasibleConfig, match="arch.depth=8 cannot cost 2,000,000 MACs"):
        check_configuration(configured("budget=macs", "budget.target=2e6", "arch.depth=8"))


def test_same_budget_and_depth_have_the_same_hash_however_they_are_written(plain: Plain) -> None:
    own = configuration_hash(plain(*BUDGET, "arch.depth=9"))

    assert configuration_hash(plain("arch.depth=9", "budget=macs", "budget.target=30000000")) == own
    assert configuration_hash(plain(*BUDGET, "arch.depth=10")) != own
    assert configuration_hash(plain("budget=params", "budget.target=30e6", "arch.depth=9")) != own


# Fields of `train` that came later and have no effect on what is computed.
NEWER = ("threshold_acc", "cuda_graph", "nproc", "freeze")


def test_a_record_from_before_there_were_budgets_keeps_its_hash(plain: Plain) -> None:
    now = plain()
    before = {key: value for key, value in now.items() if key != "budget"}
    before["train"] = {key: value for key, value in now["train"].items() if key not in NEWER}

    assert configuration_hash(before) == configuration_hash(now)


def widening(channels: int, num_classes: int, width: int, groups: int = 1) -> nn.Module:
    """A network of one's own."""
    convolution = nn.Conv2d(channels, width, 3, padding=1, groups=groups)
    return nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))


def narrowing(channels: int, num_classes: int, width: int) -> nn.Module:
    return widening(channels, num_classes, 25 if width == 15 else width)


OWN = ("arch=custom", f"arch.target={__name__}.widening", "dataset.channels=1")


def test_a_budget_solves_the_named_option_of_a_network_of_ones_own(configured: Configured) -> None:
    line = (*OWN, "arch.scale_by=width")
    network = configured_network(configured(*line, "budget=params", "budget.target=2010"))
    liked = configured_network(configured(*line, "budget=params", "budget.like={width:100}"))

    assert network.arch.options == liked.arch.options == {"width": 100}  # type: ignore[union-attr]
    assert network.solution is not None
    assert (network.solution.width, network.solution.cost, network.costs.params) == (100, 2010, 2010)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ([], "Name it, such as arch.scale_by=width"),
        (
            ["arch.scale_by=width", "+arch.options.width=3"],
            "arch.options.width=3 and budget=params contradict",
        ),
        (["arch.scale_by=widht"], "cannot be called with .channels, num_classes, widht"),
        (["arch.scale_by=width", "arch.options=3"], "arch.options=3 should be keywords"),
        (
            ["arch.scale_by=width", f"arch.target={__name__}.narrowing", "budget.target=330"],
            "never falls as width grows",
        ),
    ],
)
def test_option_that_no_budget_can_solve_is_refused(
    configured: Configured, line: list[str], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        configured_network(configured(*OWN, "budget=params", "budget.target=2010", *line))


@pytest.mark.parametrize(
    ("line", "group", "field"),
    [(OWN, "arch", "scale_by"), (("arch=torchvision",), "arch", "pretrained"), ((), "train", "freeze")],
)
def test_a_record_from_before_a_field_keeps_its_hash(
    plain: Plain, line: tuple[str, ...], group: str, field: str
) -> None:
    now = plain(*line)
    before = {**now, group: {key: value for key, value in now[group].items() if key != field}}

    assert before != now
    assert configuration_hash(before) == configuration_hash(now)
