"""How weights are drawn before training."""

from __future__ import annotations

from torch import nn

from vggsweep.arch.settings import Initialization


def initialize(network: nn.Module, scheme: Initialization) -> None:
    """Draw the weights of convolutions and linear layers in place; biases as torch leaves or zero.

    Args:
        network: on the CPU, so that a seed gives the same weights whatever the device.
        scheme: ``xavier_uniform`` (the d2l.ai chapter, biases as torch draws them),
            ``kaiming_normal`` (He et al. 2015, arXiv:1502.01852, fan-out for convolutions and
            N(0, 0.01) for linear layers, biases zero: torchvision's choice for VGG),
            ``trunc_normal`` (N(0, 0.02) cut off at ±2, biases zero: what vision transformers and ConvNeXt
            are published with), ``torch`` (PyTorch's defaults, left as they are).
    """
    if scheme == "torch":
        return
    for module in network.modules():
        if not isinstance(module, (nn.Conv2d, nn.Linear)):
            continue
        if scheme == "xavier_uniform":
            nn.init.xavier_uniform_(module.weight)
            continue
        if scheme == "trunc_normal":
            nn.init.trunc_normal_(module.weight, std=0.02)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, 0.0, 0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
