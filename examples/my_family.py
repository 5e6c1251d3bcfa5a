"""A family of one's own: pyramidal nets (Han et al. 2017), whose channels grow from block to block.

PYTHONPATH=examples vggsweep --config-dir examples/my_conf arch=pyramid arch.depth=3 train.epochs=2
"""

from dataclasses import dataclass

from vggsweep.arch import (
    Act,
    Conv,
    HeadSettings,
    InputShape,
    Network,
    Norm,
    Pool,
    Residual,
    ScaledFamily,
    Sequence,
    classifier,
    setting,
)


@dataclass(frozen=True, kw_only=True)
class Pyramid(ScaledFamily):
    """Residual blocks; each is wider than the one before, and every second one is followed by a pool.

    Args:
        depth: residual blocks.
        width: channels of the first block.
        growth: how many times as wide as the first block the last one is.
    """

    source = "Han et al. 2017, arXiv:1610.02915"
    growth: float = setting(minimum=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        layers = Sequence.of()
        channels = shape.channels
        for block in range(self.depth):
            before, factor = channels, 1 + (self.growth - 1) * block / self.depth
            channels = max(1, round(self.known_width * factor))
            body = Sequence.of(
                conv1=Conv(channels, bias=False),
                norm1=Norm(),
                act=Act("relu"),
                conv2=Conv(channels, bias=False),
                norm2=Norm(),
            )
            shortcut = Sequence.of(conv=Conv(channels, 1, bias=False)) if channels != before else None
            layers = Sequence.of(
                layers, [(f"block{block}", Residual(body, shortcut)), (f"act{block}", Act())]
            )
            if block % 2 == 1:
                layers = Sequence.of(layers, [(f"pool{block}", Pool("max"))])
        first = max(1, round(self.known_width))
        return Network(
            Sequence.of(layers, classifier(head, shape.num_classes)),
            depth=self.depth,
            width=first,
            stages=f"{self.depth}x{first}-{channels}",
        )
