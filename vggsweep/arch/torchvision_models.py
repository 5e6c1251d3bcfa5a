"""Classifiers of torchvision with fresh weights, for any number of channels and classes."""

from __future__ import annotations

from typing import Any

import torchvision
from torch import nn

from vggsweep.errors import ConfigError, near_match


def build_torchvision(name: str, channels: int, num_classes: int) -> nn.Module:
    """A torchvision classifier with fresh weights for any number of channels and classes.

    Args:
        name: as `torchvision.models.list_models` spells it, such as ``resnet18``.
        channels: input channels; a first convolution made for three is replaced by one of this many.
        num_classes: class scores.

    Raises:
        ConfigError: torchvision has no classifier of that name.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ConfigError(f"arch.name={name} is not a torchvision classifier. {near_match(name, known)}")
    # Auxiliary classifiers would make training return a tuple; they serve inputs of 299 px only.
    extra: dict[str, Any] = (
        {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    )
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **extra)
    if channels != 3:
        _replace_first_convolution(network, channels)
    return network


def _replace_first_convolution(network: nn.Module, channels: int) -> None:
    path, conv = next(
        (path, module) for path, module in network.named_modules() if isinstance(module, nn.Conv2d)
    )
    parent = network.get_submodule(path.rpartition(".")[0])
    fresh = nn.Conv2d(
        channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        bias=conv.bias is not None,
    )
    setattr(parent, path.rpartition(".")[2], fresh)
