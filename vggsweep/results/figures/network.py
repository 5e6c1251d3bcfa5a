"""The most accurate network, from image to scores: shapes, and where its parameters and MACs lie."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from math import log2
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vggsweep.arch.costs import LayerCost, count, layer_costs
from vggsweep.arch.description import DoesNotFit, InputShape, Layer, Network, Sequence, Shape
from vggsweep.arch.family import described
from vggsweep.errors import ConfigError, InfeasibleConfig, NothingToDraw, RecordError
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.recorded_network import recorded_network
from vggsweep.results.figures.style import (
    BLUE,
    FAINT,
    INK,
    LEGEND,
    ORANGE,
    RULE,
    complete_rows,
    note,
    plain,
)
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.units import short_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# More rows would be a list and no picture.
MOST_BOXES = 40
# These end a feature map, so that what follows is drawn apart from it.
TURNS = ("AdaptiveAvgPool2d", "Flatten", "FirstToken")
# The layer that a box is named after.
WEIGHTED = ("Conv2d", "Linear", "Patches")

# A child of the network with its name, and what it costs.
Child = tuple[tuple[str, Layer], LayerCost]
# Of a row's height, what the fewest and the most channels fill.
THINNEST, THICKEST = 0.22, 0.86


def network_boxes(table: pd.DataFrame, value: str = "val_acc") -> pd.DataFrame:
    """The parts of the most accurate network, from its record; seeds are averaged.

    Stages and blocks are one box each, blocks that are equal share one; layers that cost nothing stand with
    the layer before them.

    Args:
        table: a results table with the column ``dir``; only COMPLETE trials count.
        value: a column of which more is better.

    Returns:
        One row for each box: ``name``; ``content``, such as ``3 × block``; ``shape`` of what leaves it,
        for one image (channels and pixels, tokens and channels, or features); ``params``; ``macs``.

    Raises:
        NothingToDraw: no finished trial has the value, or its record describes no network of our families.
    """
    _, network, shape = _best_network(table, value)
    return network_parts(network, shape)


def network_figure(table: pd.DataFrame, value: str = "val_acc") -> Figure:
    """The most accurate network from top to bottom, with each part's share of the costs.

    A box is as wide as its feature map and as thick as it has channels, both on a logarithmic scale.

    Raises:
        NothingToDraw: see `network_boxes`.
    """
    record, network, shape = _best_network(table, value)
    boxes = network_parts(network, shape)
    costs = boxes[["params", "macs"]].sum()
    figure = Figure(figsize=(6.4, 0.34 * len(boxes) + 1.9), layout="constrained")
    outlines, shares = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _draw_outlines(outlines, boxes, shape)
    _draw_shares(shares, boxes, shape)
    for axes in (outlines, shares):
        axes.spines[["top", "right", "left", "bottom"]].set_visible(False)
        axes.set_ylim(len(boxes) + 0.5, -0.6)
        axes.tick_params(length=0, labelcolor=INK, labelsize=8.5)
        axes.xaxis.label.set(color=INK, fontsize=8.5)
    name = plain(str(record.network.get("arch")))
    figure.suptitle(
        f"trial {record.trial}: {name}, depth {network.depth}, width {network.width}\n"
        f"{short_count(costs['params'])} parameters, {short_count(costs['macs'])} MACs",
        color=INK,
        fontsize=9.5,
    )
    return figure


# --- numbers


def _best_network(table: pd.DataFrame, value: str) -> tuple[Record, Network, InputShape]:
    means = complete_rows(mean_over_seeds(table), value)
    best = means.sort_values(value, ascending=False, kind="stable").iloc[0]
    record = readable_record(Path(str(best.get("dir"))))
    if record is None:
        raise NothingToDraw("the record of the most accurate trial cannot be read")
    return record, *_recorded_network(record)


def _recorded_network(record: Record) -> tuple[Network, InputShape]:
    try:
        found = recorded_network(record)
        network = described(found.arch, found.head, found.shape)
        costs = count(network, found.shape.image)
    except RecordError as error:
        raise NothingToDraw(f"the most accurate network {error}") from None
    except (ConfigError, InfeasibleConfig, DoesNotFit) as error:
        reason = str(error).rstrip(".")
        raise NothingToDraw(f"the most accurate network cannot be described again: {reason}") from None
    for name in ("params", "macs"):
        if record.costs.get(name) != getattr(costs, name):
            raise NothingToDraw(
                f"{name} of the most accurate trial's record are not those of the network that it describes"
            )
    return network, found.shape


# --- drawing


def _draw_outlines(axes: Axes, boxes: pd.DataFrame, shape: InputShape) -> None:
    shapes = [shape.image, *boxes["shape"]]
    sides = [_side(one) for one in shapes]
    channels = [log2(1 + _channels(one)) for one in shapes]
    widths = [(1 + log2(side)) / (1 + log2(max(sides))) for side in sides]
    thick = [THINNEST + (THICKEST - THINNEST) * one / max(channels) for one in channels]
    rows = range(len(shapes))
    axes.plot([0, 0], [0, len(boxes)], color=FAINT, linewidth=0.8, zorder=1)
    starts = [-width / 2 for width in widths]
    axes.barh(rows, widths, thick, starts, color=RULE, edgecolor=FAINT, linewidth=0.8, zorder=2)
    axes.set_xlim(-0.54, 0.54)
    axes.set_xticks([])
    labels = map(_label, boxes["name"], boxes["content"])
    axes.set_yticks(rows, ["image", *map(plain, labels)])
    axes.set_xlabel("wide: pixels, thick: channels (log)")


def _label(name: str, content: str) -> str:
    """What stands beside a box: blocks that repeat are counted, and no name says more."""
    if "×" not in content:
        return name
    return content if "–" in name else f"{name}: {content}"


def _draw_shares(axes: Axes, boxes: pd.DataFrame, shape: InputShape) -> None:
    rows = np.arange(1, len(boxes) + 1)
    for column, label, colour, offset in (
        ("macs", "MACs", BLUE, -0.19),
        ("params", "parameters", ORANGE, 0.19),
    ):
        shares = boxes[column] / max(1, boxes[column].sum())
        axes.barh(rows + offset, shares, 0.32, color=colour, label=label)
        for row, share in zip(rows + offset, shares, strict=True):
            if share > 0:
                text = f"{share:.0%}" if share >= 0.01 else "<1%"
                note(axes, text, (share, row), (3, 0), va="center", fontsize=7)
    axes.set_xlim(0, 1.2)
    axes.set_xticks([])
    axes.set_yticks([0, *rows], [_shape_text(shape.image), *boxes["shape"].map(_shape_text)])
    axes.set_xlabel("share of the whole network")
    # from the right edge, as a browser's font may be wider than the one that was measured
    axes.legend(loc="lower right", bbox_to_anchor=(0.94, 1), ncols=2, borderaxespad=0.2, **LEGEND)


def _side(shape: tuple[int, ...]) -> float:
    """Pixels along an edge; tokens count as if they lay in a square."""
    return shape[-1] if len(shape) == 3 else shape[0] ** 0.5 if len(shape) == 2 else 1.0


def _channels(shape: tuple[int, ...]) -> int:
    return shape[0] if len(shape) == 3 else shape[-1]


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} tokens × {shape[1]}" if len(shape) == 2 else " × ".join(map(str, shape))


# --- parts: a described network as few boxes


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
        See `network_boxes`.

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
