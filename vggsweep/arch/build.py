"""From a description, or the settings of another package's network, to a module of `torch.nn`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import nn

from vggsweep.arch import modules
from vggsweep.arch.custom import build_custom, try_custom
from vggsweep.arch.description import (
    Concat,
    InputShape,
    Layer,
    Residual,
    Scale,
    Sequence,
    Shape,
    channel_axis,
)
from vggsweep.arch.dropout import Dropout as FastDropout
from vggsweep.arch.families import ArchSettings
from vggsweep.arch.family import Family, described
from vggsweep.arch.initialization import initialize
from vggsweep.arch.layers import (
    Act,
    Attend,
    ClassToken,
    Conv,
    Dropout,
    FirstToken,
    Flatten,
    GlobalPool,
    LayerScale,
    Linear,
    Norm,
    PadChannels,
    Patches,
    Pool,
    Positions,
    StochasticDepth,
)
from vggsweep.arch.settings import CustomSettings, HeadSettings, TorchvisionSettings

ACTIVATIONS: dict[str, Callable[[bool], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": lambda inplace: nn.LeakyReLU(0.1, inplace),
    "gelu": lambda _: nn.GELU(),
    "silu": nn.SiLU,
    "relu6": nn.ReLU6,
    "hardswish": nn.Hardswish,
    "sigmoid": lambda _: nn.Sigmoid(),
    "hardsigmoid": nn.Hardsigmoid,
}


def build_network(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    """The module on the CPU, weights drawn from torch's global generator.

    Returns:
        A network from (N, channels, resolution, resolution) to (N, num_classes) scores.
    """
    network = _assemble(arch, head, shape)
    if isinstance(arch, Family):
        initialize(network, arch.init)
    elif isinstance(arch, TorchvisionSettings) and arch.pretrained:
        from vggsweep.arch.pretrained import load_pretrained

        load_pretrained(network, arch)
    return network


def build_on_meta(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    """The module without numbers: shapes only, made in milliseconds (a user's own gets numbers)."""
    if isinstance(arch, CustomSettings):
        return try_custom(arch, shape)
    with torch.device("meta"):
        return _assemble(arch, head, shape)


def _assemble(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    match arch:
        case TorchvisionSettings(family="timm"):
            from vggsweep.arch.timm_models import build_timm

            return build_timm(arch.name, shape.channels, shape.num_classes)
        case TorchvisionSettings():
            # torchvision takes a second to import
            from vggsweep.arch.torchvision_models import build_torchvision

            return build_torchvision(arch.name, shape.channels, shape.num_classes)
        case CustomSettings():
            return build_custom(arch, shape)
        case _:
            return build(described(arch, head, shape).layers, shape.image)


def build(layer: Layer, shape: Shape, *, owns_input: bool = True) -> nn.Module:
    """The module of a described layer.

    Args:
        layer: with all that is inside it.
        shape: of its input, without the batch axis.
        owns_input: whether nothing else reads the input, which then may be overwritten.
    """
    match layer:
        case Sequence(layers):
            children: OrderedDict[str, nn.Module] = OrderedDict()
            for name, child in layers:
                children[name] = build(child, shape, owns_input=owns_input)
                shape = child.effect(shape).shape
                # these pass their input on when they do not train
                owns_input = owns_input or not isinstance(child, Dropout | StochasticDepth)
            return nn.Sequential(children)
        case Residual(body, shortcut):
            other = build(shortcut, shape, owns_input=False) if shortcut else None
            return modules.Residual(build(body, shape, owns_input=False), other)
        case Concat(body):
            return modules.Concat(build(body, shape, owns_input=False))
        case Scale(body):
            return modules.Scale(build(body, shape, owns_input=False))
        case Act(kind):
            return ACTIVATIONS[kind](owns_input)
        case _:
            return _build_leaf(layer, shape)


def _build_leaf(layer: Layer, shape: Shape) -> nn.Module:
    match layer:
        case Conv(out, kernel, stride, _, groups, bias):
            is_linear = (kernel, stride, layer.pixels_padded, groups) == (1, 1, 0, 1)
            return (modules.Conv2d if is_linear else nn.Conv2d)(
                shape[0], out, kernel, stride, padding=layer.pixels_padded, groups=groups, bias=bias
            )
        case Norm(kind, eps):
            return _build_norm(kind, eps, shape[channel_axis(shape)])
        case Pool(kind, kernel, stride, padding):
            return (nn.MaxPool2d if kind == "max" else nn.AvgPool2d)(kernel, stride, padding)
        case GlobalPool():
            return nn.AdaptiveAvgPool2d(1)
        case PadChannels(out):
            return modules.PadChannels(out)
        case Flatten():
            return nn.Flatten()
        case Linear(out, bias):
            return nn.Linear(shape[-1], out, bias)
        case Dropout(share):
            return FastDropout(share)
        case StochasticDepth(share):
            from torchvision.ops import StochasticDepth as RowDropout  # torchvision takes a second to import

            module: nn.Module = RowDropout(share, mode="row")
            return module
        case LayerScale(initial):
            return modules.LayerScale(shape[channel_axis(shape)], initial, is_map=len(shape) == 3)
        case Patches(out, size):
            return modules.Patches(shape[0], out, size, size)
        case ClassToken():
            return modules.ClassToken(shape[1])
        case Positions():
            return modules.Positions(*shape)
        case Attend(heads):
            return modules.Attend(heads)
        case FirstToken():
            return modules.FirstToken()
    raise TypeError(f"{layer} is no layer that can be built.")


def _build_norm(kind: str, eps: float, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels, eps)
    if kind == "layer":
        return modules.LayerNorm(channels, eps)
    # The paper of VGG cites AlexNet's constants: n=5, alpha=1e-4, beta=0.75, k=2.
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)


def runs_at(arch: ArchSettings, shape: InputShape, resolution: int) -> bool:
    """Whether a network with a head of its own can take images of this size, tried without numbers."""
    head = HeadSettings(name="native", hidden=None, dropout=0.0)
    tried = InputShape(shape.channels, resolution, shape.num_classes)
    try:
        network = build_on_meta(arch, head, tried).eval()
        with torch.no_grad():
            network(torch.empty(1, tried.channels, resolution, resolution, device="meta"))
    except (RuntimeError, AssertionError):
        return False
    return True
