"""MobileNetV2: residuals between thin layers, wide and depthwise inside.

network                stem, stage1 … stage7, last, then the head's layers
blockI                 [expand norm1 act1] depthwise norm2 act2 project norm3, added to what enters it where
                       shapes are equal
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Conv, Norm
from vggsweep.arch.scaling import blocks_of_stages, round_at_most_tenth_down, round_to
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting

# Sandler et al. 2018, table 2: expansion, channels and stride of each stage at a width multiplier of one.
STAGES = ((1, 16, 1), (6, 24, 2), (6, 32, 2), (6, 64, 2), (6, 96, 1), (6, 160, 2), (6, 320, 1))
PUBLISHED = ((1, 1, 1, 1, 1, 1, 1), (1, 2, 3, 4, 3, 3, 1))
STEM_CHANNELS, LAST_CHANNELS = 32, 1280


@dataclass(frozen=True, kw_only=True)
class ScaledMobileNet(ScaledFamily):
    """MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381) by two numbers.

    Args:
        depth: bottleneck blocks, 17 in table 2; more and fewer are shared in its proportions.
        width: channels of the first convolution before rounding; over 32 it is the paper's width multiplier,
            which all channels follow (those of the last convolution only where it is above one, section 4.1).
        stem: ``imagenet``: as published; ``cifar``: the first convolution and the second stage keep the
            resolution.
        channel_multiple: channels are rounded to this many, 8 in the authors' code. With 1, hidden channels
            are the expansion times those that enter a block before rounding, so that their steps are finer.
    """

    source = "Sandler et al. 2018, arXiv:1801.04381"
    stem: Literal["cifar", "imagenet"]
    channel_multiple: int = setting(minimum=1)

    @property
    def width_step(self) -> int:
        return self.channel_multiple

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        multiplier = self.known_width / STEM_CHANNELS
        counts = blocks_of_stages(self.depth, len(STAGES), PUBLISHED)
        stem, *widths, last = (
            round_at_most_tenth_down(exact, self.channel_multiple)
            for exact in (
                multiplier * STEM_CHANNELS,
                *(multiplier * channels for _, channels, _ in STAGES),
                max(1.0, multiplier) * LAST_CHANNELS,
            )
        )
        is_small = self.stem == "cifar"
        stages, entering, exact = [], stem, self.known_width
        for index, (count, width, (expansion, channels, stride)) in enumerate(
            zip(counts, widths, STAGES, strict=True)
        ):
            hidden = self._hidden(expansion, entering, exact)
            first = _block(entering, hidden, width, 1 if is_small and index == 1 else stride)
            entering, exact = width, multiplier * channels
            later = _block(width, self._hidden(expansion, width, exact), width)
            stages.append(Sequence.numbered("block", (first, *(later,) * (count - 1))))
        layers = Sequence.of(
            [("stem", _unit(Conv(stem, 3, 1 if is_small else 2, bias=False)))],
            Sequence.numbered("stage", stages),
            [("last", _unit(Conv(last, 1, bias=False)))],
            classifier(head, shape.num_classes),
        )
        return Network(layers, self.depth, stem, stages_word(counts, widths))

    def _hidden(self, expansion: int, entering: int, exact: float) -> int | None:
        """Channels of a block's depthwise convolution; None where it takes those that enter."""
        if expansion == 1:
            return None
        return expansion * entering if self.channel_multiple > 1 else round_to(expansion * exact)


def _unit(conv: Conv) -> Sequence:
    return Sequence.of(conv=conv, norm=Norm(), act=Act("relu6"))


def _block(entering: int, hidden: int | None, width: int, stride: int = 1) -> Layer:
    inner = hidden or entering
    expanded = Sequence(())
    if hidden is not None:
        expanded = Sequence.of(expand=Conv(inner, 1, bias=False), norm1=Norm(), act1=Act("relu6"))
    body = Sequence.of(
        expanded,
        depthwise=Conv(inner, 3, stride, groups=inner, bias=False),
        norm2=Norm(),
        act2=Act("relu6"),
        project=Conv(width, 1, bias=False),
        norm3=Norm(),
    )
    return Residual(body) if stride == 1 and entering == width else body
