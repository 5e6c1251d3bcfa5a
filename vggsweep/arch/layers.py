"""The leaves of a description: one class per kind of layer, with its arithmetic.

Shapes have no batch axis, see `vggsweep.arch.description`; `vggsweep.arch.build` makes the module of each.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

from vggsweep.arch.description import DoesNotFit, Effect, Scale, Sequence, Shape, as_map, channel_axis, shown

Activation = Literal["relu", "leaky_relu", "gelu", "silu"]
ActivationName = Literal["relu", "leaky_relu", "gelu", "silu", "relu6", "hardswish", "sigmoid", "hardsigmoid"]


# --- feature maps


@dataclass(frozen=True)
class Conv:
    """A square convolution.

    Args:
        out: output channels.
        kernel, stride: pixels.
        padding: pixels on each side; None keeps the resolution at stride 1 (odd kernels).
        groups: parts that see only their own channels; as many as channels make it depthwise.
        bias: whether it adds one number per output channel.
    """

    out: int
    kernel: int = 3
    stride: int = 1
    padding: int | None = None
    groups: int = 1
    bias: bool = True
    type: ClassVar[str] = "Conv2d"

    @property
    def pixels_padded(self) -> int:
        return self.kernel // 2 if self.padding is None else self.padding

    def effect(self, shape: Shape) -> Effect:
        channels, height, width = as_map(shape)
        if self.padding is None and self.kernel % 2 == 0:
            raise DoesNotFit(
                f"has an even kernel of {self.kernel}, so its padding must be given (0 adds none)"
            )
        if channels % self.groups or self.out % self.groups:
            raise DoesNotFit(
                f"cannot share {channels} input and {self.out} output channels among {self.groups} groups"
            )
        made = (
            self.out,
            _pixels_out(height, self.kernel, self.stride, self.pixels_padded),
            _pixels_out(width, self.kernel, self.stride, self.pixels_padded),
        )
        weights_per_output = channels // self.groups * self.kernel**2
        params = self.out * (weights_per_output + self.bias)
        activations = math.prod(made)
        return Effect(made, params, activations * weights_per_output, params, activations)


@dataclass(frozen=True)
class Pool:
    """The largest value or the mean of each square of pixels."""

    kind: Literal["max", "avg"] = "max"
    kernel: int = 2
    stride: int = 2
    padding: int = 0

    @property
    def type(self) -> str:
        return "MaxPool2d" if self.kind == "max" else "AvgPool2d"

    def effect(self, shape: Shape) -> Effect:
        channels, *pixels = as_map(shape)
        made = (_pixels_out(side, self.kernel, self.stride, self.padding) for side in pixels)
        return Effect((channels, *made))


@dataclass(frozen=True)
class GlobalPool:
    """The mean of each channel; keeps two axes of one pixel."""

    type: ClassVar[str] = "AdaptiveAvgPool2d"

    def effect(self, shape: Shape) -> Effect:
        return Effect((as_map(shape)[0], 1, 1))


@dataclass(frozen=True)
class PadChannels:
    """Channels of zeros behind the others, up to ``out`` (He et al. 2015, arXiv:1512.03385, option A)."""

    out: int
    type: ClassVar[str] = "PadChannels"

    def effect(self, shape: Shape) -> Effect:
        channels, *pixels = as_map(shape)
        if channels > self.out:
            raise DoesNotFit(f"cannot pad {channels} channels to {self.out}")
        return Effect((self.out, *pixels))


@dataclass(frozen=True)
class Norm:
    """Normalisation of each channel: over the batch, or over the channels of each pixel or token.

    Args:
        kind: ``batch``, ``layer``, or ``local_response`` (Krizhevsky et al. 2012), which has no parameters.
        eps: added to the variance.
    """

    kind: Literal["batch", "layer", "local_response"] = "batch"
    eps: float = 1e-5
    type_of: ClassVar[dict[str, str]] = {
        "batch": "BatchNorm2d",
        "layer": "LayerNorm",
        "local_response": "LocalResponseNorm",
    }

    @property
    def type(self) -> str:
        return self.type_of[self.kind]

    def effect(self, shape: Shape) -> Effect:
        if self.kind == "local_response":
            return Effect(shape)
        channels = as_map(shape)[0] if self.kind == "batch" else shape[channel_axis(shape)]
        return Effect(shape, params=2 * channels)


@dataclass(frozen=True)
class LayerScale:
    """One learned factor per channel (Touvron et al. 2021, arXiv:2103.17239), all ``initial`` at first."""

    initial: float
    type: ClassVar[str] = "LayerScale"

    def effect(self, shape: Shape) -> Effect:
        return Effect(shape, params=shape[channel_axis(shape)])


# --- any shape


@dataclass(frozen=True)
class Act:
    """A nonlinearity, element by element."""

    kind: ActivationName = "relu"
    type_of: ClassVar[dict[str, str]] = {
        "relu": "ReLU",
        "leaky_relu": "LeakyReLU",
        "gelu": "GELU",
        "silu": "SiLU",
        "relu6": "ReLU6",
        "hardswish": "Hardswish",
        "sigmoid": "Sigmoid",
        "hardsigmoid": "Hardsigmoid",
    }

    @property
    def type(self) -> str:
        return self.type_of[self.kind]

    def effect(self, shape: Shape) -> Effect:
        return Effect(shape)


@dataclass(frozen=True)
class Dropout:
    """Training zeroes this share of the elements."""

    share: float
    type: ClassVar[str] = "Dropout"

    def effect(self, shape: Shape) -> Effect:
        return Effect(shape)


@dataclass(frozen=True)
class StochasticDepth:
    """Training zeroes all of this share of the images (Huang et al. 2016, arXiv:1603.09382)."""

    share: float
    type: ClassVar[str] = "StochasticDepth"

    def effect(self, shape: Shape) -> Effect:
        return Effect(shape)


@dataclass(frozen=True)
class Flatten:
    """All elements as one vector."""

    type: ClassVar[str] = "Flatten"

    def effect(self, shape: Shape) -> Effect:
        return Effect((math.prod(shape),))


@dataclass(frozen=True)
class Linear:
    """A matrix for a vector, or the same one for each token."""

    out: int
    bias: bool = True
    type: ClassVar[str] = "Linear"

    def effect(self, shape: Shape) -> Effect:
        if len(shape) == 3:
            raise DoesNotFit(f"needs a vector or tokens and gets a feature map of {shown(shape)}")
        *tokens, features = shape
        return Effect(
            (*tokens, self.out),
            params=self.out * (features + self.bias),
            macs=math.prod(tokens) * self.out * features,
        )


# --- tokens


@dataclass(frozen=True)
class Patches:
    """Squares of pixels, each as one token, by a convolution (Dosovitskiy et al. 2020, arXiv:2010.11929)."""

    out: int
    size: int
    type: ClassVar[str] = "Patches"

    @property
    def convolution(self) -> Conv:
        return Conv(self.out, self.size, stride=self.size, padding=0)

    def effect(self, shape: Shape) -> Effect:
        _, height, width = as_map(shape)
        if height % self.size or width % self.size:
            raise DoesNotFit(
                f"cannot cut {height} x {width} pixels into patches of {self.size} x {self.size}"
            )
        effect = self.convolution.effect(shape)
        channels, *grid = effect.shape
        return effect._replace(shape=(math.prod(grid), channels))


@dataclass(frozen=True)
class ClassToken:
    """One more token in front, learned, which collects what the scores are made of."""

    type: ClassVar[str] = "ClassToken"

    def effect(self, shape: Shape) -> Effect:
        tokens, channels = _as_tokens(shape)
        return Effect((tokens + 1, channels), params=channels)


@dataclass(frozen=True)
class Positions:
    """A learned vector for each place, added."""

    type: ClassVar[str] = "Positions"

    def effect(self, shape: Shape) -> Effect:
        tokens, channels = _as_tokens(shape)
        return Effect(shape, params=tokens * channels)


@dataclass(frozen=True)
class Attend:
    """Scaled dot-product attention of queries, keys and values that lie side by side in the channels."""

    heads: int
    type: ClassVar[str] = "Attend"

    def effect(self, shape: Shape) -> Effect:
        tokens, channels = _as_tokens(shape)
        if channels % (3 * self.heads):
            raise DoesNotFit(f"cannot share {channels / 3:g} channels among {self.heads} heads")
        return Effect((tokens, channels // 3), macs=2 * tokens**2 * (channels // 3))


@dataclass(frozen=True)
class FirstToken:
    """The first token alone, as a vector."""

    type: ClassVar[str] = "FirstToken"

    def effect(self, shape: Shape) -> Effect:
        return Effect((_as_tokens(shape)[1],))


# --- put together


def squeeze_excite(
    channels: int, hidden: int, act: ActivationName = "relu", gate: ActivationName = "sigmoid"
) -> Scale:
    """A factor per channel from the channels' means (Hu et al. 2017, arXiv:1709.01507)."""
    return Scale(
        Sequence.of(
            pool=GlobalPool(), fc1=Conv(hidden, 1), act=Act(act), fc2=Conv(channels, 1), gate=Act(gate)
        )
    )


def _as_tokens(shape: Shape) -> tuple[int, int]:
    if len(shape) != 2:
        raise DoesNotFit(f"needs tokens and gets {shown(shape)}")
    return shape[0], shape[1]


def _pixels_out(pixels: int, kernel: int, stride: int, padding: int) -> int:
    made = (pixels + 2 * padding - kernel) // stride + 1
    if made < 1:
        raise DoesNotFit(f"needs at least {kernel - 2 * padding} pixels and gets {pixels}")
    return made
