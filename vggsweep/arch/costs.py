"""What a VGG-type plan costs, by arithmetic alone: parameters, MACs, activations.

Each function stands for one layer and matches one child of the module that `vggsweep.arch.vgg`
builds; tests hold the two equal. One MAC is one multiply-accumulate (two FLOPs); biases, norms,
pools and activations are not counted as MACs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vggsweep.arch.layout import block_layout, head_layout
from vggsweep.arch.plan import Block, NetworkPlan


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
        macs: multiply-accumulates of one forward pass of one image, convolutions and linear layers.
        activations: output elements of all convolutions for one image.
        depth: convolutional layers.
        width: output channels of the first block (of the first convolution in other families).
    """

    params: int
    conv_params: int
    macs: int
    activations: int
    depth: int
    width: int


@dataclass(frozen=True)
class Convolution:
    """One convolution that keeps the resolution.

    Args:
        inputs, outputs: channels.
        kernel: height and width in pixels.
        resolution: height and width of input and output in pixels.
    """

    inputs: int
    outputs: int
    kernel: int
    resolution: int

    @property
    def params(self) -> int:
        return self.outputs * (self.inputs * self.kernel**2 + 1)

    @property
    def activations(self) -> int:
        return self.outputs * self.resolution**2

    @property
    def macs(self) -> int:
        return self.activations * self.inputs * self.kernel**2


def convolutions(plan: NetworkPlan) -> Iterator[tuple[int, Convolution]]:
    """Every convolution with the index of its block, from the input on."""
    inputs, resolution = plan.channels, plan.resolution
    for index, block in enumerate(plan.blocks):
        for kernel in block.kernels:
            yield index, Convolution(inputs, block.channels, kernel, resolution)
            inputs = block.channels
        resolution //= 2


def plan_costs(plan: NetworkPlan) -> Costs:
    """The costs of a plan, without building it."""
    convs = [conv for _, conv in convolutions(plan)]
    conv_params = sum(conv.params for conv in convs)
    norm_params = 2 * sum(conv.outputs for conv in convs) if plan.batch_norm else 0
    head = list(_head_layers(plan))
    return Costs(
        params=conv_params + norm_params + sum(layer.params for layer in head),
        conv_params=conv_params,
        macs=sum(conv.macs for conv in convs) + sum(layer.macs for layer in head),
        activations=sum(conv.activations for conv in convs),
        depth=plan.depth,
        width=plan.width,
    )


def plan_layers(plan: NetworkPlan, *, expand: bool = False) -> list[LayerCost]:
    """One row per child of the network, as the chapter's ``layer_summary`` prints them.

    Args:
        plan: the network.
        expand: show the layers inside each block instead of one row a block.
    """
    rows: list[LayerCost] = []
    convs = list(convolutions(plan))
    for index, block in enumerate(plan.blocks):
        inside = list(_block_layers(plan, index, block, [conv for at, conv in convs if at == index]))
        if expand:
            rows += inside
        else:
            rows.append(
                LayerCost(
                    f"block{index + 1}",
                    "Sequential",
                    inside[-1].output_shape,
                    sum(row.params for row in inside),
                    sum(row.macs for row in inside),
                )
            )
    return rows + list(_head_layers(plan))


def _block_layers(
    plan: NetworkPlan, index: int, block: Block, convs: list[Convolution]
) -> Iterator[LayerCost]:
    """The children of one block in the order that the module holds them."""
    resolution = convs[0].resolution
    shape = (1, block.channels, resolution, resolution)
    for layer in block_layout(plan, index):
        name = f"block{index + 1}.{layer.name}"
        if layer.kind == "conv":
            conv = convs[layer.number - 1]
            yield LayerCost(name, layer.type, shape, conv.params, conv.macs)
        elif layer.kind == "norm":
            yield LayerCost(name, layer.type, shape, 2 * block.channels, 0)
        else:
            if layer.kind == "pool":
                shape = (1, block.channels, resolution // 2, resolution // 2)
            yield LayerCost(name, layer.type, shape, 0, 0)


def _head_layers(plan: NetworkPlan) -> Iterator[LayerCost]:

    shape: tuple[int, ...] = (1, plan.blocks[-1].channels, *(plan.resolution >> len(plan.blocks),) * 2)
    for layer in head_layout(plan):
        if layer.kind == "linear":
            inputs, outputs = shape[1], layer.features
            shape = (1, outputs)
            yield LayerCost(layer.name, layer.type, shape, outputs * (inputs + 1), outputs * inputs)
            continue
        if layer.kind == "gap":
            shape = (1, shape[1], 1, 1)
        elif layer.kind == "flatten":
            shape = (1, shape[1] * shape[2] * shape[3])
        yield LayerCost(layer.name, layer.type, shape, 0, 0)
