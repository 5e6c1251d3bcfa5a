"""Multilayer perceptrons (Rumelhart, Hinton & Williams 1986): what pixels alone are worth, as a floor.

network     flatten, then linear1 [norm1] act1 [dropout1] … and linear
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Layer, Network, Sequence
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.layers import Act, Activation, Dropout, Flatten, Linear, Norm
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting


@dataclass(frozen=True, kw_only=True)
class Mlp(ScaledFamily):
    """Hidden layers of equal width on flattened pixels, and a linear layer for the scores.

    Args:
        depth: hidden layers.
        width: units of each, rounded.
        layer_norm: normalise the units of each image before the activation (Ba et al. 2016,
            arXiv:1607.06450); without it some ten layers no longer learn.
        dropout: share of the units zeroed in training.
    """

    heads = ("native",)
    unbudgeted = dict.fromkeys(("conv_params", "activations"), "it has no convolution")
    source = "Rumelhart et al. 1986, Nature 323"
    layer_norm: bool
    activation: Activation
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        units = max(1, int(self.known_width + 0.5))
        layers = Sequence.of(
            Sequence.of(flatten=Flatten()), self._hidden(units), linear=Linear(shape.num_classes)
        )
        return Network(layers, self.depth, units, stages=f"{self.depth}x{units}")

    def _hidden(self, units: int) -> Iterator[tuple[str, Layer]]:
        for number in range(1, self.depth + 1):
            yield f"linear{number}", Linear(units)
            if self.layer_norm:
                yield f"norm{number}", Norm("layer")
            yield f"act{number}", Act(self.activation)
            if self.dropout > 0:
                yield f"dropout{number}", Dropout(self.dropout)
