"""The families: one file each, and here which name of ``arch.family`` means which.

A family of a user's own is the dotted name of its class, or a name that a package announces under the entry
point ``vggsweep.families``.
"""

from __future__ import annotations

from vggsweep.arch.families.alexnet import AlexNet
from vggsweep.arch.families.lenet import LeNet
from vggsweep.arch.families.mlp import Mlp
from vggsweep.arch.families.vgg import ScaledVgg, Vgg
from vggsweep.arch.families.vit import Vit
from vggsweep.arch.family import Family
from vggsweep.arch.settings import CustomSettings, TorchvisionSettings

ArchSettings = Family | TorchvisionSettings | CustomSettings

FAMILIES: dict[str, type[ArchSettings]] = {
    "vgg": Vgg,
    "vgg_scaled": ScaledVgg,
    "alexnet": AlexNet,
    "lenet": LeNet,
    "vit": Vit,
    "mlp": Mlp,
    "torchvision": TorchvisionSettings,
    "custom": CustomSettings,
}
