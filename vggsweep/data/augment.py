"""Random flips, crops and erasing, for a whole batch at a time on its device.

Applied after `preprocess`, to training batches only. Each change is a plain function of the batch and of
what was drawn for each image; `augment` draws. Nothing here waits for the device.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vggsweep.data.settings import AugmentSettings

# Height over width of an erased rectangle lies between these (Zhong et al. 2017, table 1).
ERASE_ASPECT = (0.3, 1 / 0.3)


def augment(
    x_NCHW: Tensor,
    settings: AugmentSettings,
    generator: torch.Generator,
    count: int | None = None,
    own: Callable[[Tensor], Tensor] = lambda drawn: drawn,
) -> Tensor:
    """Change each image of a batch at random.

    Args:
        x_NCHW: images, [N, C, H, W], uint8 or float.
        settings: what may change.
        generator: the only source of randomness, on the batch's device.
        count: of how many images random numbers are drawn; None is these.
        own: from numbers drawn for so many images to those of these.

    Returns:
        A batch of the same shape and type.
    """
    num_images = len(x_NCHW) if count is None else count

    def draw(low: float = 0.0, high: float = 1.0) -> Tensor:
        uniform = own(torch.rand(num_images, generator=generator, device=x_NCHW.device))
        return uniform * (high - low) + low

    if settings.crop_padding:
        reach = settings.crop_padding
        down, right = (_whole(draw(), 2 * reach + 1) - reach for _ in range(2))
        x_NCHW = shift(x_NCHW, down, right)
    if settings.flip:
        x_NCHW = flip(x_NCHW, draw() < 0.5)
    if settings.erase_probability:
        height, width = x_NCHW.shape[-2:]
        area = draw(settings.erase_min_area, settings.erase_max_area) * height * width
        aspect = torch.exp(draw(*map(math.log, ERASE_ASPECT)))
        tall = (area * aspect).sqrt().round().long().clamp(1, height)
        wide = (area / aspect).sqrt().round().long().clamp(1, width)
        top, left = _whole(draw(), height - tall + 1), _whole(draw(), width - wide + 1)
        is_chosen = draw() < settings.erase_probability
        x_NCHW = erase(x_NCHW, top, left, tall * is_chosen, wide)
    return x_NCHW


def flip(x_NCHW: Tensor, is_flipped: Tensor) -> Tensor:
    """Mirror the chosen images left and right.

    Args:
        x_NCHW: images.
        is_flipped: bool [N].
    """
    return torch.where(is_flipped[:, None, None, None], x_NCHW.flip(-1), x_NCHW)


def shift(x_NCHW: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Look at each image through a window moved by so many pixels.

    It is a crop from an image padded by repeating its border, so that black-bordered sets stay black
    there and photographs get no frame.

    Args:
        x_NCHW: images.
        down: int64 [N], negative for up.
        right: int64 [N], negative for left.
    """
    num_images, channels, height, width = x_NCHW.shape
    device = x_NCHW.device
    rows = (torch.arange(height, device=device) + down[:, None]).clamp(0, height - 1)
    columns = (torch.arange(width, device=device) + right[:, None]).clamp(0, width - 1)
    images = torch.arange(num_images, device=device)[:, None, None, None]
    planes = torch.arange(channels, device=device)[None, :, None, None]
    return x_NCHW[images, planes, rows[:, None, :, None], columns[:, None, None, :]]


def erase(x_NCHW: Tensor, top: Tensor, left: Tensor, tall: Tensor, wide: Tensor) -> Tensor:
    """Put zeros into one rectangle of each image (Zhong et al. 2017, arXiv:1708.04896).

    After normalisation a zero is the data set's mean colour.

    Args:
        x_NCHW: images.
        top: int64 [N], first row.
        left: int64 [N], first column.
        tall: int64 [N], rows; 0 erases nothing.
        wide: int64 [N], columns.
    """
    height, width = x_NCHW.shape[-2:]
    rows = torch.arange(height, device=x_NCHW.device)
    columns = torch.arange(width, device=x_NCHW.device)
    in_rows = (rows >= top[:, None]) & (rows < (top + tall)[:, None])
    in_columns = (columns >= left[:, None]) & (columns < (left + wide)[:, None])
    return x_NCHW.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0)


def _whole(uniform: Tensor, count: Tensor | int) -> Tensor:
    """A whole number from 0 to count-1 out of a uniform one from 0 to 1."""
    # the clamp: rounding can lift a float32 just below 1 times count up to count itself
    return (uniform * count).long().clamp(max=count - 1)
