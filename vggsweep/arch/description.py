"""A network as a small tree of frozen layers: checked and counted before anything is built, without torch.

    Network     layers and the two dials that tables show
    Sequence    named layers, one after the other; the names are those of the module's children
    leaves      (layers.py) Conv Norm Act Pool GlobalPool PadChannels Flatten Linear Dropout StochasticDepth
                LayerScale, and for tokens Patches ClassToken Positions Attend FirstToken
    branches    Residual (x + body), Concat (x beside body), Scale (x times body)

Each layer knows its arithmetic: `effect` gives the shape it makes of a shape and what that costs for one
image. `vggsweep.arch.costs` sums it up, `vggsweep.arch.build` makes the `torch.nn` module of the same layer,
and tests hold the two equal. Shapes have no batch axis: (channels, height, width) for feature maps, (tokens,
channels) for sequences, (features,) for vectors.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Protocol

Shape = tuple[int, ...]


@dataclass(frozen=True)
class InputShape:
    """What a network sees and answers.

    Args:
        channels: input channels.
        resolution: input height and width in pixels.
        num_classes: class scores.
    """

    channels: int
    resolution: int
    num_classes: int

    @property
    def image(self) -> Shape:
        """One image: (channels, height, width)."""
        return (self.channels, self.resolution, self.resolution)


class DoesNotFit(Exception):
    """A layer cannot take what comes before it.

    Args:
        reason: what is wrong, as the end of a sentence about the layer.
        path: names of the layers that lead to it.
    """

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(f"{path} {reason}".strip())
        self.reason, self.path = reason, path

    def inside(self, name: str) -> DoesNotFit:
        """The same fault, seen from the layer's parent."""
        return DoesNotFit(self.reason, f"{name}.{self.path}".rstrip("."))


class Effect(NamedTuple):
    """What a layer makes of one image.

    Args:
        shape: of its output.
        params: all parameters.
        macs: multiply-accumulates of convolutions, linear layers and attention.
        conv_params: parameters of convolutions, biases included.
        activations: output elements of convolutions.
    """

    shape: Shape
    params: int = 0
    macs: int = 0
    conv_params: int = 0
    activations: int = 0


class Layer(Protocol):
    """A layer of a description.

    Args:
        type: class name of the module that is built from it.
    """

    @property
    def type(self) -> str: ...

    def effect(self, shape: Shape) -> Effect:
        """What it makes of an input of this shape, and at what cost.

        Raises:
            DoesNotFit: it cannot take such an input.
        """
        ...


# --- trees


@dataclass(frozen=True)
class Sequence:
    """Layers one after the other, each with the name of its module.

    >>> from vggsweep.arch.layers import Act, Conv
    >>> Sequence.of(conv=Conv(8), act=Act()).effect((1, 4, 4)).shape
    (8, 4, 4)
    """

    layers: tuple[tuple[str, Layer], ...]
    type: ClassVar[str] = "Sequential"

    @classmethod
    def of(cls, *parts: Sequence | Iterable[tuple[str, Layer]], **layers: Layer) -> Sequence:
        """One sequence of several: other sequences or named layers, then the keywords."""
        pairs: list[tuple[str, Layer]] = []
        for part in parts:
            pairs += part.layers if isinstance(part, Sequence) else part
        return cls((*pairs, *layers.items()))

    @classmethod
    def numbered(cls, name: str, layers: Iterable[Layer]) -> Sequence:
        """Call layers ``name1``, ``name2`` and so on."""
        return cls(tuple((f"{name}{number}", layer) for number, layer in enumerate(layers, 1)))

    def effect(self, shape: Shape) -> Effect:
        params = macs = conv_params = activations = 0
        for name, layer in self.layers:
            try:
                one = layer.effect(shape)
            except DoesNotFit as fault:
                raise fault.inside(name) from None
            shape = one.shape
            params += one.params
            macs += one.macs
            conv_params += one.conv_params
            activations += one.activations
        return Effect(shape, params, macs, conv_params, activations)


@dataclass(frozen=True)
class Residual:
    """``shortcut(x) + body(x)`` (He et al. 2015, arXiv:1512.03385); no shortcut passes x itself."""

    body: Sequence
    shortcut: Sequence | None = None
    type: ClassVar[str] = "Residual"

    def effect(self, shape: Shape) -> Effect:
        body = inside("body", self.body, shape)
        passed = inside("shortcut", self.shortcut, shape) if self.shortcut else Effect(shape)
        if body.shape != passed.shape:
            raise DoesNotFit(f"cannot add {shown(passed.shape)} and {shown(body.shape)}")
        return _both(body, passed, body.shape)


@dataclass(frozen=True)
class Concat:
    """x and ``body(x)``, channels one after the other (Huang et al. 2016, arXiv:1608.06993)."""

    body: Sequence
    type: ClassVar[str] = "Concat"

    def effect(self, shape: Shape) -> Effect:
        body = inside("body", self.body, shape)
        if body.shape[1:] != shape[1:]:
            raise DoesNotFit(f"cannot put {shown(shape)} and {shown(body.shape)} side by side")
        return _both(body, Effect(shape), (shape[0] + body.shape[0], *shape[1:]))


@dataclass(frozen=True)
class Scale:
    """``x · body(x)``, where the body gives one factor per channel; see `squeeze_excite`."""

    body: Sequence
    type: ClassVar[str] = "Scale"

    def effect(self, shape: Shape) -> Effect:
        body = inside("body", self.body, shape)
        if body.shape != (as_map(shape)[0], 1, 1):
            raise DoesNotFit(f"cannot multiply {shown(shape)} by {shown(body.shape)}")
        return _both(body, Effect(shape), shape)


@dataclass(frozen=True)
class Network:
    """A whole network.

    Args:
        layers: from an image to class scores.
        depth, width: the family's dials, as tables show them.
        stages: one word for what the dials became, such as ``1x16-1x32-2x64``; None where there are none.
    """

    layers: Sequence
    depth: int
    width: int
    stages: str | None = None


def inside(name: str, layer: Layer, shape: Shape) -> Effect:
    """The effect of a child; a fault names it."""
    try:
        return layer.effect(shape)
    except DoesNotFit as fault:
        raise fault.inside(name) from None


def as_map(shape: Shape) -> tuple[int, int, int]:
    """A feature map's channels, height and width.

    Raises:
        DoesNotFit: the shape is none.
    """
    if len(shape) != 3:
        raise DoesNotFit(f"needs a feature map and gets {shown(shape)}")
    return shape[0], shape[1], shape[2]


def channel_axis(shape: Shape) -> int:
    """Where channels stand: first in a feature map, last elsewhere."""
    return 0 if len(shape) == 3 else -1


def _both(one: Effect, other: Effect, shape: Shape) -> Effect:
    return Effect(shape, *(a + b for a, b in zip(one[1:], other[1:], strict=True)))


def shown(shape: Shape) -> str:
    """A shape in words: ``3 x 32 x 32``."""
    return " x ".join(map(str, shape))
