"""Classes of unequal number: hits counted per class, their balanced mean, and weights in the loss."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


class ClassCounts:
    """How many images of each class were seen, and how many of them were guessed right.

    Nothing here waits for the device but `hits_and_images`.

    Args:
        num_classes: scores that a network gives.
        device: of the labels.

    Attributes:
        cells: float32 [2 · classes], misses and hits of each class in turn; whole numbers, and exact up to
            16.7 million a class. Not int64, which not every device can scatter.
    """

    def __init__(self, num_classes: int, device: torch.device) -> None:
        self.cells = torch.zeros(2 * num_classes, device=device)

    def add(self, labels: Tensor, guesses: Tensor) -> None:
        """Count a batch: int64 [N] each, on the device."""
        cell_N = 2 * labels + (guesses == labels)
        self.cells.scatter_add_(0, cell_N, torch.ones_like(cell_N, dtype=self.cells.dtype))

    def hits_and_images(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Of each class in the order of the labels."""
        both = [int(count) for count in self.cells.tolist()]
        misses, hits = both[::2], both[1::2]
        return tuple(hits), tuple(hit + miss for hit, miss in zip(hits, misses, strict=True))


def balanced_accuracy(hits: Sequence[int], images: Sequence[int]) -> float | None:
    """The mean of the accuracies of all classes that have images; None where none has.

    This is scikit-learn's ``balanced_accuracy_score``, unadjusted (Brodersen et al. 2010).

    >>> balanced_accuracy(hits=(9, 1, 0), images=(10, 2, 0))
    0.7
    """
    shares = [hit / count for hit, count in zip(hits, images, strict=True) if count]
    return sum(shares) / len(shares) if shares else None


def balanced_weights(images: Sequence[int]) -> tuple[float, ...]:
    """What an image of each class counts, so that all classes count the same and the mean image 1.

    n / (k · count), as scikit-learn's ``class_weight="balanced"``, of the k classes that have images; a class
    without any has weight 0.

    >>> balanced_weights((6, 2, 0))
    (0.6666666666666666, 2.0, 0.0)
    """
    present = sum(count > 0 for count in images)
    return tuple(sum(images) / (present * count) if count else 0.0 for count in images)


def weighted_cross_entropy(scores_NK: Tensor, labels: Tensor, weight_K: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy in which each class has its weight, over the number of images.

    So torch takes the mean over probabilities of classes. Over labels it divides by the sum of their weights,
    which differs from batch to batch: the parts of a batch that several processes have, and both labels of
    mixed images, would not add up to the whole.

    Args:
        scores_NK: float32.
        labels: int64 [N].
        weight_K: of each class; what label smoothing gives a class counts with that class's weight.
        smoothing: share of a label that is spread over all classes.
    """
    total = F.cross_entropy(scores_NK, labels, weight_K, reduction="sum", label_smoothing=smoothing)
    return total / len(labels)
