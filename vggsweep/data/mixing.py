"""Mixup and CutMix: each image of a batch mixed with the one before it, and what its labels then are.

torchvision's draw from torch's global random numbers and give probabilities of classes. Here labels stay
labels, two of them and the share of the first: the loss is the sum of both losses by their shares, as in the
authors' own code, so that any loss of scores and labels can be used. For cross-entropy, label smoothing
included, it is that of the mixed probabilities.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from vggsweep.data.settings import AugmentSettings


def mix(
    x_NCHW: Tensor, labels: Tensor, settings: AugmentSettings, random: np.random.RandomState
) -> tuple[Tensor, Tensor]:
    """Mix each image but the first with the one before it.

    One share is drawn for the batch from Beta(alpha, alpha), as published: mixup (Zhang et al. 2018,
    arXiv:1710.09412) adds both images by their shares, CutMix (Yun et al. 2019, arXiv:1905.04899) puts a
    rectangle of the other image there, centred anywhere and cut off at the border.

    Args:
        x_NCHW: float images, [n + 1, C, H, W].
        labels: int64 [n + 1].
        settings: how often, and alpha of each; where both are on, one is drawn for each batch.
        random: the only source of randomness; every batch takes the same numbers from it.

    Returns:
        Images [n, C, H, W], and float32 [n, 3]: the image's own label, that of the image mixed in, and the
        share of its own.
    """
    own, other = x_NCHW[1:], x_NCHW[:-1]
    chance, which, down, right = random.random_sample(4)
    shares = [random.beta(alpha, alpha) if alpha else 1.0 for alpha in (settings.mixup, settings.cutmix)]
    is_cut = settings.cutmix > 0 and (settings.mixup == 0 or bool(which < 0.5))
    share = shares[is_cut]
    if chance >= settings.mix_probability:
        share = 1.0
    elif is_cut:
        height, width = x_NCHW.shape[-2:]
        rows, columns = _span(down, share, height), _span(right, share, width)
        own = own.clone()
        own[..., rows, columns] = other[..., rows, columns]
        share = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (height * width)
    else:
        own = own * share + other * (1 - share)
    both = torch.stack((labels[1:], labels[:-1], labels[1:]), dim=1).float()
    both[:, 2] = share
    return own, both


def _span(centre: float, share: float, size: int) -> slice:
    """Rows or columns of a rectangle that leaves this share of an image, cut off at the border.

    >>> _span(0.5, 0.75, 32), _span(0.0, 0.75, 32), _span(0.5, 1.0, 32)
    (slice(8, 24, None), slice(0, 8, None), slice(16, 16, None))
    """
    middle, half = int(centre * size), int(size * math.sqrt(1 - share)) // 2
    return slice(max(middle - half, 0), min(middle + half, size))
