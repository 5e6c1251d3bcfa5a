"""Network in Network: convolutions followed by 1x1 convolutions, and the mean of each class's own map.

network                mlp1 mlp2 … mlpN gap flatten
mlpI                   conv1 [norm1] act1 conv2 [norm2] act2 conv3 [norm3] act3 [pool] [dropout]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Layer, Network, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.layers import Act, Conv, Dropout, Flatten, GlobalPool, Norm, Pool
from vggsweep.arch.scaling import count_blocks, round_to
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting

# The authors' network for CIFAR: 192, 160 and 96 channels in the first mlpconv layer, 192 in the others.
FIRST = (1, 160 / 192, 96 / 192)
POOLS = (Pool("max", 3, 2, padding=1), Pool("avg", 3, 2, padding=1))


@dataclass(frozen=True, kw_only=True)
class ScaledNetworkInNetwork(ScaledFamily):
    """Network in Network (Lin et al. 2013, arXiv:1312.4400) by two numbers.

    Args:
        depth: mlpconv layers, three as published (section 4.1), of three convolutions each; more stand before
            the last one and keep the resolution.
        width: channels of each mlpconv layer's first convolution, 192 as published.
        batch_norm: whether all convolutions but the last are normalised; the paper is older than that.
        dropout: share zeroed after each mlpconv layer but the last; 0.5 as published.
    """

    heads = ("native",)
    source = "Lin et al. 2013, arXiv:1312.4400"
    batch_norm: bool
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        depth = count_blocks(self.depth, per_block=1, beside=0, fewest=len(POOLS) + 1)
        width = round_to(self.known_width)
        first, later = tuple(round_to(self.known_width * share) for share in FIRST), (width, width, width)
        layers = [
            self._mlpconv(first, 5, POOLS[0]),
            self._mlpconv(later, 5, POOLS[1]),
            *(self._mlpconv(later, 3) for _ in range(depth - len(POOLS) - 1)),
            Sequence(tuple(self._convolutions((width, width, shape.num_classes), 3, is_last=True))),
        ]
        network = Sequence.of(Sequence.numbered("mlp", layers), gap=GlobalPool(), flatten=Flatten())
        return Network(network, depth, width, stages_word((1, depth - 1), (width, width)))

    def _mlpconv(self, channels: tuple[int, ...], kernel: int, pool: Pool | None = None) -> Sequence:
        layers = Sequence(tuple(self._convolutions(channels, kernel)))
        if pool is not None:
            layers = Sequence.of(layers, pool=pool)
        return Sequence.of(layers, dropout=Dropout(self.dropout)) if self.dropout > 0 else layers

    def _convolutions(
        self, channels: tuple[int, ...], kernel: int, *, is_last: bool = False
    ) -> Iterator[tuple[str, Layer]]:
        for number, out in enumerate(channels, 1):
            yield f"conv{number}", Conv(out, kernel if number == 1 else 1)
            if self.batch_norm and not (is_last and number == len(channels)):
                yield f"norm{number}", Norm()
            yield f"act{number}", Act()
