"""From two dials, depth and width, to the blocks of a VGG-type network (pure arithmetic).

Source of the shapes: Simonyan & Zisserman 2014, arXiv:1409.1556, table 1.
"""

from __future__ import annotations

from vggsweep.errors import InfeasibleConfig

# The paper's channels double after each block and stop at eight times the first: 64 … 512, 512.
LARGEST_WIDENING = 8
# Nets A to E never put more than two convolutions into the two blocks with the largest images.
CONVOLUTIONS_IN_EARLY_BLOCKS = 2
EARLY_BLOCKS = 2


def convolutions_per_block(depth: int, num_blocks: int) -> tuple[int, ...]:
    """Share a depth among blocks the way the paper's nets A, B, D and E do.

    One convolution a block; each further one goes to the block that has fewest, ties to the
    deepest. The first two blocks stay at two while a later block can take more.

    Args:
        depth: convolutional layers.
        num_blocks: blocks, each ended by a pool.

    Raises:
        InfeasibleConfig: ``depth < num_blocks``.

    >>> convolutions_per_block(8, 5), convolutions_per_block(13, 5)
    ((1, 1, 2, 2, 2), (2, 2, 3, 3, 3))
    """
    if depth < num_blocks:
        raise InfeasibleConfig(
            f"arch.depth={depth} is less than arch.num_blocks={num_blocks}: every block needs a "
            f"convolution. Use arch.depth={num_blocks} or more, or fewer blocks."
        )
    counts = [1] * num_blocks
    for _ in range(depth - num_blocks):
        open_blocks = [i for i in range(num_blocks) if not _is_full(i, counts[i], num_blocks)]
        fewest = min(counts[i] for i in open_blocks)
        counts[max(i for i in open_blocks if counts[i] == fewest)] += 1
    return tuple(counts)


def _is_full(index: int, count: int, num_blocks: int) -> bool:
    has_later_block = num_blocks > EARLY_BLOCKS
    return has_later_block and index < EARLY_BLOCKS and count >= CONVOLUTIONS_IN_EARLY_BLOCKS


def block_channels(width: float, num_blocks: int, multiple: int = 1) -> tuple[int, ...]:
    """Output channels of each block: ``width · min(2^i, 8)``, each rounded by itself.

    Args:
        width: channels of the first block, a real number before rounding.
        num_blocks: blocks.
        multiple: channels are rounded to this many, never below it (8 suits tensor cores).

    >>> block_channels(16, 5)
    (16, 32, 64, 128, 128)
    >>> block_channels(10.4, 3, multiple=8)
    (8, 24, 40)
    """
    exact = (width * min(2**index, LARGEST_WIDENING) for index in range(num_blocks))
    return tuple(max(multiple, multiple * _round_half_up(value / multiple)) for value in exact)


def _round_half_up(value: float) -> int:
    # Python's round() sends 2.5 to 2, so a wider network could lose a channel against its neighbour.
    return int(value + 0.5)
