"""ConvNeXt: a residual network with a transformer's proportions, depthwise 7x7 and wide 1x1 convolutions.

network                stem, stage1 shrink1 stage2 … stageN, gap norm flatten linear
stageI                 block1 block2 …, each Residual(depthwise norm expand act project scale [drop])
shrinkI                norm, conv 2x2 with stride 2
"""

from __future__ import annotations

from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import ScaledFamily, stages_word
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Conv, LayerScale, Norm, StochasticDepth
from vggsweep.arch.scaling import block_channels, blocks_of_stages
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting

# Liu et al. 2022: the stages' proportions (section 2.2), ConvNeXt-T, and -S, -B, -L (section 3).
PUBLISHED = ((1, 1, 1, 1), (1, 1, 3, 1), (3, 3, 9, 3), (3, 3, 27, 3))
EXPANSION = 4
NORM = Norm("layer", eps=1e-6)


@dataclass(frozen=True, kw_only=True)
class ScaledConvNeXt(ScaledFamily):
    """ConvNeXt (Liu et al. 2022, arXiv:2201.03545) by two numbers.

    Args:
        depth: blocks of all stages, 18 in ConvNeXt-T and 36 in -S; others are shared in their proportions.
        width: channels of the first stage, 96 in ConvNeXt-T; each later stage doubles them.
        patch_size: pixels of the squares that the first convolution reads one by one; 4 is published.
        layer_scale: the initial factor of each block's output.
        stochastic_depth: share of the images for which training skips the last block; rises linearly to it.
    """

    heads = ("gap",)
    source = "Liu et al. 2022, arXiv:2201.03545"
    patch_size: int = setting(minimum=1)
    layer_scale: float = setting(above=0.0)
    stochastic_depth: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        counts = blocks_of_stages(self.depth, len(PUBLISHED[0]), PUBLISHED)
        widths = block_channels(self.known_width, len(counts))
        stem = Conv(widths[0], self.patch_size, self.patch_size, padding=0)
        layers = Sequence.of(stem=Sequence.of(conv=stem, norm=NORM))
        for index, (count, width) in enumerate(zip(counts, widths, strict=True)):
            if index > 0:
                shrink = Sequence.of(norm=NORM, conv=Conv(width, 2, 2, padding=0))
                layers = Sequence.of(layers, [(f"shrink{index}", shrink)])
            before = sum(counts[:index])
            shares = (self.stochastic_depth * (before + i) / (self.depth - 1) for i in range(count))
            stage = Sequence.numbered("block", (self._block(width, share) for share in shares))
            layers = Sequence.of(layers, [(f"stage{index + 1}", stage)])
        pool, *rest = classifier(head, shape.num_classes).layers
        return Network(
            Sequence.of(layers, [pool, ("norm", NORM)], rest),
            self.depth,
            widths[0],
            stages_word(counts, widths),
        )

    def _block(self, width: int, share: float) -> Layer:
        body = Sequence.of(
            depthwise=Conv(width, 7, groups=width),
            norm=NORM,
            # torchvision's linear layers over channels, which as convolutions need no transposition
            expand=Conv(EXPANSION * width, 1),
            act=Act("gelu"),
            project=Conv(width, 1),
            scale=LayerScale(self.layer_scale),
        )
        return Residual(Sequence.of(body, drop=StochasticDepth(share)) if share > 0 else body)
