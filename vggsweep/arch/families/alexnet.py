"""AlexNet (Krizhevsky, Sutskever & Hinton 2012) in one tower, as d2l.ai writes it."""

from __future__ import annotations

from dataclasses import dataclass

from vggsweep.arch.description import InputShape, Network, Sequence
from vggsweep.arch.family import Family
from vggsweep.arch.layers import Act, Conv, Dropout, Flatten, Linear, Pool
from vggsweep.arch.settings import HeadSettings
from vggsweep.settings import setting


@dataclass(frozen=True, kw_only=True)
class AlexNet(Family):
    """Five convolutions and three linear layers.

    Args:
        dropout: share zeroed in the two hidden linear layers.
    """

    heads = ("native",)
    source = "Krizhevsky et al. 2012, NeurIPS"
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        layers = Sequence.of(
            conv1=Conv(96, 11, stride=4, padding=1),
            relu1=Act(),
            pool1=Pool("max", 3, 2),
            conv2=Conv(256, 5),
            relu2=Act(),
            pool2=Pool("max", 3, 2),
            conv3=Conv(384),
            relu3=Act(),
            conv4=Conv(384),
            relu4=Act(),
            conv5=Conv(256),
            relu5=Act(),
            pool5=Pool("max", 3, 2),
            flatten=Flatten(),
            linear1=Linear(4096),
            relu6=Act(),
            dropout1=Dropout(self.dropout),
            linear2=Linear(4096),
            relu7=Act(),
            dropout2=Dropout(self.dropout),
            linear3=Linear(shape.num_classes),
        )
        return Network(layers, depth=5, width=96)
