"""Whole numbers of vision transformers: channels that heads share, patches that cut an image evenly."""

from __future__ import annotations

import itertools
import math

from vggsweep.errors import InfeasibleConfig

# ViT-B/16 at 224 px has 14 x 14 patches; published nets for 32 px have patches of 4 px.
MOST_PATCHES_ASIDE = 14
SMALLEST_PATCH = 4


def heads_and_channels(width: float, head_width: int) -> tuple[int, int]:
    """Heads, and the channels that they share evenly: the number nearest to ``width`` that has such heads.

    A head has from half to twice ``head_width`` channels; of several counts the one nearest to it is taken.
    The numbers that have heads do not depend on ``width``, so channels never fall as it grows.

    >>> heads_and_channels(768, 64), heads_and_channels(101, 32), heads_and_channels(5.4, 64)
    ((12, 768), (4, 100), (1, 5))
    """
    nearest = max(1, int(width + 0.5))
    for distance in itertools.count():
        around = sorted({max(1, nearest - distance), nearest + distance}, key=lambda c: abs(c - width))
        for channels in around:
            if heads := _heads(channels, head_width):
                return heads, channels
    raise AssertionError("every multiple of head_width has heads")


def _heads(channels: int, head_width: int) -> int | None:
    least, most = math.ceil(0.5 * channels / head_width), math.floor(2 * channels / head_width)
    fitting = [heads for heads in range(max(1, least), max(1, most) + 1) if channels % heads == 0]
    return min(fitting, key=lambda heads: abs(channels / heads - head_width), default=None)


def patch_for(resolution: int) -> int:
    """The smallest patch of at least 4 px that cuts an image evenly into at most 14 x 14, more than one.

    >>> patch_for(28), patch_for(32), patch_for(64), patch_for(224)
    (4, 4, 8, 16)

    Raises:
        InfeasibleConfig: no patch does; names the next resolution that has one.
    """
    if (size := _patch(resolution)) is not None:
        return size
    works = next(other for other in range(resolution + 1, 2 * resolution + 8) if _patch(other))
    raise InfeasibleConfig(
        f"dataset.resolution={resolution} has no patch of at least {SMALLEST_PATCH} px that cuts it evenly "
        f"into 2 to {MOST_PATCHES_ASIDE} patches a side. The next that has one is "
        f"dataset.resolution={works}; or name a patch yourself, such as arch.patch_size=1."
    )


def _patch(resolution: int) -> int | None:
    sizes = range(SMALLEST_PATCH, resolution // 2 + 1)
    return next((s for s in sizes if resolution % s == 0 and resolution // s <= MOST_PATCHES_ASIDE), None)
