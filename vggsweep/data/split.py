"""The fixed validation part of a training split, and the choice that `dataset.limit` makes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.order import LIMIT, SPLIT, IndexArray, permutation, seeded

LabelArray = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Split:
    """Positions in the training split, each in rising order.

    Args:
        train: images that train.
        validation: images that validate; none of them trains.
    """

    train: IndexArray
    validation: IndexArray


def validation_count(num_images: int, fraction: float) -> int:
    """Images that validate: the fraction, rounded, and at least one on either side.

    >>> validation_count(6000, 0.2)
    1200
    """
    return min(max(round(num_images * fraction), 1), num_images - 1)


def stratified_split(labels: LabelArray, fraction: float, seed: int, purpose: int = SPLIT) -> Split:
    """Part a training split so that every class keeps its share on both sides, within one image.

    Args:
        labels: class of each image, [N], N at least 2.
        fraction: part that validates, between 0 and 1.
        seed: the same seed gives the same split, whatever the trial's own seed.
        purpose: first word of the order's key, see `vggsweep.data.order`.
    """
    classes, counts = np.unique(labels, return_counts=True)
    validating = []
    for label, count in zip(classes, _validation_per_class(counts, fraction), strict=True):
        members = np.flatnonzero(labels == label)
        validating.append(members[permutation(len(members), purpose, seed, int(label))][:count])
    is_validating = np.zeros(len(labels), dtype=bool)
    is_validating[np.concatenate(validating)] = True
    return Split(train=np.flatnonzero(~is_validating), validation=np.flatnonzero(is_validating))


def class_mixed_order(labels: LabelArray, seed: int) -> IndexArray:
    """An order whose every beginning holds the classes as evenly as they allow.

    Each round takes one image of every class that still has one: the first 10 of a ten-class set show
    every class once.
    """
    classes = np.unique(labels)
    random = seeded(LIMIT, seed)
    members = [random.permutation(np.flatnonzero(labels == label)) for label in classes]
    round_of = np.concatenate([np.arange(len(m)) for m in members])
    place_in_round = np.repeat(random.permutation(len(classes)), [len(m) for m in members])
    order: IndexArray = np.concatenate(members)[np.lexsort((place_in_round, round_of))].astype(np.int64)
    return order


def first_images(labels: LabelArray, limit: int | None, seed: int) -> IndexArray:
    """Positions of at most `limit` images in rising order, the classes evenly mixed."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels), dtype=np.int64)
    return np.sort(class_mixed_order(labels, seed)[:limit])


def _validation_per_class(counts: IndexArray, fraction: float) -> IndexArray:
    """Largest remainders: whole images per class that add up to `validation_count`."""
    exact = counts * fraction
    shares: IndexArray = np.floor(exact).astype(np.int64)
    remainders = exact - shares
    # A class whose last training image would go comes last, so that training still sees it.
    empties_class = counts - shares <= 1
    ranked = np.lexsort((-remainders, empties_class, remainders == 0))
    extra = validation_count(int(counts.sum()), fraction) - int(shares.sum())
    shares[ranked[:extra]] += 1
    return shares
