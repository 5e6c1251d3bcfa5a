"""LeNet-5 (LeCun et al. 1998) with today's ReLU and max-pooling."""

from __future__ import annotations

from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Network, Sequence
from vggsweep.arch.family import Family
from vggsweep.arch.layers import Act, Conv, Flatten, Linear, Pool
from vggsweep.arch.settings import HeadSettings


@dataclass(frozen=True, kw_only=True)
class LeNet(Family):
    """Two convolutions and three linear layers."""

    heads = ("native",)
    source = "LeCun et al. 1998, Proc. IEEE 86(11)"

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        layers = Sequence.of(
            conv1=Conv(6, 5),
            relu1=Act(),
            pool1=Pool(),
            conv2=Conv(16, 5, padding=0),
            relu2=Act(),
            pool2=Pool(),
            flatten=Flatten(),
            linear1=Linear(120),
            relu3=Act(),
            linear2=Linear(84),
            relu4=Act(),
            linear3=Linear(shape.num_classes),
        )
        return Network(layers, depth=2, width=6)
