"""Optimizers from their settings, fused where torch has a fused step for the device."""

from __future__ import annotations

import torch
from torch import nn

from vggsweep.training.custom import build_own_optimizer
from vggsweep.training.settings import (
    AdamSettings,
    CustomOptimizerSettings,
    OptimizerSettings,
    RmspropSettings,
    SgdSettings,
)

FUSED_DEVICES = ("cpu", "cuda")


def build_optimizer(
    settings: OptimizerSettings, network: nn.Module, *, capturable: bool = False
) -> torch.optim.Optimizer:
    """The optimizer over a network that is already on its device.

    The fused step reads and writes each parameter once instead of once an operation.

    Args:
        settings: which, and its numbers.
        network: on its device.
        capturable: its step will be part of a CUDA graph, so it counts steps on the device.
    """
    if isinstance(settings, CustomOptimizerSettings):
        return build_own_optimizer(
            settings, [parameter for parameter in network.parameters() if parameter.requires_grad]
        )
    groups = parameter_groups(network, settings.weight_decay, settings.decay_biases_and_norms)
    device = next(network.parameters()).device.type
    fused = device in FUSED_DEVICES or None
    match settings:
        case SgdSettings():
            sgd = torch.optim.SGD(
                groups,
                lr=settings.lr,
                momentum=settings.momentum,
                nesterov=settings.nesterov,
                fused=fused,
            )
            if settings.momentum > 0:
                _start_at_rest(sgd)
            return sgd
        case AdamSettings():
            cls = torch.optim.Adam if settings.name == "adam" else torch.optim.AdamW
            betas = (settings.betas[0], settings.betas[1])
            return cls(
                groups, lr=settings.lr, betas=betas, eps=settings.eps, fused=fused, capturable=capturable
            )
        case RmspropSettings():
            return torch.optim.RMSprop(
                groups,
                lr=settings.lr,
                alpha=settings.alpha,
                eps=settings.eps,
                momentum=settings.momentum,
                capturable=capturable,
            )


def _start_at_rest(sgd: torch.optim.SGD) -> None:
    """A momentum of zero, which a first step turns into its gradient, as it would without.

    torch's own is uninitialised until the first step writes it, and in fp16 a first step whose gradients
    overflow writes nothing.
    """
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def parameter_groups(
    network: nn.Module, weight_decay: float, decay_biases_and_norms: bool
) -> list[dict[str, object]]:
    """Parameters with weight decay and, apart from them, biases and norms without it.

    Biases, norm scales and norm shifts are exactly the parameters of one dimension.
    """
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    if decay_biases_and_norms:
        return [{"params": parameters, "weight_decay": weight_decay}]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
