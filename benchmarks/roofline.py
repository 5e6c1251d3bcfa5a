"""The least time that a device needs for a training step, layer by layer.

Each operation takes at least its FLOPs at the speed of the measured matrix product, and at least its bytes
at the speed of the measured copy; the roofline of a step is the sum of the larger ones. Nothing is fused:
a ReLU reads what a convolution wrote. So a share of 1 means that every kernel runs at its own limit, and a
share above 1 that kernels were fused.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from machine import Peaks
from torch import Tensor, nn

# master weights are read and written and gradients read in fp32; the forward pass reads them as fp32 and
# writes its own copy in 16 bits, the backward pass writes gradients as fp32
UPDATE_BYTES = 4 + 4 + 4 + 4 + 2 + 4


@dataclass(frozen=True)
class Operation:
    """One kernel's work on one batch.

    Args:
        name: layer and pass.
        flops: 2 a multiply-add; 0 where nothing is multiplied with weights.
        bytes: read and written.
    """

    name: str
    flops: float
    bytes: float

    def seconds(self, peaks: Peaks, precision: str) -> float:
        """The longer of arithmetic and transfer."""
        gflops = peaks.fp32 if precision == "fp32" else peaks.bf16
        return max(self.flops / gflops, self.bytes / peaks.copy) / 1e9


def training_operations(
    network: nn.Module, shape: tuple[int, int, int, int], width: int = 2
) -> list[Operation]:
    """Every pass of every layer in one training step.

    Args:
        network: on the ``meta`` device, where nothing is computed.
        shape: of a batch, (N, C, H, W).
        width: bytes of a number in activations and working weights.
    """
    found: list[Operation] = []
    is_first = True

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal is_first
        weights = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        read, written = inputs[0].numel(), output.numel()
        name = type(module).__name__
        moved = width * (read + written + weights)
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            flops = 2.0 * output.numel() * module.weight[0].numel()
            found.append(Operation(f"{name} forward", flops, moved))
            found.append(Operation(f"{name} weights' gradient", flops, moved))
            if not is_first:
                found.append(Operation(f"{name} input's gradient", flops, moved))
            found.append(Operation(f"{name} update", 0.0, UPDATE_BYTES * weights))
            is_first = False
        elif not isinstance(module, (nn.Flatten, nn.Identity)):
            found.append(Operation(f"{name} forward", 0.0, moved))
            # in: the gradient of the output and what the forward pass kept; out: that of the input
            found.append(Operation(f"{name} backward", 0.0, width * (2 * written + read)))

    leaves = [module for module in network.modules() if not list(module.children())]
    handles = [module.register_forward_hook(count) for module in leaves]
    with torch.no_grad():
        x_NCHW = torch.empty(shape, device="meta")
        network.train()(x_NCHW)
    for handle in handles:
        handle.remove()
    # pixels: resized and normalised in fp32, then cast
    found.insert(0, Operation("pixels", 0.0, (4 + 4 + width) * x_NCHW.numel()))
    return found


def roofline_seconds(operations: list[Operation], peaks: Peaks, precision: str) -> float:
    """Seconds of one step at every operation's own limit."""
    return sum(operation.seconds(peaks, precision) for operation in operations)
