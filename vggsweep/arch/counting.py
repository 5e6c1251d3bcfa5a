"""Costs of any built module, counted by torch's own FLOP counter on the meta device.

The meta device computes shapes without numbers, so that even VGG-19 at 224 px takes milliseconds. A
user's own network (``arch=custom``) may need numbers and is counted on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vggsweep.arch.costs import Costs, LayerCost


def count_costs(network: nn.Module, channels: int, resolution: int) -> Costs:
    """Count a module as it stands.

    Args:
        network: on the meta device or the CPU (see `vggsweep.arch.build.build_on_meta`).
        channels: input channels.
        resolution: input height and width in pixels.
    """
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d)]
    conv_params = sum(parameter.numel() for conv in convs for parameter in conv.parameters())
    activations = 0

    def add(_module: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal activations
        activations += output.numel()

    handles = [conv.register_forward_hook(add) for conv in convs]
    try:
        macs = _macs_of(lambda: _forward(network, channels, resolution))
    finally:
        for handle in handles:
            handle.remove()
    return Costs(
        params=sum(parameter.numel() for parameter in network.parameters()),
        conv_params=conv_params,
        macs=macs,
        activations=activations,
        depth=len(convs),
        width=convs[0].out_channels if convs else 0,
    )


def count_layers(
    network: nn.Module, channels: int, resolution: int, *, expand: bool = False
) -> list[LayerCost]:
    """One row per child (or per leaf with ``expand``), in the order in which they run.

    A child that runs more than once appears once, with its last shape and all its MACs; work that a
    network does outside its children (a reshape, an addition) has no row.
    """
    chosen = {
        name: module
        for name, module in (network.named_modules() if expand else network.named_children())
        if name and (not expand or not any(module.children()))
    }
    shapes: dict[str, tuple[int, ...]] = {}
    macs: dict[str, int] = {}
    handles = []
    counter = FlopCounterMode(display=False)
    started: dict[str, int] = {}

    def before(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object) -> None:
            started[name] = counter.get_total_flops()

        return hook

    def after(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: object, output: object) -> None:
            shapes[name] = tuple(output.shape) if isinstance(output, Tensor) else ()
            macs[name] = macs.get(name, 0) + (counter.get_total_flops() - started[name]) // 2

        return hook

    for name, module in chosen.items():
        handles.append(module.register_forward_pre_hook(before(name)))
        handles.append(module.register_forward_hook(after(name)))
    try:
        with counter:
            _forward(network, channels, resolution)
    finally:
        for handle in handles:
            handle.remove()
    return [
        LayerCost(
            name,
            type(chosen[name]).__name__,
            shape,
            sum(parameter.numel() for parameter in chosen[name].parameters()),
            macs[name],
        )
        for name, shape in shapes.items()
    ]


def _forward(network: nn.Module, channels: int, resolution: int) -> None:
    was_training = network.training
    network.eval()
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    with torch.no_grad():
        network(torch.zeros(1, channels, resolution, resolution, device=device))
    network.train(was_training)


def _macs_of(forward: Callable[[], None]) -> int:
    with FlopCounterMode(display=False) as counter:
        forward()
    return int(counter.get_total_flops()) // 2
