"""The families: one file each, and here which name of ``arch.family`` means which.

A family of a user's own is the dotted name of its class, or a name that a package announces under the entry
point ``vggsweep.families``.
"""

from __future__ import annotations

from vggsweep.arch.families.alexnet import AlexNet
from vggsweep.arch.families.convnext import ScaledConvNeXt
from vggsweep.arch.families.densenet import ScaledDenseNet
from vggsweep.arch.families.lenet import LeNet
from vggsweep.arch.families.mobilenet import ScaledMobileNet
from vggsweep.arch.families.nin import ScaledNetworkInNetwork
from vggsweep.arch.families.regnet import RegNet
from vggsweep.arch.families.resnet import ScaledResNet
from vggsweep.arch.families.vgg import ScaledVgg, Vgg
from vggsweep.arch.family import Family
from vggsweep.arch.settings import CustomSettings, TorchvisionSettings

ArchSettings = Family | TorchvisionSettings | CustomSettings

FAMILIES: dict[str, type[ArchSettings]] = {
    "vgg": Vgg,
    "vgg_scaled": ScaledVgg,
    "resnet_scaled": ScaledResNet,
    "regnet": RegNet,
    "densenet": ScaledDenseNet,
    "mobilenet": ScaledMobileNet,
    "convnext": ScaledConvNeXt,
    "nin": ScaledNetworkInNetwork,
    "alexnet": AlexNet,
    "lenet": LeNet,
    "torchvision": TorchvisionSettings,
    "custom": CustomSettings,
}
