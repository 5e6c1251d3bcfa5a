"""Architectures: families that describe networks, their costs by arithmetic, budgets, and the modules.

A family of one's own is written with the names below. `build`, `modules`, `counting`, `custom` and
`torchvision_models` need torch; nothing else does.
"""

from vggsweep.arch.description import Concat, InputShape, Network, Residual, Scale, Sequence
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import (
    Act,
    Attend,
    ClassToken,
    Conv,
    Dropout,
    FirstToken,
    Flatten,
    GlobalPool,
    LayerScale,
    Linear,
    Norm,
    Patches,
    Pool,
    Positions,
    StochasticDepth,
    squeeze_excite,
)
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import InfeasibleConfig
from vggsweep.settings import setting

__all__ = [
    "Act",
    "Attend",
    "ClassToken",
    "Concat",
    "Conv",
    "Dropout",
    "Family",
    "FirstToken",
    "Flatten",
    "GlobalPool",
    "HeadSettings",
    "InfeasibleConfig",
    "InputShape",
    "LayerScale",
    "Linear",
    "Network",
    "Norm",
    "Patches",
    "Pool",
    "Positions",
    "Residual",
    "Scale",
    "ScaledFamily",
    "Sequence",
    "StochasticDepth",
    "classifier",
    "setting",
    "squeeze_excite",
]
