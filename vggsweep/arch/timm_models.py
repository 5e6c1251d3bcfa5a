"""Classifiers of timm (Wightman 2019, github.com/huggingface/pytorch-image-models), an optional package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from vggsweep.errors import ConfigError, near_match


def build_timm(name: str, channels: int, num_classes: int) -> nn.Module:
    """A classifier of timm with fresh weights for any number of channels and classes.

    Args:
        name: as `timm.list_models` spells it.
        channels: input channels.
        num_classes: class scores.

    Raises:
        ConfigError: timm is not installed, or has no classifier of that name.
    """
    timm = _timm()
    if not timm.is_model(name):
        near = near_match(name, timm.list_models()).partition(" Valid:")[0]
        hint = near if near.startswith("Did you mean") else "timm.list_models() names them all."
        raise ConfigError(f"arch.name={name} is not a classifier of timm. {hint}")
    network: nn.Module = timm.create_model(name, in_chans=channels, num_classes=num_classes)
    return network


def timm_weights(name: str) -> Mapping[str, Tensor]:
    """timm's own weights of a classifier, from its hub or cache."""
    weights: Mapping[str, Tensor] = _timm().create_model(name, pretrained=True).state_dict()
    return weights


def _timm() -> Any:
    try:
        import timm
    except ImportError as error:
        raise ConfigError(
            f"arch=timm needs a package that is not installed ({error}): pip install 'vggsweep[timm]'."
        ) from error
    return timm
