"""Optimizers from their settings, fused where torch has a fused step for the device."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import nn

from vggsweep.training.by_name import build_torch_optimizer, is_capturable
from vggsweep.training.custom import build_own_optimizer
from vggsweep.training.muon import MuonWithAdamW, hidden_matrices
from vggsweep.training.settings import (
    AdamSettings,
    CustomOptimizerSettings,
    MuonSettings,
    OptimizerSettings,
    RmspropSettings,
    SgdSettings,
    TorchOptimizerSettings,
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

    Raises:
        ConfigError: the optimizer of a user or of torch's list cannot be made so.
        InfeasibleConfig: nor with these values, or not for this network.
    """
    if isinstance(settings, CustomOptimizerSettings):
        return build_own_optimizer(
            settings, [parameter for parameter in network.parameters() if parameter.requires_grad]
        )
    hidden = hidden_matrices(network) if isinstance(settings, MuonSettings) else []
    groups = parameter_groups(network, settings.weight_decay, settings.decay_biases_and_norms, but=hidden)
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
        case MuonSettings():
            return MuonWithAdamW(hidden, groups, settings, fused=fused)
        case TorchOptimizerSettings():
            made = build_torch_optimizer(settings, groups, fused=fused, capturable=capturable)
            if isinstance(made, torch.optim.SGD) and made.defaults["momentum"] and made.defaults["fused"]:
                _start_at_rest(made)
            return made


def can_be_captured(settings: OptimizerSettings) -> bool:
    """Whether torch says that a CUDA graph can hold the optimizer's step; it reads its rate on the device."""
    match settings:
        case MuonSettings():
            return False
        case TorchOptimizerSettings():
            return is_capturable(settings.name)
    return True


def _start_at_rest(sgd: torch.optim.SGD) -> None:
    """A momentum of zero, which a first step turns into its gradient, as it would without.

    torch's own is uninitialised until the first step writes it, and in fp16 a first step whose gradients
    overflow writes nothing.
    """
    for group in sgd.param_groups:
        for parameter in group["params"]:
            sgd.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)


def parameter_groups(
    network: nn.Module,
    weight_decay: float,
    decay_biases_and_norms: bool,
    but: Collection[nn.Parameter] = (),
) -> list[dict[str, object]]:
    """Parameters with weight decay and, apart from them, biases and norms without it.

    Biases, norm scales and norm shifts are exactly the parameters of one dimension. Left out are those that
    are frozen, and ``but``.
    """
    left_out = set(but)
    parameters = [one for one in network.parameters() if one.requires_grad and one not in left_out]
    if decay_biases_and_norms:
        return [{"params": parameters, "weight_decay": weight_decay}]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
