"""Architectures: families that describe networks, their costs by arithmetic, budgets, and the modules.

A family of one's own is written with the names below. `build`, `modules`, `counting`, `custom` and
`torchvision_models` need torch; nothing else does.
"""

from vggsweep.arch.description import (
    Act,
    Attend,
    ClassToken,
    Concat,
    Conv,
    Dropout,
    FirstToken,
    Flatten,
    GlobalPool,
    InputShape,
    LayerScale,
    Linear,
    Network,
    Norm,
    Patches,
    Pool,
    Positions,
    Residual,
    Scale,
    Sequence,
    StochasticDepth,
    squeeze_excite,
)
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.arch.heads import classifier
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
