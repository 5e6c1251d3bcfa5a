"""The head: from features to class scores."""

from __future__ import annotations

from vggsweep.arch.description import Sequence
from vggsweep.arch.layers import Act, Dropout, Flatten, GlobalPool, Linear
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import ConfigError


def classifier(head: HeadSettings, num_classes: int) -> Sequence:
    """The layers of a configured head, children of the network itself.

    Raises:
        ConfigError: the head's fields contradict each other.
    """
    if (head.hidden is None) == (head.name == "vgg"):
        raise ConfigError(
            f"head.hidden={'null' if head.hidden is None else head.hidden} does not fit head={head.name}: "
            "head=vgg needs a number of units, head=gap has no hidden layer (leave head.hidden out)."
        )
    if head.hidden is None:
        pooled = Sequence.of(gap=GlobalPool(), flatten=Flatten())
        if head.dropout > 0:
            pooled = Sequence.of(pooled, dropout=Dropout(head.dropout))
        return Sequence.of(pooled, linear=Linear(num_classes))
    return Sequence.of(
        flatten=Flatten(),
        linear1=Linear(head.hidden),
        relu1=Act("relu"),
        dropout1=Dropout(head.dropout),
        linear2=Linear(head.hidden),
        relu2=Act("relu"),
        dropout2=Dropout(head.dropout),
        linear3=Linear(num_classes),
    )
