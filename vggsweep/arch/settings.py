"""What a configuration says about the network besides its family: head, budget, other packages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from vggsweep.errors import ConfigError
from vggsweep.settings import setting

Initialization = Literal["xavier_uniform", "kaiming_normal", "trunc_normal", "torch"]
BudgetName = Literal["none", "macs", "params", "conv_params", "activations"]


@dataclass(frozen=True, kw_only=True)
class TorchvisionSettings:
    """Any classifier of torchvision or timm, adapted to the data set's channels and classes.

    Args:
        family: the package.
        name: as the package spells it.
        pretrained: True loads the package's own weights, a text those of a file; see
            `vggsweep.arch.pretrained`.
    """

    family: Literal["torchvision", "timm"]
    name: str
    pretrained: bool | str


@dataclass(frozen=True, kw_only=True)
class CustomSettings:
    """A network of the user's own, see `vggsweep.arch.custom`.

    Args:
        target: dotted name of what makes it.
        options: keywords that it gets besides ``channels`` and ``num_classes``.
        name: what tables call it.
        scale_by: the option that a budget solves, a whole number from 1 on; None where there is no budget.
    """

    family: Literal["custom"]
    target: str
    options: Any
    name: str
    scale_by: str | None

    @property
    def scaled(self) -> int | None:
        """What is given for the option that a budget would solve.

        Raises:
            ConfigError: ``options`` are no keywords.
        """
        if not isinstance(self.options, Mapping):
            raise ConfigError(
                f"arch.options={self.options} should be keywords, such as '+arch.options.size=3'."
            )
        value: int | None = self.options.get(self.scale_by) if self.scale_by is not None else None
        return value

    def at_scale(self, value: int) -> Self:
        """The same network with another value of that option."""
        return replace(self, options={**self.options, self.scale_by: value})


@dataclass(frozen=True, kw_only=True)
class HeadSettings:
    """What turns features into class scores.

    Args:
        name: ``vgg``, ``gap``, or ``native``: the head that a comparator brings with it.
        hidden: units of each hidden layer; ``vgg`` only, null otherwise.
        dropout: share of the units zeroed in training.
    """

    name: Literal["vgg", "gap", "native"]
    hidden: int | None = setting(minimum=1)
    dropout: float = setting(minimum=0.0, below=1.0)


@dataclass(frozen=True, kw_only=True)
class BudgetSettings:
    """The ``budget`` group: a cost that every network of a comparison meets.

    Args:
        name: the cost, or ``none``.
        target: its value: for one image (MACs, activations) or for the network (params, conv_params).
        like: fields of ``arch``; instead of a target, what the network costs with them.
        tolerance: largest accepted distance from the target, as a share of it.
    """

    name: BudgetName
    target: float | None = setting(above=0.0)
    like: Any
    tolerance: float | None = setting(above=0.0, below=1.0)
