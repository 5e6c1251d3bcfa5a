"""Vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1): patches as tokens.

network     patches class_token positions [dropout] block1 … blockN token norm linear
blockI      attention (norm qkv attend proj, residual), mlp (norm fc1 act fc2, residual)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.layers import (
    Act,
    Activation,
    Attend,
    ClassToken,
    Dropout,
    FirstToken,
    Linear,
    Norm,
    Patches,
    Positions,
)
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import InfeasibleConfig
from vggsweep.settings import setting

# ViT-B/16 at 224 px has 14 x 14 patches; published nets for 32 px have patches of 4 px.
MOST_PATCHES_ASIDE = 14
SMALLEST_PATCH = 4
EPSILON = 1e-6  # of the paper's code and of torchvision's


@dataclass(frozen=True, kw_only=True)
class Vit(ScaledFamily):
    """A class token among patches, learned positions, and encoder blocks that normalise first (pre-norm).

    Args:
        depth: encoder blocks, the paper's "layers".
        width: channels of each token, the paper's "hidden size D", before `heads_and_channels` rounds it.
        head_width: channels of an attention head, about; 64 in all of the paper's networks.
        patch_size: pixels; None is `patch_for`.
        mlp_ratio: hidden channels of a block's MLP as a multiple of width before rounding, 4 in the paper;
            they take every whole number, so that a budget is met between two numbers of channels.
        dropout: share zeroed after the positions, each projection and in the MLPs.
    """

    heads = ("native",)
    source = "Dosovitskiy et al. 2020, arXiv:2010.11929"
    head_width: int = setting(minimum=1)
    patch_size: int | None = setting(minimum=1)
    mlp_ratio: float = setting(above=0.0)
    activation: Activation
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        heads, channels = heads_and_channels(self.known_width, self.head_width)
        size = self.patch_size or patch_for(shape.resolution)
        block = Sequence.of(
            attention=Residual(Sequence(tuple(self._attention(heads, channels)))),
            mlp=Residual(Sequence(tuple(self._mlp(channels)))),
        )
        layers = Sequence.of(
            Sequence.of(patches=Patches(channels, size), class_token=ClassToken(), positions=Positions()),
            self._dropout(),
            ((f"block{number}", block) for number in range(1, self.depth + 1)),
            # the norm sees each token alone, so that only the one that is read needs it
            token=FirstToken(),
            norm=Norm("layer", EPSILON),
            linear=Linear(shape.num_classes),
        )
        return Network(layers, self.depth, channels, stages=f"{self.depth}x{channels}")

    def _attention(self, heads: int, channels: int) -> Iterator[tuple[str, Layer]]:
        yield "norm", Norm("layer", EPSILON)
        yield "qkv", Linear(3 * channels)
        yield "attend", Attend(heads)
        yield "proj", Linear(channels)
        yield from self._dropout()

    def _mlp(self, channels: int) -> Iterator[tuple[str, Layer]]:
        yield "norm", Norm("layer", EPSILON)
        yield "fc1", Linear(max(1, round(self.mlp_ratio * self.known_width)))
        yield "act", Act(self.activation)
        yield from self._dropout("dropout1")
        yield "fc2", Linear(channels)
        yield from self._dropout("dropout2")

    def _dropout(self, name: str = "dropout") -> list[tuple[str, Layer]]:
        return [(name, Dropout(self.dropout))] if self.dropout > 0 else []


def heads_and_channels(width: float, head_width: int) -> tuple[int, int]:
    """Heads, and the channels that they share evenly: the number nearest to ``width`` that has such heads.

    A head has from half to twice ``head_width`` channels; of several counts the one nearest to it is taken.
    The numbers that have heads do not depend on ``width``, so channels never fall as it grows.

    >>> heads_and_channels(768, 64), heads_and_channels(101, 32), heads_and_channels(5.4, 64)
    ((12, 768), (4, 100), (1, 5))
    """
    nearest = max(1, int(width + 0.5))
    for distance in itertools.count():
        around = sorted({max(1, nearest - distance), nearest + distance}, key=lambda c: abs(c - width))
        for channels in around:
            if heads := _heads(channels, head_width):
                return heads, channels
    raise AssertionError("every multiple of head_width has heads")


def _heads(channels: int, head_width: int) -> int | None:
    least, most = math.ceil(0.5 * channels / head_width), math.floor(2 * channels / head_width)
    fitting = [heads for heads in range(max(1, least), max(1, most) + 1) if channels % heads == 0]
    return min(fitting, key=lambda heads: abs(channels / heads - head_width), default=None)


def patch_for(resolution: int) -> int:
    """The smallest patch of at least 4 px that cuts an image evenly into at most 14 x 14, more than one.

    >>> patch_for(28), patch_for(32), patch_for(64), patch_for(224)
    (4, 4, 8, 16)

    Raises:
        InfeasibleConfig: no patch does; names the next resolution that has one.
    """
    if (size := _patch(resolution)) is not None:
        return size
    works = next(other for other in range(resolution + 1, 2 * resolution + 8) if _patch(other))
    raise InfeasibleConfig(
        f"dataset.resolution={resolution} has no patch of at least {SMALLEST_PATCH} px that cuts it evenly "
        f"into 2 to {MOST_PATCHES_ASIDE} patches a side. The next that has one is "
        f"dataset.resolution={works}; or name a patch yourself, such as arch.patch_size=1."
    )


def _patch(resolution: int) -> int | None:
    sizes = range(SMALLEST_PATCH, resolution // 2 + 1)
    return next((s for s in sizes if resolution % s == 0 and resolution // s <= MOST_PATCHES_ASIDE), None)
