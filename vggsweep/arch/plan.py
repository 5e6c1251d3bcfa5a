"""A VGG-type network as plain integers: it can be checked and counted before anything is built.

    NetworkPlan = input (channels, resolution) → blocks → head (classes)
    Block       = convolutions of equal resolution, then one 2x2 max-pool

Nothing here imports torch. `vggsweep.arch.vgg` builds the module, `vggsweep.arch.costs` counts it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vggsweep.arch.scaling import block_channels, convolutions_per_block
from vggsweep.arch.settings import Activation, HeadSettings, Initialization, ScaledVggSettings, VggSettings
from vggsweep.errors import ConfigError, InfeasibleConfig


@dataclass(frozen=True)
class InputShape:
    """What a network sees and answers.

    Args:
        channels: input channels.
        resolution: input height and width in pixels.
        num_classes: class scores.
    """

    channels: int
    resolution: int
    num_classes: int


@dataclass(frozen=True)
class Block:
    """Convolutions of equal resolution followed by one 2x2 max-pool.

    Args:
        channels: output channels of every convolution in the block.
        kernels: kernel size in pixels of each convolution, in order; padding keeps the resolution.
    """

    channels: int
    kernels: tuple[int, ...]


@dataclass(frozen=True)
class NetworkPlan:
    """Everything that decides a VGG-type network's shape and cost.

    Args:
        blocks: from the input to the head.
        channels: input channels.
        resolution: input height and width in pixels.
        num_classes: class scores.
        head: ``vgg`` (two hidden linear layers) or ``gap`` (global average, one linear layer).
        batch_norm: normalise after each convolution.
        local_response_norm: after the first convolution (net A-LRN of the paper).
        activation: nonlinearity after each convolution.
        dropout: share of a block's output elements that training zeroes.
        init: how weights are drawn.
    """

    blocks: tuple[Block, ...]
    channels: int
    resolution: int
    num_classes: int
    head: HeadSettings
    batch_norm: bool
    local_response_norm: bool
    activation: Activation
    dropout: float
    init: Initialization

    @property
    def depth(self) -> int:
        """Convolutional layers; linear layers are never counted."""
        return sum(len(block.kernels) for block in self.blocks)

    @property
    def width(self) -> int:
        """Output channels of the first block."""
        return self.blocks[0].channels

    @property
    def stages(self) -> str:
        """Blocks as one word, convolutions x channels: ``1x16-1x32-2x64``."""
        return "-".join(f"{len(block.kernels)}x{block.channels}" for block in self.blocks)


def plan_of(arch: VggSettings | ScaledVggSettings, head: HeadSettings, shape: InputShape) -> NetworkPlan:
    """The plan of a configured VGG-type network for this input.

    Raises:
        InfeasibleConfig: the pools exhaust the resolution, or depth is below the number of blocks.
        ConfigError: the stages do not read as a list of ``[num_convs, channels]``.
    """
    if head.name == "native":
        raise ConfigError(
            f"head=native belongs to networks with a head of their own; arch={arch.name} needs "
            "head=gap or head=vgg."
        )
    if (head.hidden is None) == (head.name == "vgg"):
        raise ConfigError(
            f"head.hidden={'null' if head.hidden is None else head.hidden} does not fit head={head.name}: "
            "head=vgg needs a number of units, head=gap has no hidden layer (leave head.hidden out)."
        )
    blocks = _blocks(arch)
    smallest = 2 ** len(blocks)
    if shape.resolution < smallest:
        raise InfeasibleConfig(
            f"dataset.resolution={shape.resolution} is too small for {arch.name}: its {len(blocks)} pools "
            f"halve it to nothing. The smallest that works is dataset.resolution={smallest}."
        )
    return NetworkPlan(
        blocks=blocks,
        channels=shape.channels,
        resolution=shape.resolution,
        num_classes=shape.num_classes,
        head=head,
        batch_norm=arch.batch_norm,
        local_response_norm=isinstance(arch, VggSettings) and arch.local_response_norm,
        activation=arch.activation,
        dropout=arch.dropout,
        init=arch.init,
    )


def _blocks(arch: VggSettings | ScaledVggSettings) -> tuple[Block, ...]:
    if arch.kernel_size % 2 == 0:
        raise ConfigError(
            f"arch.kernel_size={arch.kernel_size} is even; only odd kernels keep the resolution. "
            f"Try arch.kernel_size={arch.kernel_size + 1}."
        )
    if arch.stages is not None:
        return read_stages(arch.stages, arch.kernel_size)
    if isinstance(arch, VggSettings):
        raise ConfigError(f"arch.stages is missing for {arch.name}, such as arch.stages=[[1,16],[2,32]].")
    if arch.width is None:
        raise ConfigError(
            "arch.width=null is solved from a budget; there is none. Give a width, such as arch.width=16, "
            "or a budget, such as budget=macs budget.target=30e6."
        )
    counts = convolutions_per_block(arch.depth, arch.num_blocks)
    widths = block_channels(arch.width, arch.num_blocks, arch.channel_multiple)
    return tuple(
        Block(channels, (arch.kernel_size,) * count) for count, channels in zip(counts, widths, strict=True)
    )


def read_stages(stages: Any, kernel_size: int) -> tuple[Block, ...]:
    """Blocks from a list of ``[num_convs, channels]`` or ``[num_convs, channels, kernels]``.

    >>> read_stages([[1, 16], [2, 32, [3, 1]]], kernel_size=3)
    (Block(channels=16, kernels=(3,)), Block(channels=32, kernels=(3, 1)))
    """
    if not isinstance(stages, Sequence) or isinstance(stages, str) or not stages:
        raise ConfigError(f"arch.stages={_listed(stages)} should be a list such as [[1,16],[2,32]].")
    return tuple(_read_stage(stage, kernel_size, index) for index, stage in enumerate(stages))


def _read_stage(stage: Any, kernel_size: int, index: int) -> Block:
    where = f"arch.stages[{index}]={_listed(stage)}"
    if not isinstance(stage, Sequence) or isinstance(stage, str) or len(stage) not in (2, 3):
        raise ConfigError(f"{where} should be [num_convs, channels], such as [2,64].")
    count, channels = _positive(stage[0], where), _positive(stage[1], where)
    kernels = stage[2] if len(stage) == 3 else (kernel_size,) * count
    if not isinstance(kernels, Sequence) or isinstance(kernels, str):
        raise ConfigError(f"{where} should name its kernel sizes as a list, such as [2,64,[3,1]].")
    if len(kernels) != count:
        raise ConfigError(f"{where} names {len(kernels)} kernel sizes for {count} convolutions.")
    for kernel in kernels:
        if _positive(kernel, where) % 2 == 0:
            raise ConfigError(f"{where} has an even kernel; only odd kernels keep the resolution.")
    return Block(channels, tuple(kernels))


def _positive(value: Any, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{where} should hold whole numbers of at least 1.")
    return value


def _listed(value: Any) -> str:
    """A value as a person types it: tuples, which settings hold, in square brackets."""
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_listed(item) for item in value) + "]"
    return str(value)
