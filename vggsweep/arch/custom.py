"""Networks of a user: whatever callable makes a module from the data's channels and classes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vggsweep.arch.description import InputShape
from vggsweep.arch.settings import CustomSettings
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.importing import called, check_call, load_callable, own_words


def build_custom(arch: CustomSettings, shape: InputShape) -> nn.Module:
    """The user's module, on the device that is torch's default, after one forward pass of one image.

    The pass lets lazy layers learn their sizes and shows that the network answers such images at all.

    Raises:
        ConfigError: ``arch.target`` cannot be imported or called so, or makes no such classifier.
        InfeasibleConfig: the user's code refuses these options or this image size.
    """
    network = _call(arch, shape)
    if not isinstance(network, nn.Module):
        raise ConfigError(
            f"arch.target={arch.target} made a {type(network).__name__}; it should make a torch.nn.Module."
        )
    images = torch.zeros(1, shape.channels, shape.resolution, shape.resolution)
    try:
        with torch.no_grad():
            scores = network.eval()(images)
    except Exception as error:
        raise InfeasibleConfig(
            f"{arch.target} cannot take images of {shape.channels} x {shape.resolution} x {shape.resolution} "
            f"({own_words(error)})."
        ) from error
    expected = (1, shape.num_classes)
    if not isinstance(scores, Tensor) or tuple(scores.shape) != expected:
        given = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ConfigError(
            f"{arch.target} answers one image with {given}; class scores of shape {expected} are needed."
        )
    return network.train()


def try_custom(arch: CustomSettings, shape: InputShape) -> nn.Module:
    """The same for looking at: on the CPU, without touching torch's random numbers.

    Unlike our own networks it gets numbers: code that reads them would not run on the meta device.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        return build_custom(arch, shape)


def _call(arch: CustomSettings, shape: InputShape) -> object:
    factory = load_callable(arch.target, "arch.target", "my_networks.MyNet")
    words = check_call(
        factory,
        arch.target,
        "arch.target",
        gets="the keywords channels and num_classes",
        options=arch.options,
        keywords={"channels": shape.channels, "num_classes": shape.num_classes},
    )
    return called(factory, arch.target, words)
