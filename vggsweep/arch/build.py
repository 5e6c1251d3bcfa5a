"""From settings to a module, for every architecture family."""

from __future__ import annotations

import torch
from torch import nn

from vggsweep.arch.comparators import build_alexnet, build_lenet, build_torchvision
from vggsweep.arch.custom import build_custom, try_custom
from vggsweep.arch.initialization import initialize
from vggsweep.arch.plan import InputShape, plan_of
from vggsweep.arch.settings import (
    AlexNetSettings,
    ArchSettings,
    CustomSettings,
    HeadSettings,
    LeNetSettings,
    ScaledVggSettings,
    TorchvisionSettings,
    VggSettings,
)
from vggsweep.arch.vgg import build_vgg


def build_network(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    """The module on the CPU, weights drawn from torch's global generator.

    Returns:
        A network from (N, channels, resolution, resolution) to (N, num_classes) scores.
    """
    network = _assemble(arch, head, shape)
    if not isinstance(arch, (TorchvisionSettings, CustomSettings)):
        initialize(network, arch.init)
    return network


def build_on_meta(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    """The module without numbers: shapes only, made in milliseconds (a user's own gets numbers)."""
    if isinstance(arch, CustomSettings):
        return try_custom(arch, shape)
    with torch.device("meta"):
        return _assemble(arch, head, shape)


def _assemble(arch: ArchSettings, head: HeadSettings, shape: InputShape) -> nn.Module:
    match arch:
        case VggSettings() | ScaledVggSettings():
            return build_vgg(plan_of(arch, head, shape))
        case AlexNetSettings():
            network: nn.Module = build_alexnet(arch, shape.channels, shape.num_classes)
        case LeNetSettings():
            network = build_lenet(shape.channels, shape.num_classes)
        case TorchvisionSettings():
            return build_torchvision(arch.name, shape.channels, shape.num_classes)
        case CustomSettings():
            return build_custom(arch, shape)
    with torch.no_grad():  # lets the lazy linear layers learn their input size
        network(torch.zeros(1, shape.channels, shape.resolution, shape.resolution))
    return network


def runs_at(arch: ArchSettings, shape: InputShape, resolution: int) -> bool:
    """Whether a comparator can take images of this height and width, tried without numbers."""
    head = HeadSettings(name="native", hidden=None, dropout=0.0)
    tried = InputShape(shape.channels, resolution, shape.num_classes)
    try:
        network = build_on_meta(arch, head, tried).eval()
        with torch.no_grad():
            network(torch.empty(1, tried.channels, resolution, resolution, device="meta"))
    except (RuntimeError, AssertionError):
        return False
    return True
