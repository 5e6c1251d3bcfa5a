"""ResNet in its three published forms, and ResNeXt: stages of equal blocks, each added to what enters it.

network                stem, stage1 … stageN [norm act], then the head's layers
stageI                 block1 block2 …; the first block of all stages but the first halves the resolution
blockI, original       add = Residual(conv norm act … conv norm), act
blockI, preactivation  add = Residual(norm act conv … norm act conv); a block with a projection has its first
                       norm and act before the branches, which share them
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Activation, Conv, Dropout, Norm, PadChannels, Pool
from vggsweep.arch.scaling import block_channels, blocks_of_stages, round_to
from vggsweep.arch.settings import HeadSettings
from vggsweep.arch.stems import StemName, stem
from vggsweep.errors import ConfigError
from vggsweep.settings import setting

CONVOLUTIONS = {"basic": 2, "bottleneck": 3}
EXPANSION = {"basic": 1, "bottleneck": 4}
# He et al. 2015, table 1: ResNet-18, -34 and -50, -101, -152; in front of them one block per stage.
PUBLISHED = ((1, 1, 1, 1), (2, 2, 2, 2), (3, 4, 6, 3), (3, 4, 23, 3), (3, 8, 36, 3))
# A wide network widens its stages, not its first convolution (Zagoruyko & Komodakis 2016, table 1).
WIDE_STEM = {"cifar": 16, "imagenet": 64}
# `width_per_group` is that of a stage of 64 channels (torchvision's convention).
REFERENCE_WIDTH = 64


@dataclass(frozen=True, kw_only=True)
class ScaledResNet(ScaledFamily):
    """Residual networks (He et al. 2015, arXiv:1512.03385) by two numbers.

    Depth is counted as published: convolutions on the longest path and the linear layer, so that with three
    equal stages 6n + 2 (section 4.2) or 9n + 2 with bottlenecks; wide networks (arXiv:1605.07146, section 3)
    count the projections instead of the linear layer, 6n + 4. Four stages share their blocks as table 1 does.

    Args:
        width: channels of the first stage's 3x3 convolutions; each later stage doubles them. 16 at CIFAR and
            64 at ImageNet are published, 160 is the WRN with a widening factor of 10.
        num_stages: three of equal length, or four by table 1.
        block: two 3x3 convolutions, or 1x1, 3x3 and 1x1 to four times the channels, stride in the 3x3.
        form: ``original`` (2015), ``preactivation`` (He et al. 2016, arXiv:1603.05027), or ``wide``, which is
            the latter behind a narrow stem.
        stem: ``cifar``: 3x3; ``imagenet``: 7x7 with stride 2 and a max-pool.
        shortcut: where shapes differ: ``projection`` (option B) or ``padding`` with zeros (option A).
        groups, width_per_group: of the bottleneck's 3x3 (ResNeXt, arXiv:1611.05431); the latter at a stage of
            64 channels.
        dropout: share zeroed before the last convolution of each block (wide networks, section 2.4).
    """

    source = "He et al. 2015, arXiv:1512.03385; 2016, arXiv:1603.05027; Zagoruyko & Komodakis 2016"
    num_stages: Literal[3, 4]
    block: Literal["basic", "bottleneck"]
    form: Literal["original", "preactivation", "wide"]
    stem: StemName
    shortcut: Literal["projection", "padding"]
    groups: int = setting(minimum=1)
    width_per_group: int = setting(minimum=1)
    activation: Activation
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        if self.form == "wide" and self.shortcut == "padding":
            raise ConfigError("arch.form=wide counts its projections; use arch.shortcut=projection.")
        counts, widths = self.blocks_per_stage(), block_channels(self.known_width, self.num_stages)
        channels = WIDE_STEM[self.stem] if self.form == "wide" else widths[0]
        first_act = Act(self.activation) if self.form == "original" else None
        layers, stages = Sequence.of(stem=stem(self.stem, channels, first_act)), []
        for index, (count, width) in enumerate(zip(counts, widths, strict=True)):
            first = self._block(channels, width, stride=1 if index == 0 else 2, is_first=True)
            channels = width * EXPANSION[self.block]
            later = self._block(channels, width)
            stages.append(Sequence.numbered("block", (first, *(later,) * (count - 1))))
        layers = Sequence.of(layers, Sequence.numbered("stage", stages))
        if self.form != "original":
            layers = Sequence.of(layers, norm=Norm(), act=Act(self.activation))
        top = classifier(head, shape.num_classes)
        return Network(Sequence.of(layers, top), self.depth, widths[0], stages_word(counts, widths))

    def blocks_per_stage(self) -> tuple[int, ...]:
        """From the input to the head."""
        beside = 1 + self.num_stages if self.form == "wide" else 2
        per_block = CONVOLUTIONS[self.block]
        return blocks_of_stages(self.depth, self.num_stages, PUBLISHED, per_block=per_block, beside=beside)

    def idle_fields(self) -> Mapping[str, str]:
        if self.block == "bottleneck":
            return {}
        return dict.fromkeys(("groups", "width_per_group"), "arch.block=basic has no groups")

    def _block(self, channels: int, width: int, stride: int = 1, *, is_first: bool = False) -> Layer:
        out = width * EXPANSION[self.block]
        # the first block of a wide stage projects even equal shapes: its depth counts that, and no cost falls
        # where the width happens to be the stem's
        changes = stride > 1 or channels != out or (is_first and self.form == "wide")
        body = self._body(width, stride)
        if self.form == "original":
            shortcut = self._shortcut(out, stride, norm=Norm()) if changes else None
            return Sequence.of(add=Residual(Sequence(tuple(body)), shortcut), act=Act(self.activation))
        if not changes:
            return Residual(Sequence(tuple(body)))
        shared = (next(body), next(body))
        return Sequence.of(shared, add=Residual(Sequence(tuple(body)), self._shortcut(out, stride)))

    def _body(self, width: int, stride: int) -> Iterator[tuple[str, Layer]]:
        convolutions = self._convolutions(width, stride)
        for number, conv in enumerate(convolutions, 1):
            is_last = number == len(convolutions)
            norm, act = (f"norm{number}", Norm()), (f"act{number}", Act(self.activation))
            if self.form != "original":
                yield from (norm, act)
            if is_last and self.dropout > 0:
                yield "dropout", Dropout(self.dropout)
            yield f"conv{number}", conv
            if self.form == "original":
                yield from (norm,) if is_last else (norm, act)

    def _convolutions(self, width: int, stride: int) -> tuple[Conv, ...]:
        if self.block == "basic":
            return Conv(width, stride=stride, bias=False), Conv(width, bias=False)
        inner = self.groups * round_to(width * self.width_per_group / REFERENCE_WIDTH)
        grouped = Conv(inner, stride=stride, groups=self.groups, bias=False)
        return Conv(inner, 1, bias=False), grouped, Conv(width * EXPANSION[self.block], 1, bias=False)

    def _shortcut(self, out: int, stride: int, **after: Layer) -> Sequence:
        if self.shortcut == "projection":
            return Sequence.of(conv=Conv(out, 1, stride, bias=False), **after)
        thinned = Sequence.of(thin=Pool("avg", 1, stride)) if stride > 1 else Sequence(())
        return Sequence.of(thinned, pad=PadChannels(out))
