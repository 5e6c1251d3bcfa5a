"""The order and the names of the layers: one list that both the module and the arithmetic follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from vggsweep.arch.plan import NetworkPlan

Kind = Literal["conv", "norm", "lrn", "activation", "pool", "dropout", "gap", "flatten", "linear"]

ACTIVATION_TYPES = {"relu": "ReLU", "leaky_relu": "LeakyReLU", "gelu": "GELU", "silu": "SiLU"}
# max-pooling commutes with a function that never falls: relu(pool(x)) == pool(relu(x)), and pooling
# first leaves a quarter of the activation's work.
MONOTONE = {"relu", "leaky_relu"}


@dataclass(frozen=True)
class Layer:
    """One child of a block or of the head.

    Args:
        name: attribute name in the module, such as ``conv1``; state-dict keys start with it.
        kind: what it is.
        type: class name in `torch.nn`.
        number: which of its kind in the block, from 1.
        features: outputs of a linear layer.
    """

    name: str
    kind: Kind
    type: str
    number: int = 0
    features: int = 0


def block_layout(plan: NetworkPlan, index: int) -> Iterator[Layer]:
    """The layers of block ``index`` (from 0): convolutions with norm and activation, one pool."""
    activation = ACTIVATION_TYPES[plan.activation]
    last = len(plan.blocks[index].kernels)
    for number in range(1, last + 1):
        yield Layer(f"conv{number}", "conv", "Conv2d", number)
        if plan.batch_norm:
            yield Layer(f"norm{number}", "norm", "BatchNorm2d", number)
        # After the activation in the paper's net A-LRN, as in AlexNet, so nothing may be swapped there.
        is_lrn_here = plan.local_response_norm and index == 0 and number == 1
        act = Layer(f"act{number}", "activation", activation, number)
        if number == last and plan.activation in MONOTONE and not is_lrn_here:
            yield Layer("pool", "pool", "MaxPool2d")
            yield act
            break
        yield act
        if is_lrn_here:
            yield Layer("lrn", "lrn", "LocalResponseNorm")
        if number == last:
            yield Layer("pool", "pool", "MaxPool2d")
    if plan.dropout > 0:
        yield Layer("dropout", "dropout", "Dropout")


def head_layout(plan: NetworkPlan) -> Iterator[Layer]:
    """The layers of the head, children of the network itself."""
    if plan.head.name == "gap":
        yield Layer("gap", "gap", "AdaptiveAvgPool2d")
        yield Layer("flatten", "flatten", "Flatten")
        if plan.head.dropout > 0:
            yield Layer("dropout", "dropout", "Dropout")
        yield Layer("linear", "linear", "Linear", features=plan.num_classes)
        return
    assert plan.head.hidden is not None, plan.head
    yield Layer("flatten", "flatten", "Flatten")
    for number in (1, 2):
        yield Layer(f"linear{number}", "linear", "Linear", number, plan.head.hidden)
        yield Layer(f"relu{number}", "activation", "ReLU", number)
        yield Layer(f"dropout{number}", "dropout", "Dropout", number)
    yield Layer("linear3", "linear", "Linear", 3, plan.num_classes)
