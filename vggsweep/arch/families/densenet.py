"""DenseNet: each layer sees the outputs of all layers of its block.

network                stem, dense1 transition1 dense2 … denseN, norm act, then the head's layers
denseI                 layer1 layer2 …, each Concat(norm1 act1 conv1 [norm2 act2 conv2] [dropout])
transitionI            norm act conv pool
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count as natural_numbers
from itertools import islice
from typing import Literal

from vggsweep.arch.description import Concat, InputShape, Layer, Network, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Conv, Dropout, Norm, Pool
from vggsweep.arch.scaling import blocks_of_stages, round_to
from vggsweep.arch.settings import HeadSettings
from vggsweep.arch.stems import StemName, stem
from vggsweep.settings import setting

# Huang et al. 2016, table 1: DenseNet-121, -169, -201, -264 (265 layers by its count);
# in front of them the smallest of such a shape.
PUBLISHED = ((1, 1, 1, 1), (6, 12, 24, 16), (6, 12, 32, 32), (6, 12, 48, 32), (6, 12, 64, 48))
# Hidden channels of a bottleneck layer, in growth rates (section 3).
BOTTLENECK = 4
PLAIN_STEM_CHANNELS = 16
# Its multiples modulo one are spread evenly, however many there are.
GOLDEN_RATIO = (5**0.5 - 1) / 2


@dataclass(frozen=True, kw_only=True)
class ScaledDenseNet(ScaledFamily):
    """Densely connected networks (Huang et al. 2016, arXiv:1608.06993) by two numbers.

    Depth is counted as published: all convolutions and the linear layer. With N dense blocks of equally many
    layers it is n · N + N + 1, with bottlenecks 2 · n · N + N + 1 (DenseNet-BC-100: three blocks of 16); four
    blocks share their layers as the paper's table 1 does.

    Args:
        width: growth rate k, the channels that each layer adds; between two whole numbers some layers, spread
            evenly, already add the larger one.
        num_blocks: three of equal length, or four by table 1.
        bottleneck: whether a 1x1 convolution to 4k channels stands before each 3x3 (DenseNet-B).
        compression: share of its channels that a transition keeps (below 1: DenseNet-C).
        stem: ``cifar``: 3x3; ``imagenet``: 7x7 with stride 2 and a max-pool.
        dropout: share zeroed after each layer (section 4.2: 0.2 without augmentation).
    """

    source = "Huang et al. 2016, arXiv:1608.06993"
    num_blocks: Literal[3, 4]
    bottleneck: bool
    compression: float = setting(above=0.0, maximum=1.0)
    stem: StemName
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        counts, rates = self.layers_per_block(), self._growth_rates()
        # Section 3: 2k channels before the first block of DenseNet-BC, 16 otherwise.
        channels = round_to(2 * self.known_width) if self.bottleneck else PLAIN_STEM_CHANNELS
        layers = Sequence.of(stem=stem(self.stem, channels, Act() if self.stem == "imagenet" else None))
        for number, count in enumerate(counts, 1):
            added = list(islice(rates, count))
            block = Sequence.numbered("layer", (Concat(Sequence(tuple(self._body(rate)))) for rate in added))
            layers = Sequence.of(layers, [(f"dense{number}", block)])
            channels += sum(added)
            if number < len(counts):
                channels = max(1, int(channels * self.compression))
                layers = Sequence.of(layers, [(f"transition{number}", _transition(channels))])
        layers = Sequence.of(layers, norm=Norm(), act=Act())
        width = round_to(self.known_width)
        word = stages_word(counts, (width,) * len(counts))
        return Network(Sequence.of(layers, classifier(head, shape.num_classes)), self.depth, width, word)

    def layers_per_block(self) -> tuple[int, ...]:
        """From the input to the head."""
        per_block, beside = 2 if self.bottleneck else 1, self.num_blocks + 1
        return blocks_of_stages(self.depth, self.num_blocks, PUBLISHED, per_block=per_block, beside=beside)

    def _growth_rates(self) -> Iterator[int]:
        """Of one layer after the other. None falls as the width grows, and all are a whole width's own."""
        for number in natural_numbers(1):
            yield max(1, int(self.known_width + number * GOLDEN_RATIO % 1))

    def _body(self, growth: int) -> Iterator[tuple[str, Layer]]:
        kernels = {BOTTLENECK * growth: 1, growth: 3} if self.bottleneck else {growth: 3}
        for number, (channels, kernel) in enumerate(kernels.items(), 1):
            yield f"norm{number}", Norm()
            yield f"act{number}", Act()
            yield f"conv{number}", Conv(channels, kernel, bias=False)
        if self.dropout > 0:
            yield "dropout", Dropout(self.dropout)


def _transition(channels: int) -> Sequence:
    return Sequence.of(norm=Norm(), act=Act(), conv=Conv(channels, 1, bias=False), pool=Pool("avg"))
