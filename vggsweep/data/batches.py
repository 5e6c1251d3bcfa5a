"""What a batch source is, and the two things that make both kinds give the same batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from vggsweep.data.augment import augment
from vggsweep.data.mixing import mix
from vggsweep.data.order import (
    AUGMENT,
    EPOCH_ORDER,
    MIXING,
    POLICY,
    IndexArray,
    derived_seed,
    permutation,
    seeded,
)
from vggsweep.data.policy import apply_policy, draw_policy
from vggsweep.data.preprocess import Preprocess
from vggsweep.data.settings import AugmentSettings

Batch = tuple[Tensor, Tensor]


class BatchSource(Protocol):
    """Gives the batches of any epoch.

    An epoch's batches depend on the seed and the epoch's number only. So a run resumed at epoch 7 needs
    no loader state, and torch's global random numbers are never touched.
    """

    @property
    def num_images(self) -> int:
        """Images in the set."""

    @property
    def batch_size(self) -> int:
        """Images in every batch but the last."""

    @property
    def steps_per_epoch(self) -> int:
        """Batches that `epoch` gives."""

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Batches of one epoch, on the device.

        Args:
            epoch: its number; any order of epochs is fine.

        Yields:
            x: float32 [n, C, R, R], preprocessed and, in training, augmented.
            y: int64 [n], the labels; of mixed images float32 [n, 3], see `vggsweep.data.mixing`.
        """

    def close(self) -> None:
        """Let go of memory and worker processes. Closing twice is fine."""


class Share:
    """The images of each batch that one of several processes takes.

    Every process makes the same batches and draws the same random numbers, for all of a batch's images, and
    takes those of its rows: together they train on what one process would.

    Args:
        rank: which of the processes, from 0.
        of: how many there are.

    Attributes:
        size: images of the whole batch that a source gave last.

    >>> share = Share(rank=1, of=2)
    >>> share.begin(5).rows
    slice(2, 5, None)
    """

    def __init__(self, rank: int = 0, of: int = 1) -> None:
        self.rank = rank
        self.of = of
        self.size = 0

    def __deepcopy__(self, memo: object) -> Share:
        """A copy of a network sees the same batches."""
        return self

    def begin(self, size: int) -> Share:
        """The next batch has so many images."""
        self.size = size
        return self

    @property
    def rows(self) -> slice:
        """Which images of the present batch are this process's."""
        return slice(self.size * self.rank // self.of, self.size * (self.rank + 1) // self.of)


@dataclass(frozen=True)
class BatchPlan:
    """Which images make up which batch.

    Args:
        num_images: images in the set.
        batch_size: images in every batch but the last.
        seed: the trial's seed.
        is_training: training shuffles, and leaves out a last batch of a single image, which batch norm
            cannot normalise. Evaluation takes every image, in order.
        share: of each batch that this process takes; numbers and sizes are those of all processes.
        is_mixed: whether each image will be mixed with the one before it in the batch, and the first with the
            last; a process reads the one before its first too.
    """

    num_images: int
    batch_size: int
    seed: int
    is_training: bool
    share: Share = field(default_factory=Share)
    is_mixed: bool = False

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        whole, rest = divmod(self.num_images, self.batch_size)
        is_left_out = self.is_training and rest == 1 and whole > 0
        return whole + (rest > 0) - is_left_out

    @property
    def sizes(self) -> list[int]:
        """Images of each batch, those of other processes included."""
        starts = range(0, self.num_images, self.batch_size)
        return [min(self.batch_size, self.num_images - start) for start in starts][: self.steps_per_epoch]

    def batches(self, epoch: int) -> list[IndexArray]:
        """Positions of this process's images of each batch, with those that are only mixed in."""
        if self.is_training:
            order = permutation(self.num_images, EPOCH_ORDER, self.seed, epoch)
        else:
            order = np.arange(self.num_images, dtype=np.int64)
        starts = range(0, self.num_images, self.batch_size)
        whole = [order[start : start + self.batch_size] for start in starts]
        share = Share(self.share.rank, self.share.of)  # a loader reads ahead of the batch that is trained on
        return [
            batch[self.place(share.begin(size)).positions]
            for batch, size in zip(whole, self.sizes, strict=False)
        ]

    def place(self, share: Share) -> Place:
        """Which images of the batch that a share has begun are read here."""
        return Place(share.size, share.rows, self.is_mixed)


@dataclass(frozen=True)
class Place:
    """Which images of a batch a process reads.

    Args:
        size: images of the whole batch.
        rows: this process's own.
        is_mixed: whether the one before them comes first, of the first image the last.

    >>> Place(5, slice(0, 2), is_mixed=True).positions
    array([4, 0, 1])
    """

    size: int
    rows: slice
    is_mixed: bool

    @property
    def positions(self) -> IndexArray:
        """Where they stand in the batch."""
        return np.arange(self.rows.start - self.is_mixed, self.rows.stop) % self.size

    def of(self, drawn: Tensor) -> Tensor:
        """Those of the images that are read, of numbers drawn for the whole batch, on any device."""
        if not self.is_mixed:
            return drawn[self.rows]
        # as a slice: a list of positions would be copied to the device
        return torch.cat((drawn[-1:], drawn))[self.rows.start : self.rows.stop + 1]


@dataclass(frozen=True)
class Draws:
    """The random numbers of one epoch's augmentation; batches take from them in their order.

    Args:
        generator: of flips, shifts and erased rectangles, on the batches' device.
        policy, mixing: of what is drawn in the CPU's memory.
    """

    generator: torch.Generator
    policy: np.random.RandomState
    mixing: np.random.RandomState


@dataclass(frozen=True)
class Finish:
    """From a uint8 batch on the device to what the network gets.

    Args:
        preprocess: resolution and normalisation.
        augment: random changes; None for evaluation.
        seed: the trial's seed.
        device: where batches are.
        memory_format: of the batches.
    """

    preprocess: Preprocess
    augment: AugmentSettings | None
    seed: int
    device: torch.device
    memory_format: torch.memory_format

    def draws(self, epoch: int) -> Draws:
        """The random numbers of one epoch."""
        return Draws(
            torch.Generator(self.device).manual_seed(derived_seed(AUGMENT, self.seed, epoch)),
            seeded(POLICY, self.seed, epoch),
            seeded(MIXING, self.seed, epoch),
        )

    def __call__(self, images: Tensor, labels: Tensor, draws: Draws, place: Place) -> Batch:
        """Change pixels by the policy, preprocess, augment and mix; batches must come in order.

        Args:
            images, labels: those of the batch that this process reads.
            draws: of the epoch.
            place: which images of the batch these are.
        """
        settings = self.augment
        if settings is None:
            return self.preprocess(images, self.memory_format), labels
        if settings.policy is not None:
            for drawn in draw_policy(settings, place.size, draws.policy):
                images = apply_policy(images, settings.policy, drawn.of(place.positions))
        x_NCHW = self.preprocess(images, self.memory_format)
        if settings.changes_images:
            x_NCHW = augment(x_NCHW, settings, draws.generator, place.size, place.of)
        if settings.mixes_images:
            x_NCHW, labels = mix(x_NCHW, labels, settings, draws.mixing)
        return x_NCHW.contiguous(memory_format=self.memory_format), labels
