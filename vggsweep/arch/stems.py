"""The stem: the first layers of residual and densely connected networks."""

from __future__ import annotations

from typing import Literal

from vggsweep.arch.description import Sequence
from vggsweep.arch.layers import Act, Conv, Norm, Pool

StemName = Literal["cifar", "imagenet"]


def stem(name: StemName, channels: int, act: Act | None) -> Sequence:
    """The layers of a stem (He et al. 2015, section 4.2 and table 1).

    Args:
        name: ``cifar``: a 3x3 convolution; ``imagenet``: a 7x7 one with stride 2, at the end a max-pool.
        channels: of the convolution.
        act: follows with a norm; None in networks whose blocks begin with both.
    """
    is_large = name == "imagenet"
    layers = Sequence.of(
        conv=Conv(channels, 7, stride=2, bias=False) if is_large else Conv(channels, bias=False)
    )
    if act is not None:
        layers = Sequence.of(layers, norm=Norm(), act=act)
    return Sequence.of(layers, pool=Pool("max", 3, 2, padding=1)) if is_large else layers
