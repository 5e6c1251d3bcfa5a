"""RegNet X and Y: widths along a quantised line, grouped bottlenecks without a neck.

network                stem, stage1 … stageN, then the head's layers
stageI                 block1 block2 …; the first one halves the resolution and projects its shortcut
blockI                 add = Residual(conv1 1x1, conv2 3x3 grouped, [se], conv3 1x1), act
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Conv, Norm, squeeze_excite
from vggsweep.arch.scaling import round_at_most_tenth_down, round_to
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting

STEM_CHANNELS = 32


@dataclass(frozen=True, kw_only=True)
class RegNet(ScaledFamily):
    """RegNet (Radosavovic et al. 2020, arXiv:2003.13678) by two numbers.

    Block j would have ``width · (1 + slope · j)`` channels (section 3.3, equation 2); that is rounded to the
    nearest ``width · step^s`` with a whole s (equations 3 and 4), and blocks of one s are a stage. The line
    is given by its slope as a share of the width, w_a / w_0, so that a wider net has the same blocks in the
    same stages, and a deeper one has all blocks of a shallower one: no cost falls.

    Args:
        depth: the paper's d, blocks of all stages.
        width: the paper's w_0, channels of the first block before rounding.
        slope: the paper's w_a / w_0.
        step: the paper's w_m, how many times as wide each stage is as the one before.
        group_width: channels per group of the 3x3 convolutions.
        se_ratio: hidden units of squeeze-excite per channel that enters a block; 0 leaves it out (X).
        channel_multiple: widths are rounded to this many before they are fitted to groups, 8 in the paper.
            With 1 only the channels of the grouped convolutions are fitted, and steps of width are finer.
        most_stages: deeper nets grow in their last stage (the paper has four).
        stem: ``imagenet``: stride 2; ``cifar``: stride 1.
    """

    source = "Radosavovic et al. 2020, arXiv:2003.13678"
    slope: float = setting(minimum=0.0)
    step: float = setting(above=1.0)
    group_width: int = setting(minimum=1)
    se_ratio: float = setting(minimum=0.0, maximum=1.0)
    channel_multiple: int = setting(minimum=1)
    most_stages: int = setting(minimum=1)
    stem: Literal["cifar", "imagenet"]

    @property
    def width_step(self) -> int:
        return self.channel_multiple

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        counts, widths = self.blocks_per_stage(), self.stage_widths()
        stride = 2 if self.stem == "imagenet" else 1
        layers = Sequence.of(
            stem=Sequence.of(conv=Conv(STEM_CHANNELS, 3, stride, bias=False), norm=Norm(), act=Act())
        )
        entering, stages = STEM_CHANNELS, []
        for count, width in zip(counts, widths, strict=True):
            first, later = self._block(entering, width, stride=2), self._block(width, width, stride=1)
            stages.append(Sequence.numbered("block", (first, *(later,) * (count - 1))))
            entering = width
        top = classifier(head, shape.num_classes)
        network = Sequence.of(layers, Sequence.numbered("stage", stages), top)
        return Network(network, self.depth, widths[0], stages_word(counts, widths))

    def blocks_per_stage(self) -> tuple[int, ...]:
        """From the input to the head."""
        return tuple(Counter(self._exponents()).values())

    def stage_widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        multiple = self.channel_multiple
        exact = (self.known_width * self.step**s for s in Counter(self._exponents()))
        # halves to even, as the authors' code has it
        quantised = (max(multiple, multiple * round(width / multiple)) for width in exact)
        return tuple(quantised if multiple == 1 else map(self._fitted, quantised))

    def _fitted(self, width: int) -> int:
        """A multiple of the group width; of a narrower stage, the group is the whole."""
        return round_at_most_tenth_down(width, min(self.group_width, width))

    def _exponents(self) -> list[int]:
        exact = (math.log1p(self.slope * j) / math.log(self.step) for j in range(self.depth))
        return [min(int(s + 0.5), self.most_stages - 1) for s in exact]

    def _block(self, entering: int, width: int, stride: int) -> Layer:
        inner = self._fitted(width)
        groups = inner // min(self.group_width, width)
        body = Sequence.of(
            conv1=Conv(inner, 1, bias=False),
            norm1=Norm(),
            act1=Act(),
            conv2=Conv(inner, 3, stride, groups=groups, bias=False),
            norm2=Norm(),
            act2=Act(),
        )
        if self.se_ratio > 0:
            body = Sequence.of(body, se=squeeze_excite(inner, round_to(self.se_ratio * entering)))
        body = Sequence.of(body, conv3=Conv(width, 1, bias=False), norm3=Norm())
        projection = Sequence.of(conv=Conv(width, 1, stride, bias=False), norm=Norm())
        return Sequence.of(add=Residual(body, projection if stride > 1 else None), act=Act())
