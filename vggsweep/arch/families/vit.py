"""Vision transformers (Dosovitskiy et al. 2020, arXiv:2010.11929, section 3.1): patches as tokens.

network     patches class_token positions [dropout] block1 … blockN token norm linear
blockI      attention (norm qkv attend proj, residual), mlp (norm fc1 act fc2, residual)
"""

from __future__ import annotations

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
from vggsweep.arch.tokens import heads_and_channels, patch_for
from vggsweep.settings import setting

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
    unbudgeted = dict.fromkeys(("conv_params", "activations"), "its only convolution cuts the patches")
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
