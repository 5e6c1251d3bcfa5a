"""A described network as few boxes: stages and blocks, with their shapes and costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import pandas as pd

from vggsweep.arch.costs import LayerCost, layer_costs
from vggsweep.arch.description import InputShape, Layer, Network, Sequence, Shape
from vggsweep.errors import NothingToDraw

# More rows would be a list and no picture.
MOST_BOXES = 40
# These end a feature map, so that what follows is drawn apart from it.
TURNS = ("AdaptiveAvgPool2d", "Flatten", "FirstToken")
# The layer that a box is named after.
WEIGHTED = ("Conv2d", "Linear", "Patches")

# A child of the network with its name, and what it costs.
Child = tuple[tuple[str, Layer], LayerCost]


@dataclass(frozen=True)
class Part:
    """Children of the network that are drawn as one box.

    Args:
        names, layers: of the children.
        shape: of what leaves the last one.
        params, macs: of all together.
    """

    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    shape: Shape
    params: int
    macs: int

    @property
    def name(self) -> str:
        """The first layer with weights stands for those around it."""
        pairs = zip(self.names, self.layers, strict=True)
        return next((name for name, layer in pairs if layer.type in WEIGHTED), self.names[0])


def network_parts(network: Network, shape: InputShape) -> pd.DataFrame:
    """A network as few boxes, in the order in which an image passes them.

    A child with layers of its own, such as a stage, is one box; children that are equal and follow one
    another, such as a transformer's blocks, share one; a layer without MACs joins the one before it.

    Args:
        network: as described.
        shape: what it sees.

    Returns:
        See `vggsweep.results.figures.network.network_boxes`.

    Raises:
        NothingToDraw: there are more than `MOST_BOXES`.
    """
    children = zip(network.layers.layers, layer_costs(network, shape.image), strict=True)
    parts = [_part(group) for group in _grouped(children)]
    alike = [list(same) for _, same in groupby(parts, key=lambda part: replace(part, names=()))]
    if len(alike) > MOST_BOXES:
        raise NothingToDraw(
            f"the most accurate network has {len(alike)} parts, more than one can see ({MOST_BOXES})"
        )
    return pd.DataFrame(
        {
            "name": _name(same),
            "content": _content(same),
            "shape": same[0].shape,
            "params": sum(part.params for part in same),
            "macs": sum(part.macs for part in same),
        }
        for same in alike
    )


def _grouped(children: Iterable[Child]) -> Iterator[list[Child]]:
    """The network's children, each leaf that is no part alone with those before it."""
    group: list[Child] = []
    for child in children:
        (_, layer), cost = child
        is_apart = _is_tree(layer) or (bool(group) and _is_tree(group[-1][0][1]))
        has_work = any(before.macs for _, before in group)
        if group and (is_apart or (has_work and (cost.macs > 0 or layer.type in TURNS))):
            yield group
            group = []
        group.append(child)
    if group:
        yield group


def _part(group: list[Child]) -> Part:
    return Part(
        names=tuple(name for (name, _), _ in group),
        layers=tuple(layer for (_, layer), _ in group),
        shape=group[-1][1].output_shape[1:],
        params=sum(cost.params for _, cost in group),
        macs=sum(cost.macs for _, cost in group),
    )


def _is_tree(layer: Layer) -> bool:
    return isinstance(layer, Sequence) or hasattr(layer, "body")


def _name(same: list[Part]) -> str:
    first, last = same[0].name, same[-1].name
    return first if len(same) == 1 else f"{first}–{last[len(_stem(last)) :]}"


def _content(same: list[Part]) -> str:
    if len(same) > 1:
        return f"{len(same)} × {_stem(same[0].name)}"
    layer = same[0].layers[0]
    if not _is_tree(layer):
        return ", ".join(same[0].names)
    children = list(_inside(layer))
    blocks = [name for name, child in children if _is_tree(child)]
    is_all_blocks = not any(child.type in WEIGHTED for _, child in children)
    stems = [_stem(name) for name in (blocks if blocks and is_all_blocks else _weighted(layer))]
    counts = {stem: stems.count(stem) for stem in stems}
    return ", ".join(f"{count} × {stem}" if count > 1 else stem for stem, count in counts.items())


def _stem(name: str) -> str:
    return name.rstrip("0123456789")


def _inside(layer: Any) -> Iterator[tuple[str, Layer]]:
    if isinstance(layer, Sequence):
        yield from layer.layers
    elif hasattr(layer, "body"):
        yield from layer.body.layers
        if getattr(layer, "shortcut", None) is not None:
            yield from layer.shortcut.layers


def _weighted(layer: Layer) -> Iterator[str]:
    """Names of the convolutions and linear layers in it, however deep."""
    for name, child in _inside(layer):
        if _is_tree(child):
            yield from _weighted(child)
        elif child.type in WEIGHTED:
            yield name
