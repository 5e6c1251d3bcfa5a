"""What holds for every described family: arithmetic equals the built module, and every parameter learns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.conftest import EXAMPLES
from vggsweep.arch.build import build_network, build_on_meta
from vggsweep.arch.counting import count_costs, count_layers
from vggsweep.arch.describe import network_costs, network_layers
from vggsweep.arch.description import InputShape
from vggsweep.arch.families import FAMILIES
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.errors import InfeasibleConfig

Build = Callable[..., Any]


@dataclass(frozen=True)
class Sample:
    """How a family is tried.

    Args:
        option: of ``conf/arch``.
        changes: settings to draw.
        resolutions: pixels that every drawn network takes.
        head: of ``conf/head``.
    """

    option: str
    changes: st.SearchStrategy[dict[str, Any]]
    resolutions: st.SearchStrategy[int]
    head: str = "gap"


ACTIVATIONS = st.sampled_from(["relu", "leaky_relu", "gelu", "silu"])
STEMS = st.sampled_from(["cifar", "imagenet"])
SAMPLES: dict[str, Sample] = {
    "vgg_scaled": Sample(
        "vgg_scaled",
        st.fixed_dictionaries(
            {
                "depth": st.integers(3, 12),
                "width": st.floats(1, 12),
                "num_blocks": st.integers(1, 3),
                "batch_norm": st.booleans(),
                "activation": ACTIVATIONS,
                "channel_multiple": st.sampled_from([1, 4]),
                "residual": st.booleans(),
            }
        ),
        st.integers(8, 40),
    ),
    "resnet_scaled": Sample(
        "resnet_scaled",
        st.builds(
            lambda depth, stages_and_form: {**depth, **stages_and_form},
            st.fixed_dictionaries(
                {
                    "width": st.floats(1, 24),
                    "stem": STEMS,
                    "activation": ACTIVATIONS,
                    "dropout": st.sampled_from([0.0, 0.25]),
                    "groups": st.sampled_from([1, 4]),
                    "width_per_group": st.sampled_from([16, 64, 128]),
                }
            ),
            st.sampled_from(
                [
                    {"num_stages": 3, "depth": 8},
                    {"num_stages": 3, "depth": 14, "shortcut": "padding"},
                    {"num_stages": 4, "depth": 10},
                    {"num_stages": 4, "depth": 14, "block": "bottleneck"},
                    {"num_stages": 3, "depth": 11, "block": "bottleneck", "shortcut": "padding"},
                    {"num_stages": 4, "depth": 20, "form": "preactivation"},
                    {"num_stages": 3, "depth": 11, "form": "preactivation", "block": "bottleneck"},
                    {"num_stages": 3, "depth": 8, "form": "preactivation", "shortcut": "padding"},
                    {"num_stages": 3, "depth": 10, "form": "wide"},
                ]
            ),
        ),
        st.sampled_from([28, 32]),
    ),
    "regnet": Sample(
        "regnet",
        st.fixed_dictionaries(
            {
                "depth": st.integers(1, 12),
                "width": st.floats(4, 40),
                "slope": st.floats(0, 3),
                "step": st.floats(1.5, 3),
                "group_width": st.sampled_from([1, 8, 16]),
                "channel_multiple": st.sampled_from([1, 8]),
                "se_ratio": st.sampled_from([0.0, 0.25]),
                "most_stages": st.integers(1, 4),
                "stem": STEMS,
            }
        ),
        st.integers(16, 40),
    ),
    "densenet": Sample(
        "densenet",
        st.builds(
            lambda changes, depth: {**changes, **depth},
            st.fixed_dictionaries(
                {
                    "width": st.floats(1, 16),
                    "compression": st.floats(0.1, 1),
                    "stem": STEMS,
                    "dropout": st.sampled_from([0.0, 0.25]),
                }
            ),
            st.sampled_from(
                [
                    {"depth": 10},
                    {"depth": 16},
                    {"depth": 10, "bottleneck": False},
                    {"depth": 19, "num_blocks": 4},
                    {"depth": 12, "num_blocks": 4, "bottleneck": False},
                ]
            ),
        ),
        st.integers(32, 40),
    ),
    "mobilenet": Sample(
        "mobilenet",
        st.fixed_dictionaries(
            {
                "depth": st.integers(7, 9),
                "width": st.floats(1, 48),
                "stem": STEMS,
                "channel_multiple": st.sampled_from([1, 8]),
            }
        ),
        st.integers(8, 40),
    ),
    "convnext": Sample(
        "convnext",
        st.fixed_dictionaries(
            {
                "depth": st.integers(4, 9),
                "width": st.floats(1, 16),
                "patch_size": st.integers(1, 3),
                "stochastic_depth": st.sampled_from([0.0, 0.2]),
            }
        ),
        st.integers(24, 40),
    ),
    "nin": Sample(
        "nin",
        st.fixed_dictionaries(
            {
                "depth": st.integers(3, 5),
                "width": st.floats(8, 16),
                "batch_norm": st.booleans(),
                "dropout": st.sampled_from([0.0, 0.5]),
            }
        ),
        st.integers(8, 40),
        head="native",
    ),
    "vit": Sample(
        "vit",
        st.fixed_dictionaries(
            {
                "depth": st.integers(1, 3),
                "width": st.floats(1, 40),
                "head_width": st.integers(1, 16),
                "mlp_ratio": st.floats(0.5, 4),
                "activation": ACTIVATIONS,
                "dropout": st.sampled_from([0.0, 0.1]),
            }
        ),
        st.sampled_from([8, 12, 20, 28]),
        head="native",
    ),
    "described": Sample(
        "described",
        st.fixed_dictionaries({"depth": st.integers(1, 4), "width": st.floats(1, 12)}),
        st.integers(2, 24),
    ),
    "mlp": Sample(
        "mlp",
        st.fixed_dictionaries(
            {
                "depth": st.integers(1, 5),
                "width": st.floats(1, 40),
                "layer_norm": st.booleans(),
                "activation": ACTIVATIONS,
                "dropout": st.sampled_from([0.0, 0.1]),
            }
        ),
        st.integers(1, 12),
        head="native",
    ),
}


def test_every_scaled_family_is_sampled() -> None:
    assert SAMPLES.keys() == {name for name, cls in FAMILIES.items() if issubclass(cls, ScaledFamily)}


@pytest.mark.parametrize("family", SAMPLES)
@settings(max_examples=EXAMPLES // 2)
@given(data=st.data(), expand=st.booleans())
def test_arithmetic_and_the_rows_of_the_summary_equal_the_built_module(
    arch: Build, head: Build, family: str, data: st.DataObject, expand: bool
) -> None:
    sample = SAMPLES[family]
    network, top = arch(sample.option, **data.draw(sample.changes)), head(sample.head)
    shape = InputShape(data.draw(st.integers(1, 3)), data.draw(sample.resolutions), 7)

    costs = network_costs(network, top, shape)
    rows = network_layers(network, top, shape, expand=expand)

    built = build_on_meta(network, top, shape)
    counted = count_costs(built, shape.channels, shape.resolution)
    assert (costs.params, costs.conv_params, costs.macs, costs.activations) == (
        counted.params,
        counted.conv_params,
        counted.macs,
        counted.activations,
    )
    assert [(row.name, row.output_shape, row.macs) for row in rows] == [
        (row.name, row.output_shape, row.macs)
        for row in count_layers(built, shape.channels, shape.resolution, expand=expand)
    ]


@pytest.mark.parametrize("family", SAMPLES)
@settings(max_examples=10)
@given(data=st.data())
def test_gradients_reach_every_parameter(arch: Build, head: Build, family: str, data: st.DataObject) -> None:
    sample = SAMPLES[family]
    network = arch(sample.option, **data.draw(sample.changes))
    shape = InputShape(2, data.draw(sample.resolutions), 5)
    torch.manual_seed(0)
    built = build_network(network, head(sample.head), shape)

    scores = built(torch.randn(4, 2, shape.resolution, shape.resolution))
    nn.functional.cross_entropy(scores, torch.tensor([0, 1, 2, 3])).backward()

    assert scores.shape == (4, 5)
    untouched = [
        name for name, p in built.named_parameters() if p.grad is None or not p.grad.isfinite().all()
    ]
    assert untouched == []
    assert any(p.grad.abs().sum() > 0 for p in built.parameters() if p.grad is not None)


@pytest.mark.parametrize("family", SAMPLES)
@given(data=st.data())
def test_no_cost_falls_as_depth_or_width_grows(
    arch: Build, head: Build, family: str, data: st.DataObject
) -> None:
    sample = SAMPLES[family]
    changes = data.draw(sample.changes)
    shape = InputShape(3, data.draw(sample.resolutions), 10)
    wider = {**changes, "width": changes["width"] + data.draw(st.floats(0, 32))}
    deeper = {**changes, "depth": changes["depth"] + data.draw(st.integers(1, 8))}

    def costs(settings: dict[str, Any]) -> dict[str, int]:
        found = network_costs(arch(sample.option, **settings), head(sample.head), shape)
        return {name: getattr(found, name) for name in ("params", "conv_params", "macs", "activations")}

    base = costs(changes)
    for other in (wider, deeper):
        try:
            grown = costs(other)
        except InfeasibleConfig:  # not every depth is one of the family's
            continue
        assert all(grown[name] >= base[name] for name in base)


def test_every_family_states_its_source() -> None:
    described = [cls for cls in FAMILIES.values() if issubclass(cls, Family)]

    assert all(cls.source for cls in described)
