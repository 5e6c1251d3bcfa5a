"""What an architecture family is: a frozen dataclass of its settings that describes the network they mean.

A family is one file with such a class and one YAML file under ``conf/arch``. Everything else follows from the
description: costs without torch, the module, budgets, summaries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from vggsweep.arch.checking import described_by
from vggsweep.arch.description import InputShape, Network
from vggsweep.arch.settings import HeadSettings, Initialization
from vggsweep.errors import ConfigError
from vggsweep.settings import setting


@dataclass(frozen=True, kw_only=True)
class Family:
    """Settings of one network of a family; a subclass adds its own fields and says what they mean.

    Args:
        family: which family, as ``conf/arch`` names it.
        name: what tables call it.
        init: how weights are drawn.
    """

    family: str
    name: str
    init: Initialization

    # The options of the head group that it takes; a family with a head of its own takes ``native``.
    heads: ClassVar[tuple[str, ...]] = ("gap", "vgg")
    # Where it was published, for the documents.
    source: ClassVar[str] = ""

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        """The network that these settings mean.

        Args:
            head: as configured; one of `heads`.
            shape: what the network sees and answers.

        Raises:
            InfeasibleConfig: there is no such network for this input.
            ConfigError: the settings contradict each other.
        """
        raise NotImplementedError

    def idle_fields(self) -> Mapping[str, str]:
        """Fields that change nothing here, each with what decides instead."""
        return {}


@dataclass(frozen=True, kw_only=True)
class ScaledFamily(Family):
    """A family with two dials. Any cost grows with each of them, so that a budget can solve the width.

    Args:
        depth: layers, counted as the family's publication counts them.
        width: channels, as the family's publication measures them, before rounding; None is solved from
            the budget, see `vggsweep.arch.budget`.
    """

    depth: int = setting(minimum=1)
    width: float | None = setting(above=0)

    # Costs that no budget can hold equal, each with the reason.
    unbudgeted: ClassVar[Mapping[str, str]] = {}

    @property
    def width_step(self) -> int:
        """Channels are rounded to a multiple of this many."""
        return 1

    @property
    def known_width(self) -> float:
        """The width, where no budget has to be asked for it.

        Raises:
            ConfigError: it is left to a budget.
        """
        if self.width is None:
            raise ConfigError(
                "arch.width=null is solved from a budget; there is none. Give a width, such as "
                "arch.width=16, or a budget, such as budget=macs budget.target=30e6."
            )
        return self.width

    def at_width(self, width: float) -> Self:
        """The same network of another width."""
        return replace(self, width=width)


def stages_word(counts: Iterable[int], widths: Iterable[int]) -> str:
    """How many blocks of how many channels each stage has, as tables show it.

    >>> stages_word((2, 2), (16, 32))
    '2x16-2x32'
    """
    return "-".join(f"{count}x{width}" for count, width in zip(counts, widths, strict=True))


def described(arch: Family, head: HeadSettings, shape: InputShape) -> Network:
    """The description of a configured network.

    Raises:
        ConfigError: the settings contradict each other.
        InfeasibleConfig: there is no such network at this depth or width.
    """
    if head.name not in arch.heads:
        if "native" in arch.heads:
            refuse_other_head(arch.name, head)
        because = "belongs to networks with a head of their own" if head.name == "native" else "does not fit"
        raise ConfigError(
            f"head={head.name} {because}; arch={arch.name} needs "
            f"{' or '.join(f'head={name}' for name in arch.heads)}."
        )
    cls = type(arch)
    if cls.__module__.startswith("vggsweep."):
        return arch.describe(head, shape)
    return described_by(lambda: arch.describe(head, shape), f"{cls.__module__}.{cls.__qualname__}", shape)


def refuse_other_head(name: str, head: HeadSettings) -> None:
    """Refuse a head that would be ignored, of a network that brings its own."""
    if head.name != "native":
        raise ConfigError(
            f"head={head.name} would be ignored: arch={name} has a head of its own. Leave head out."
        )
