"""Networks of other families, to hold a VGG-type network against."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from torch import nn

from vggsweep.arch.settings import AlexNetSettings
from vggsweep.errors import ConfigError, near_match


def build_alexnet(arch: AlexNetSettings, channels: int, num_classes: int) -> nn.Sequential:
    """AlexNet (Krizhevsky, Sutskever & Hinton 2012) in one tower, as d2l.ai writes it for one channel."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 96, kernel_size=11, stride=4, padding=1),
            relu1=nn.ReLU(inplace=True),
            pool1=nn.MaxPool2d(kernel_size=3, stride=2),
            conv2=nn.Conv2d(96, 256, kernel_size=5, padding=2),
            relu2=nn.ReLU(inplace=True),
            pool2=nn.MaxPool2d(kernel_size=3, stride=2),
            conv3=nn.Conv2d(256, 384, kernel_size=3, padding=1),
            relu3=nn.ReLU(inplace=True),
            conv4=nn.Conv2d(384, 384, kernel_size=3, padding=1),
            relu4=nn.ReLU(inplace=True),
            conv5=nn.Conv2d(384, 256, kernel_size=3, padding=1),
            relu5=nn.ReLU(inplace=True),
            pool5=nn.MaxPool2d(kernel_size=3, stride=2),
            flatten=nn.Flatten(),
            linear1=nn.LazyLinear(4096),
            relu6=nn.ReLU(inplace=True),
            dropout1=nn.Dropout(arch.dropout),
            linear2=nn.Linear(4096, 4096),
            relu7=nn.ReLU(inplace=True),
            dropout2=nn.Dropout(arch.dropout),
            linear3=nn.Linear(4096, num_classes),
        )
    )


def build_lenet(channels: int, num_classes: int) -> nn.Sequential:
    """LeNet-5 (LeCun et al. 1998) with today's ReLU and max-pooling."""
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, 6, kernel_size=5, padding=2),
            relu1=nn.ReLU(inplace=True),
            pool1=nn.MaxPool2d(kernel_size=2, stride=2),
            conv2=nn.Conv2d(6, 16, kernel_size=5),
            relu2=nn.ReLU(inplace=True),
            pool2=nn.MaxPool2d(kernel_size=2, stride=2),
            flatten=nn.Flatten(),
            linear1=nn.LazyLinear(120),
            relu3=nn.ReLU(inplace=True),
            linear2=nn.Linear(120, 84),
            relu4=nn.ReLU(inplace=True),
            linear3=nn.Linear(84, num_classes),
        )
    )


def build_torchvision(name: str, channels: int, num_classes: int) -> nn.Module:
    """A torchvision classifier with fresh weights for any number of channels and classes.

    Args:
        name: as `torchvision.models.list_models` spells it, such as ``resnet18``.
        channels: input channels; a first convolution made for three is replaced by one of this many.
        num_classes: class scores.

    Raises:
        ConfigError: torchvision has no classifier of that name.
    """
    import torchvision  # takes 1.5 s, which networks of other families need not wait for

    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ConfigError(f"arch.name={name} is not a torchvision classifier. {near_match(name, known)}")
    # Auxiliary classifiers would make training return a tuple; they serve inputs of 299 px only.
    extra: dict[str, Any] = (
        {"aux_logits": False, "init_weights": True} if name in ("googlenet", "inception_v3") else {}
    )
    network: nn.Module = torchvision.models.get_model(name, weights=None, num_classes=num_classes, **extra)
    if channels != 3:
        _replace_first_convolution(network, channels)
    return network


def _replace_first_convolution(network: nn.Module, channels: int) -> None:
    path, conv = next(
        (path, module) for path, module in network.named_modules() if isinstance(module, nn.Conv2d)
    )
    parent = network.get_submodule(path.rpartition(".")[0])
    fresh = nn.Conv2d(
        channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        bias=conv.bias is not None,
    )
    setattr(parent, path.rpartition(".")[2], fresh)
