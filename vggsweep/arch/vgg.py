"""The VGG module: a plan turned into `torch.nn` layers.

network                block1 … blockN, then the head's layers, in one nn.Sequential
blockI                 conv1 [norm1] act1 conv2 … pool: names as in `vggsweep.arch.layout`
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from vggsweep.arch.dropout import Dropout
from vggsweep.arch.layout import Layer, block_layout, head_layout
from vggsweep.arch.plan import NetworkPlan

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "leaky_relu": lambda: nn.LeakyReLU(0.1, inplace=True),
    "gelu": nn.GELU,
    "silu": lambda: nn.SiLU(inplace=True),
}


def build_vgg(plan: NetworkPlan) -> nn.Sequential:
    """The module of a plan, weights drawn by torch's defaults.

    Returns:
        A network from (N, channels, resolution, resolution) to (N, num_classes) scores.
    """
    children: OrderedDict[str, nn.Module] = OrderedDict()
    channels = plan.channels
    for index in range(len(plan.blocks)):
        children[f"block{index + 1}"] = _build_block(plan, index, channels)
        channels = plan.blocks[index].channels
    children.update(_build_head(plan))
    return nn.Sequential(children)


def _build_block(plan: NetworkPlan, index: int, in_channels: int) -> nn.Sequential:
    block = plan.blocks[index]
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in block_layout(plan, index):
        if layer.kind == "conv":
            kernel = block.kernels[layer.number - 1]
            layers[layer.name] = nn.Conv2d(in_channels, block.channels, kernel, padding=kernel // 2)
            in_channels = block.channels
        else:
            layers[layer.name] = _build_plain(layer, plan, block.channels)
    return nn.Sequential(layers)


def _build_plain(layer: Layer, plan: NetworkPlan, channels: int) -> nn.Module:
    match layer.kind:
        case "norm":
            return nn.BatchNorm2d(channels)
        case "lrn":
            # The paper cites AlexNet's constants: n=5, alpha=1e-4, beta=0.75, k=2.
            return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
        case "pool":
            return nn.MaxPool2d(kernel_size=2, stride=2)
        case "dropout":
            return Dropout(plan.dropout)
        case "activation":
            return ACTIVATIONS[plan.activation]()
    raise AssertionError(layer)


def _build_head(plan: NetworkPlan) -> OrderedDict[str, nn.Module]:
    children: OrderedDict[str, nn.Module] = OrderedDict()
    side = plan.resolution >> len(plan.blocks)
    features = plan.blocks[-1].channels * (1 if plan.head.name == "gap" else side**2)
    for layer in head_layout(plan):
        match layer.kind:
            case "gap":
                children[layer.name] = nn.AdaptiveAvgPool2d(1)
            case "flatten":
                children[layer.name] = nn.Flatten()
            case "linear":
                children[layer.name] = nn.Linear(features, layer.features)
                features = layer.features
            case "activation":
                children[layer.name] = nn.ReLU(inplace=True)
            case "dropout":
                children[layer.name] = Dropout(plan.head.dropout)
            case _:
                raise AssertionError(layer)
    return children
