"""VGG (Simonyan & Zisserman 2014, arXiv:1409.1556): blocks of equal convolutions, each ended by a max-pool.

network                block1 … blockN, then the head's layers
blockI                 conv1 [norm1] act1 conv2 … pool [dropout]; with shortcuts conv1 [norm1] act1, then
                       add3 = Residual(conv2 [norm2] act2 conv3 [norm3]), act3, …
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Listed
from dataclasses import dataclass
from typing import Any

from vggsweep.arch.description import InputShape, Layer, Network, Residual, Sequence
from vggsweep.arch.family import Family, ScaledFamily
from vggsweep.arch.heads import classifier
from vggsweep.arch.layers import Act, Activation, Conv, Dropout, Norm, Pool
from vggsweep.arch.scaling import block_channels, convolutions_per_block
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.settings import setting

# Max-pooling commutes with a function that never falls: relu(pool(x)) == pool(relu(x)), and pooling first
# leaves a quarter of the activation's work.
MONOTONE = {"relu", "leaky_relu"}
SOURCE = "Simonyan & Zisserman 2014, arXiv:1409.1556"


@dataclass(frozen=True)
class Block:
    """Convolutions of equal resolution followed by one 2x2 max-pool.

    Args:
        channels: output channels of every convolution in the block.
        kernels: kernel size in pixels of each convolution, in order; padding keeps the resolution.
    """

    channels: int
    kernels: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Vgg(Family):
    """A VGG-type network given block by block (the paper's presets, the chapter's small net)."""

    source = SOURCE
    stages: Any
    kernel_size: int = setting(minimum=1)
    batch_norm: bool
    local_response_norm: bool
    activation: Activation
    dropout: float = setting(minimum=0.0, below=1.0)

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        return _network(self, self.blocks(), head, shape)

    def blocks(self) -> tuple[Block, ...]:
        """From the input to the head."""
        _refuse_even_kernel(self.kernel_size)
        if self.stages is None:
            raise ConfigError(f"arch.stages is missing for {self.name}, such as arch.stages=[[1,16],[2,32]].")
        return read_stages(self.stages, self.kernel_size)


@dataclass(frozen=True, kw_only=True)
class ScaledVgg(ScaledFamily):
    """The family that sweeps use: depth and width are two plain numbers.

    Args:
        depth: convolutional layers, shared among the blocks by `convolutions_per_block`.
        width: channels of the first block; the others follow by `block_channels`.
        residual: whether what enters each two convolutions after a block's first one is added to what leaves
            them (He et al. 2015, arXiv:1512.03385); they have equally many channels, so nothing is projected
            and no cost changes.
    """

    source = SOURCE
    num_blocks: int = setting(minimum=1)
    stages: Any
    kernel_size: int = setting(minimum=1)
    batch_norm: bool
    activation: Activation
    dropout: float = setting(minimum=0.0, below=1.0)
    channel_multiple: int = setting(minimum=1)
    residual: bool

    @property
    def width_step(self) -> int:
        return self.channel_multiple

    def describe(self, head: HeadSettings, shape: InputShape) -> Network:
        return _network(self, self.blocks(), head, shape)

    def blocks(self) -> tuple[Block, ...]:
        """From the input to the head."""
        _refuse_even_kernel(self.kernel_size)
        if self.stages is not None:
            return read_stages(self.stages, self.kernel_size)
        counts = convolutions_per_block(self.depth, self.num_blocks)
        widths = block_channels(self.known_width, self.num_blocks, self.channel_multiple)
        return tuple(
            Block(channels, (self.kernel_size,) * count)
            for count, channels in zip(counts, widths, strict=True)
        )

    def idle_fields(self) -> Mapping[str, str]:
        if self.stages is None:
            return {}
        because = "arch.stages says every block's convolutions and channels"
        return dict.fromkeys(("depth", "width", "num_blocks", "channel_multiple"), because)


def _network(
    arch: Vgg | ScaledVgg, blocks: tuple[Block, ...], head: HeadSettings, shape: InputShape
) -> Network:
    top = classifier(head, shape.num_classes)
    smallest = 2 ** len(blocks)
    if shape.resolution < smallest:
        raise InfeasibleConfig(
            f"dataset.resolution={shape.resolution} is too small for {arch.name}: its {len(blocks)} pools "
            f"halve it to nothing. The smallest that works is dataset.resolution={smallest}."
        )
    body = ((f"block{i}", Sequence(tuple(_block(arch, block, i == 1)))) for i, block in enumerate(blocks, 1))
    return Network(
        Sequence.of(body, top),
        depth=sum(len(block.kernels) for block in blocks),
        width=blocks[0].channels,
        stages="-".join(f"{len(block.kernels)}x{block.channels}" for block in blocks),
    )


def _block(arch: Vgg | ScaledVgg, block: Block, is_first: bool) -> Iterator[tuple[str, Layer]]:
    last = len(block.kernels)
    act = Act(arch.activation)
    bypassed: Sequence | None = None
    for number, kernel in enumerate(block.kernels, 1):
        convolution = Sequence.of([(f"conv{number}", Conv(block.channels, kernel))])
        if arch.batch_norm:
            convolution = Sequence.of(convolution, [(f"norm{number}", Norm())])
        if isinstance(arch, ScaledVgg) and arch.residual and number % 2 == 0 and number < last:
            bypassed = Sequence.of(convolution, [(f"act{number}", act)])
            continue
        if bypassed is not None:
            yield f"add{number}", Residual(Sequence.of(bypassed, convolution))
            bypassed = None
        else:
            yield from convolution.layers
        # After the activation in the paper's net A-LRN, as in AlexNet, so nothing may be swapped there.
        has_lrn = isinstance(arch, Vgg) and arch.local_response_norm and is_first and number == 1
        if number == last and arch.activation in MONOTONE and not has_lrn:
            yield "pool", Pool()
            yield f"act{number}", act
            break
        yield f"act{number}", act
        if has_lrn:
            yield "lrn", Norm("local_response")
        if number == last:
            yield "pool", Pool()
    if arch.dropout > 0:
        yield "dropout", Dropout(arch.dropout)


def _refuse_even_kernel(kernel_size: int) -> None:
    if kernel_size % 2 == 0:
        raise ConfigError(
            f"arch.kernel_size={kernel_size} is even; only odd kernels keep the resolution. "
            f"Try arch.kernel_size={kernel_size + 1}."
        )


def read_stages(stages: Any, kernel_size: int) -> tuple[Block, ...]:
    """Blocks from a list of ``[num_convs, channels]`` or ``[num_convs, channels, kernels]``.

    >>> read_stages([[1, 16], [2, 32, [3, 1]]], kernel_size=3)
    (Block(channels=16, kernels=(3,)), Block(channels=32, kernels=(3, 1)))
    """
    if not isinstance(stages, Listed) or isinstance(stages, str) or not stages:
        raise ConfigError(f"arch.stages={_listed(stages)} should be a list such as [[1,16],[2,32]].")
    return tuple(_read_stage(stage, kernel_size, index) for index, stage in enumerate(stages))


def _read_stage(stage: Any, kernel_size: int, index: int) -> Block:
    where = f"arch.stages[{index}]={_listed(stage)}"
    if not isinstance(stage, Listed) or isinstance(stage, str) or len(stage) not in (2, 3):
        raise ConfigError(f"{where} should be [num_convs, channels], such as [2,64].")
    count, channels = _positive(stage[0], where), _positive(stage[1], where)
    kernels = stage[2] if len(stage) == 3 else (kernel_size,) * count
    if not isinstance(kernels, Listed) or isinstance(kernels, str):
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
