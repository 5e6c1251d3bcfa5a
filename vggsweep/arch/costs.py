"""What a described network costs, by arithmetic alone: parameters, MACs, activations.

One MAC is one multiply-accumulate (two FLOPs); biases, norms, pools, activations and additions are not
counted as MACs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vggsweep.arch.description import (
    Concat,
    DoesNotFit,
    InputShape,
    Layer,
    Network,
    Residual,
    Scale,
    Sequence,
    Shape,
)
from vggsweep.arch.family import Family, described
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import InfeasibleConfig

# Larger images than this are not tried when a resolution is refused.
LARGEST_RESOLUTION = 1024


@dataclass(frozen=True)
class LayerCost:
    """One row of the summary.

    Args:
        name: path of the module, such as ``block1`` or ``block1.conv1``.
        type: class name of the module.
        output_shape: for one image, batch axis first.
        params: parameters, biases and norms included.
        macs: multiply-accumulates of one forward pass of one image.
    """

    name: str
    type: str
    output_shape: tuple[int, ...]
    params: int
    macs: int


@dataclass(frozen=True)
class Costs:
    """What a network costs before it is trained.

    Args:
        params: all parameters.
        conv_params: parameters of the convolutions, biases included, norms not.
        macs: multiply-accumulates of one forward pass of one image: convolutions, linear layers, attention.
        activations: output elements of all convolutions for one image.
        depth: the family's depth dial (convolutional layers where a network has none).
        width: the family's width dial (output channels of the first convolution where it has none).
    """

    params: int
    conv_params: int
    macs: int
    activations: int
    depth: int
    width: int


def count(network: Network, image: Shape) -> Costs:
    """The costs of a described network for one image of this shape.

    Raises:
        DoesNotFit: a layer cannot take what comes before it.
    """
    effect = network.layers.effect(image)
    return Costs(
        params=effect.params,
        conv_params=effect.conv_params,
        macs=effect.macs,
        activations=effect.activations,
        depth=network.depth,
        width=network.width,
    )


def family_costs(arch: Family, head: HeadSettings, shape: InputShape) -> Costs:
    """The costs of a family's network.

    Raises:
        InfeasibleConfig: there is no such network for this input; names the layer and what would fit.
        ConfigError: the settings contradict each other.
    """
    try:
        return count(described(arch, head, shape), shape.image)
    except DoesNotFit as fault:
        raise _infeasible(arch, head, shape, fault) from None


def _infeasible(arch: Family, head: HeadSettings, shape: InputShape, fault: DoesNotFit) -> InfeasibleConfig:
    """The fault of a layer, with a resolution at which there is none."""

    def fits(resolution: int) -> bool:
        tried = InputShape(shape.channels, resolution, shape.num_classes)
        try:
            count(described(arch, head, tried), tried.image)
        except (DoesNotFit, InfeasibleConfig):
            return False
        return True

    works = next((r for r in range(shape.resolution + 1, LARGEST_RESOLUTION) if fits(r)), None)
    if works is None:
        return InfeasibleConfig(f"There is no such {arch.name}: layer {fault}.")
    return InfeasibleConfig(
        f"dataset.resolution={shape.resolution} is too small for {arch.name}: layer {fault}. The smallest "
        f"that works is dataset.resolution={works}."
    )


def layer_costs(network: Network, image: Shape, *, expand: bool = False) -> list[LayerCost]:
    """One row per child of the network, as the chapter's ``layer_summary`` prints them.

    Args:
        network: as described.
        image: shape of one image.
        expand: one row for every layer inside the children instead.
    """
    rows = []
    for name, layer, shape in _leaves(network.layers, image) if expand else _children(network.layers, image):
        effect = layer.effect(shape)
        rows.append(LayerCost(name, layer.type, (1, *effect.shape), effect.params, effect.macs))
    return rows


def _children(sequence: Sequence, shape: Shape) -> Iterator[tuple[str, Layer, Shape]]:
    for name, layer in sequence.layers:
        yield name, layer, shape
        shape = layer.effect(shape).shape


def _leaves(layer: Layer, shape: Shape, path: str = "") -> Iterator[tuple[str, Layer, Shape]]:
    """Every layer without children, its path and its input's shape, in the order in which they run."""
    inner: list[tuple[str, Layer, Shape]]
    match layer:
        case Sequence():
            inner = list(_children(layer, shape))
        case Residual(body, shortcut):
            inner = [("body", body, shape), *([("shortcut", shortcut, shape)] if shortcut else [])]
        case Concat(body) | Scale(body):
            inner = [("body", body, shape)]
        case _:
            yield path, layer, shape
            return
    for name, child, before in inner:
        yield from _leaves(child, before, f"{path}.{name}" if path else name)
