"""The modules of a description that `torch.nn` lacks: N images, C channels, H x W pixels, L tokens."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Up to so many pixels of a feature map a linear layer is the faster one.
FEW_PIXELS = 16


class Conv2d(nn.Conv2d):
    """A 1x1 convolution that the CPU computes as the linear layer which it is, where images are small.

    With channels last in memory a layer and its gradients take .4 to .5 of the time at one pixel, .7 to 1.0
    at 4x4, 1.0 to 1.2 at 8x8 and 1.1 to 1.4 at 16x16 (batches of 32 and 128, two threads of an AMD EPYC,
    torch 2.14.1).
    """

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H, W)."""
        has_few_pixels = x_NCHW.shape[2] * x_NCHW.shape[3] <= FEW_PIXELS
        is_channels_last = x_NCHW.is_contiguous(memory_format=torch.channels_last)
        if x_NCHW.device.type != "cpu" or not (has_few_pixels and is_channels_last):
            return super().forward(x_NCHW)
        y_NHWC = F.linear(x_NCHW.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return y_NHWC.permute(0, 3, 1, 2)


class Residual(nn.Module):
    """``body(x) + shortcut(x)``; without a shortcut x itself is added."""

    def __init__(self, body: nn.Module, shortcut: nn.Module | None) -> None:
        super().__init__()
        self.body = body
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Any shape to the body's."""
        y: Tensor = self.body(x)
        return y + (x if self.shortcut is None else self.shortcut(x))


class Concat(nn.Module):
    """x and ``body(x)``, one after the other along the channels."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C + channels of the body, H, W)."""
        return torch.cat([x_NCHW, self.body(x_NCHW)], 1)


class Scale(nn.Module):
    """``x * body(x)``, where the body gives one factor per image and channel."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        factors: Tensor = self.body(x_NCHW)
        return x_NCHW * factors


class PadChannels(nn.Module):
    """Channels of zeros behind the others."""

    def __init__(self, out: int) -> None:
        super().__init__()
        self.out = out

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, out, H, W)."""
        return F.pad(x_NCHW, (0, 0, 0, 0, 0, self.out - x_NCHW.shape[1]))


class LayerNorm(nn.LayerNorm):
    """`torch.nn.LayerNorm` over the channels of each pixel of a feature map, or of each token."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) or (N, L, C) or (N, C) to the same."""
        if x.dim() != 4:
            return super().forward(x)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LayerScale(nn.Module):
    """One learned factor per channel."""

    def __init__(self, channels: int, initial: float, is_map: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1) if is_map else (channels,), initial))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) or (N, L, C) to the same."""
        return x * self.weight


class Patches(nn.Conv2d):
    """A convolution whose pixels are tokens."""

    def forward(self, x_NCHW: Tensor) -> Tensor:
        """(N, C, H, W) to (N, L, out)."""
        return super().forward(x_NCHW).flatten(2).transpose(1, 2)


class ClassToken(nn.Module):
    """One learned token in front of the others."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, 1, channels))

    def forward(self, x_NLC: Tensor) -> Tensor:
        """(N, L, C) to (N, L + 1, C)."""
        return torch.cat([self.weight.expand(len(x_NLC), -1, -1), x_NLC], 1)


class Positions(nn.Module):
    """A learned vector for each place, drawn from N(0, 0.02)."""

    def __init__(self, tokens: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, tokens, channels).normal_(std=0.02))

    def forward(self, x_NLC: Tensor) -> Tensor:
        """(N, L, C) to the same."""
        return x_NLC + self.weight


class Attend(nn.Module):
    """Scaled dot-product attention with several heads (Vaswani et al. 2017, arXiv:1706.03762)."""

    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x_NLC: Tensor) -> Tensor:
        """Queries, keys and values side by side, (N, L, 3 C), to (N, L, C)."""
        n, tokens, channels = x_NLC.shape
        q, k, v = x_NLC.reshape(n, tokens, 3, self.heads, channels // (3 * self.heads)).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return y.transpose(1, 2).reshape(n, tokens, channels // 3)


class FirstToken(nn.Module):
    """The first token alone."""

    def forward(self, x_NLC: Tensor) -> Tensor:
        """(N, L, C) to (N, C)."""
        return x_NLC[:, 0]
