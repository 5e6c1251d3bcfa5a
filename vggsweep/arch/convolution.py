"""The convolution that sees the images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Tensor cores take input channels in eights, and one or three of them go another, slow way.
TENSOR_CORE_CHANNELS = 8


class ImageConv2d(nn.Conv2d):
    """A network's first convolution: `torch.nn.Conv2d`, with zeros for the channels that images lack.

    On a GPU in 16 bits it computes the same sums over eight channels, of which all but the images' own are
    zero; everywhere else it is torch's.
    """

    def forward(self, x_NCHW: Tensor) -> Tensor:
        if not (x_NCHW.is_cuda and torch.is_autocast_enabled("cuda")):
            return super().forward(x_NCHW)
        dtype = torch.get_autocast_dtype("cuda")
        return F.conv2d(
            zero_padded(x_NCHW, dtype),
            zero_padded(self.weight, dtype),
            self.bias,
            stride=self.stride,
            padding=self.padding,
        )

    def _get_name(self) -> str:
        """torch's own name in prints and in layer tables: its weights are the same."""
        return "Conv2d"


def zero_padded(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """The tensor with its second dimension filled up to eight by zeros, channels last.

    Args:
        tensor: images (N, C, H, W) or weights (out, C, height, width), C at most 8.
        dtype: of the result.
    """
    missing = TENSOR_CORE_CHANNELS - tensor.shape[1]
    padded = F.pad(tensor.to(dtype), (0, 0, 0, 0, 0, missing))
    return padded.contiguous(memory_format=torch.channels_last)
