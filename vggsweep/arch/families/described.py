"""A family written in YAML alone: a list of layers in which depth and width may stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vggsweep.arch.checking import check_description
from vggsweep.arch.description import InputShape, Layer, Network, Sequence
from vggsweep.arch.expressions import names_in
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Conv, Linear, Patches
from vggsweep.arch.settings import HeadSettings
from vggsweep.arch.written import read_layers


@dataclass(frozen=True, kw_only=True)
class Described(ScaledFamily):
    """The layers of a list, then those of the head; with ``head=native`` the list ends with the scores.

    Args:
        depth, width: names that the list's expressions may use, beside ``channels``, ``resolution`` and
            ``classes``.
        layers: see `vggsweep.arch.written`.
    """

    heads = ("gap", "vgg", "native")
    source = "the configuration itself"
    layers: Any

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        names = {
            "depth": self.depth,
            "width": self.known_width,
            "channels": shape.channels,
            "resolution": shape.resolution,
            "classes": shape.num_classes,
        }
        layers = read_layers(self.layers, names, "arch.layers")
        if head.name != "native":
            layers = Sequence.of(layers, classifier(head, shape.num_classes))
        width = next(_channels(layers), max(1, int(self.known_width + 0.5)))
        network = Network(layers, self.depth, width, stages=f"{self.depth}x{width}")
        check_description(network, f"arch={self.name}", shape)
        return network

    def idle_fields(self) -> Mapping[str, str]:
        used = {name for text in _texts(self.layers) for name in names_in(text)}
        return {name: f"arch.layers does not name {name}" for name in ("depth", "width") if name not in used}


def _texts(written: object) -> Iterator[str]:
    if isinstance(written, str):
        yield written
    elif isinstance(written, Mapping):
        for value in written.values():
            yield from _texts(value)
    elif isinstance(written, (list, tuple)):
        for value in written:
            yield from _texts(value)


def _channels(layer: Layer) -> Iterator[int]:
    """Output channels of the layers that choose them, in the order in which they stand."""
    if isinstance(layer, Conv | Linear | Patches):
        yield layer.out
    elif isinstance(layer, Sequence):
        for _, child in layer.layers:
            yield from _channels(child)
    else:
        yield from (
            c
            for part in ("body", "shortcut")
            if (inner := getattr(layer, part, None))
            for c in _channels(inner)
        )
