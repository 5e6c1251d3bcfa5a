"""Layers written in YAML: what a list means, and every fault with its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.arch.budget import Budget, solve_width
from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import Concat, InputShape, Residual, Sequence
from vggsweep.arch.expressions import evaluate
from vggsweep.arch.layers import Act, Conv, Flatten, Linear, Norm
from vggsweep.arch.written import read_layers
from vggsweep.errors import ConfigError, InfeasibleConfig

Build = Callable[..., Any]
NAMES = {"depth": 3, "width": 8.0, "classes": 5}


def layers(text: str, **names: float) -> Sequence:
    return read_layers(yaml.safe_load(text), {**NAMES, **names}, "arch.layers")


def test_list_means_the_layers_that_it_names() -> None:
    assert layers(
        """
        - {conv: {out: width, kernel: 5}, name: stem}
        - norm
        - act: gelu
        - conv: 2 * (width + 1) // 3
        - conv: 4
        - residual: {body: [{conv: 4}], shortcut: [{conv: {out: 4, kernel: 1}}]}
        - concat: [{act: relu}]
        - repeat: depth - 1
          layers: [{conv: width * (i + 1)}]
        - flatten
        - linear: classes
        """
    ) == Sequence.of(
        stem=Conv(8, 5),
        norm1=Norm(),
        act1=Act("gelu"),
        conv1=Conv(6),
        conv2=Conv(4),
        residual1=Residual(Sequence.of(conv1=Conv(4)), Sequence.of(conv1=Conv(4, 1))),
        concat1=Concat(Sequence.of(act1=Act())),
        block1=Sequence.of(conv1=Conv(8)),
        block2=Sequence.of(conv1=Conv(16)),
        flatten1=Flatten(),
        linear1=Linear(5),
    )


def test_channels_are_rounded_to_at_least_one() -> None:
    assert layers("[{conv: width}, {conv: 3 * width}]", width=0.2) == Sequence.of(
        conv1=Conv(1), conv2=Conv(1)
    )
    assert layers("[{conv: width}, {conv: 3 * width}]", width=2.5) == Sequence.of(
        conv1=Conv(3), conv2=Conv(8)
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "arch.layers should be a list of layers"),
        ("[{act: relu}, {cnov: 3}]", r"arch.layers\[1\].cnov: there is no such layer. Did you"),
        (
            "[{act: relu}, {norm: batch}, {conv: {out: 'widht'}}]",
            r"arch.layers\[2\].conv.out=widht: there is no 'widht' here. Did you mean 'width'",
        ),
        ("[{conv: {kernel: 3}}]", r"arch.layers\[0\].conv.out is missing"),
        (
            "[{conv: {out: 3, kernal: 3}}]",
            r"Unknown field arch.layers\[0\].conv.kernal. Did you mean 'kernel'",
        ),
        (
            "[{conv: 3, kernel: 5}]",
            r"arch.layers\[0\] should name one layer.*conv, kernel.*braces of their own",
        ),
        (
            "[{conv: __import__('os')}]",
            r"conv.out=__import__\('os'\) should be a number, or numbers and names",
        ),
        ("[{conv: width ** 9}]", "should be a number, or numbers and names"),
        ("[{conv: width / 2}]", r"with \+ - \* //"),
        ("[{conv: width // 0}]", "divides by zero"),
        ("[{conv: width.real}]", "should be a number"),
        ("[{act: rellu}]", r"arch.layers\[0\].act.kind=rellu is not a choice. Did you mean 'relu'"),
        ("[{flatten: 3}]", "takes no argument; write flatten alone"),
        ("[{repeat: 2}]", r"arch.layers\[0\].layers should be a list"),
        (
            "[{repeat: width - 1, layers: [{conv: a}]}]",
            r"arch.layers\[0\].layers\[0\].conv.out=a: there is no 'a'",
        ),
        ("[{repeat: 0.5 * depth, layers: [flatten]}]", "is 1.5 here; it should be a whole number"),
        ("[{residual: {shortcut: [flatten]}}]", "residual.body is missing"),
        (
            "[{residual: {body: [flatten], short: 1}}]",
            "Unknown field .*residual.short. Did you mean 'shortcut'",
        ),
        ("[{conv: 3, name: a.b}]", r"arch.layers\[0\].name=a.b should be a word"),
        ("[{conv: 3, name: a}, {act: relu, name: a}]", "two layers called a"),
        ("[3]", r"arch.layers\[0\]=3 should be a layer"),
    ],
)
def test_fault_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        layers(text)


@pytest.mark.parametrize("text", ["[{repeat: depth - 4, layers: [flatten]}]", "[{conv: width - 8}]"])
def test_number_that_some_dials_make_impossible_is_infeasible(text: str) -> None:
    with pytest.raises(InfeasibleConfig, match="at depth=3, width=8"):
        layers(text)


@given(st.text(max_size=30))
def test_no_text_does_anything_but_give_a_number_or_a_refusal(text: str) -> None:
    try:
        value = evaluate(text, NAMES, "here")
    except ConfigError:
        return
    assert isinstance(value, (int, float))


def test_dials_that_no_expression_names_are_idle(arch: Build) -> None:
    assert not arch("described").idle_fields()
    assert arch("described", layers=[{"conv": "2*width"}]).idle_fields() == {
        "depth": "arch.layers does not name depth"
    }


def test_list_may_end_with_scores_of_its_own(arch: Build, head: Build) -> None:
    own = [{"conv": "width"}, "flatten", {"linear": "classes"}]
    costs = network_costs(arch("described", layers=own), head("native"), InputShape(1, 4, 3))
    assert costs.params == 16 * 10 + 3 * (16 * 16 + 1)
    with pytest.raises(ConfigError, match="answers one image with 16 x 4 x 4 numbers; 3 class scores"):
        network_costs(arch("described", layers=own[:1]), head("native"), InputShape(1, 4, 3))


def test_width_of_a_written_family_meets_a_budget(arch: Build, head: Build) -> None:
    shape = InputShape(1, 28, 10)
    for depth in range(1, 9):
        solution = solve_width(
            arch("described", depth=depth, width=None), head("gap"), Budget("macs", 30e6, 0.05), shape
        )
        assert abs(solution.residual) <= 0.05
