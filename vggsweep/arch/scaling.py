"""From two dials, depth and width, to blocks and channels (pure arithmetic).

The first two rules are those of VGG (Simonyan & Zisserman 2014, arXiv:1409.1556, table 1); the others are
shared by families whose blocks are counted and spread over stages.
"""

from __future__ import annotations

from collections.abc import Sequence

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
    return tuple(round_to(width * min(2**index, LARGEST_WIDENING), multiple) for index in range(num_blocks))


def round_to(value: float, multiple: int = 1) -> int:
    """Round to a multiple, halves up, and never to nothing.

    >>> round_to(2.5), round_to(0.1), round_to(20, 8)
    (3, 1, 24)
    """
    # Python's round() sends 2.5 to 2, so a wider network could lose a channel against its neighbour.
    return max(multiple, multiple * int(value / multiple + 0.5))


def round_at_most_tenth_down(value: float, multiple: int) -> int:
    """`round_to`, but up where rounding down would take more than a tenth (MobileNet's ``make_divisible``).

    >>> round_at_most_tenth_down(19.2, 8), round_to(19.2, 8)
    (24, 16)
    """
    rounded = round_to(value, multiple)
    return rounded if rounded >= 0.9 * value else rounded + multiple


def count_blocks(depth: int, *, per_block: int, beside: int, fewest: int = 1) -> int:
    """Blocks of a network of this depth (per stage, where all stages have as many).

    Args:
        depth: as the family counts it.
        per_block: what one more block adds to the depth.
        beside: what the other layers add.
        fewest: blocks that there must be.

    Raises:
        InfeasibleConfig: no number of blocks gives this depth; names the nearest that one gives.

    >>> count_blocks(20, per_block=6, beside=2)
    3
    """
    blocks, left = divmod(depth - beside, per_block)
    if blocks >= fewest and not left:
        return blocks
    near = [beside + per_block * number for number in (blocks, blocks + 1) if number >= fewest]
    near = near or [beside + per_block * fewest]
    counted = f"{per_block if per_block > 1 else ''}n{f' + {beside}' if beside else ''}"
    raise InfeasibleConfig(
        f"arch.depth={depth} is no depth of this family, which counts {counted} layers with n = {fewest}, "
        f"{fewest + 1}, … Nearest: {' or '.join(f'arch.depth={found}' for found in near)}."
    )


def share_blocks(total: int, published: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """Share blocks among stages so that the published nets are met and no stage ever loses a block.

    On the way to the next larger published net, and beyond the last one, each block goes to the stage that
    is furthest behind that net's proportions, ties to the deepest.

    Args:
        total: blocks of all stages, at least those of the first net.
        published: blocks per stage, from the smallest net to the largest.

    >>> nets = [(1, 1, 1, 1), (2, 2, 2, 2), (3, 4, 6, 3)]
    >>> share_blocks(8, nets), share_blocks(12, nets), share_blocks(16, nets), share_blocks(32, nets)
    ((2, 2, 2, 2), (2, 3, 5, 2), (3, 4, 6, 3), (6, 8, 12, 6))
    """
    counts = list(published[0])
    for placed in range(sum(counts), total):
        aim = next((net for net in published if sum(net) > placed), published[-1])
        counts[max(range(len(counts)), key=lambda i: (aim[i] / (counts[i] + 1), i))] += 1
    return tuple(counts)


def blocks_of_stages(
    depth: int, stages: int, published: Sequence[tuple[int, ...]], *, per_block: int = 1, beside: int = 0
) -> tuple[int, ...]:
    """Blocks of each stage: in the published proportions where these have as many stages, else equally many.

    Args:
        depth: as the family counts it.
        stages: how many there are.
        published, per_block, beside: see `share_blocks` and `count_blocks`.

    Raises:
        InfeasibleConfig: no number of blocks gives this depth.

    >>> blocks_of_stages(20, 3, [(1, 1, 1, 1)], per_block=2, beside=2)
    (3, 3, 3)
    """
    if stages == len(published[0]):
        total = count_blocks(depth, per_block=per_block, beside=beside, fewest=sum(published[0]))
        return share_blocks(total, published)
    return (count_blocks(depth, per_block=stages * per_block, beside=beside),) * stages
