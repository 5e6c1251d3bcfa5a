"""The families: one file each, and here which name of ``arch.family`` means which.

A family of a user's own is the dotted name of its class, or a name that a package announces under the entry
point ``vggsweep.families``; see `vggsweep.arch.families.own`.
"""

from __future__ import annotations

from vggsweep.arch.families.alexnet import AlexNet
from vggsweep.arch.families.convnext import ScaledConvNeXt
from vggsweep.arch.families.densenet import ScaledDenseNet
from vggsweep.arch.families.described import Described
from vggsweep.arch.families.lenet import LeNet
from vggsweep.arch.families.mlp import Mlp
from vggsweep.arch.families.mobilenet import ScaledMobileNet
from vggsweep.arch.families.nin import ScaledNetworkInNetwork
from vggsweep.arch.families.own import announced_families, own_family
from vggsweep.arch.families.regnet import RegNet
from vggsweep.arch.families.resnet import ScaledResNet
from vggsweep.arch.families.vgg import ScaledVgg, Vgg
from vggsweep.arch.families.vit import Vit
from vggsweep.arch.family import Family
from vggsweep.arch.settings import CustomSettings, TorchvisionSettings
from vggsweep.errors import ConfigError, near_match

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
    "vit": Vit,
    "mlp": Mlp,
    "described": Described,
    "torchvision": TorchvisionSettings,
    "timm": TorchvisionSettings,
    "custom": CustomSettings,
}


def family_class(name: str) -> type[ArchSettings]:
    """The settings that ``arch.family`` means: ours, else those of a user's own family.

    Raises:
        ConfigError: there is no such family, or it cannot be loaded.
    """
    if name == "None":
        raise ConfigError(
            "arch.family is missing: an option of arch builds on another (`defaults: [described]` where its "
            "layers stand in YAML) or names its class (`family: my_file.MyNet`)."
        )
    found = FAMILIES.get(name) or own_family(name)
    if found is None:
        known = [*FAMILIES, *announced_families()]
        raise ConfigError(
            f"arch.family={name}: no such choice. {near_match(name, known)} A family of your own is the "
            "dotted name of its class."
        )
    return found
