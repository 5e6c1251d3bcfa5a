"""Images of which nothing is known before they are opened, and the one place that opens them.

A user's function, a set of torchvision, a file of arrays or a table of Hugging Face: each gives a `Source`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.cache import RECENT
from vggsweep.data.images import Images, ImageSet, LabelArray
from vggsweep.data.settings import SourceSettings, SplitName
from vggsweep.errors import ConfigError

# A sentence names so many classes.
MOST_NAMED = 8

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class Hash(Protocol):
    """A checksum of `hashlib` in the making."""

    def update(self, content: Buffer, /) -> None:
        """Add bytes."""


class Content(Protocol):
    """One split of a source, found but perhaps not yet decoded."""

    @property
    def labels(self) -> LabelArray:
        """Class of each image, [N]."""

    @property
    def shape(self) -> tuple[int, int, int] | None:
        """Channels, height and width of its images; None for pictures that are decoded to any size."""

    def images(self, channels: int, resolution: int) -> Images:
        """The images; pictures as squares of this size."""

    def feed(self, digest: Hash) -> None:
        """Add everything in it that decides a result, class names apart, to a checksum."""

    def stamp(self) -> str:
        """Changes when a file of it does; empty where it is in memory."""


class Held:
    """A split in memory.

    Args:
        images: its pixels and labels.
        fingerprint: what stands for them where their owner says so; None hashes them.
    """

    shape: tuple[int, int, int]

    def __init__(self, images: ImageSet, fingerprint: str | None = None) -> None:
        self._images = images
        self._fingerprint = fingerprint
        self.labels = images.labels
        self.shape = images.image_shape

    @property
    def brightest(self) -> int:
        """The highest value of all pixels."""
        return int(self._images.images.max(initial=0))

    def images(self, channels: int, resolution: int) -> ImageSet:
        """The images as they are; where processes share theirs, in the memory that they share."""
        if RECENT.folder is not None:
            digest = hashlib.sha256()
            self.feed(digest)
            self._images = RECENT.get(("source", digest.hexdigest()), lambda: self._images)
        return self._images

    def feed(self, digest: Hash) -> None:
        """Add the owner's fingerprint, else all pixels and labels."""
        if self._fingerprint is not None:
            digest.update(f"\0{len(self.labels)}\0{self._fingerprint}".encode())
            return
        digest.update(str(self._images.images.shape).encode())
        digest.update(np.ascontiguousarray(self._images.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)

    def stamp(self) -> str:
        """Empty: what is in memory stays."""
        return ""


class Source:
    """The splits of one data set.

    Args:
        place: where they come from, for error texts.
        train: the training split.
        test: opens the test split, which is not looked at before it is asked for; None where there is none.
        class_names: None calls the classes by their numbers.
        advice: how a set without a test split gets one.
        notes: sentences for whoever reads a result.
    """

    def __init__(
        self,
        place: str,
        train: Content,
        test: Callable[[], Content] | None,
        class_names: Sequence[str] | None = None,
        advice: str = "",
        notes: Sequence[str] = (),
    ) -> None:
        self.place = place
        self.has_test = test is not None
        self._advice = advice
        self._open_test = test
        self._contents: dict[SplitName, Content] = {"train": train}
        self._digests: dict[tuple[SplitName, str], str] = {}
        highest = int(train.labels.max()) if len(train.labels) else -1
        self.class_names = tuple(class_names or map(str, range(highest + 1)))
        if len(self.class_names) < 2:
            raise ConfigError(f"{place} gives one class; two are the least.")
        self._check_labels("train", train.labels)
        self.notes = (*notes, *self._note_on_empty_classes(train.labels))

    def content(self, split: SplitName) -> Content:
        """A whole split.

        Raises:
            ConfigError: there is no such split, or it does not fit the other one.
        """
        if split not in self._contents:
            if self._open_test is None:
                raise ConfigError(f"{self.place} gives no test split. {self._advice}".rstrip())
            test, trained = self._open_test(), self._contents["train"].shape
            if test.shape != trained and test.shape is not None and trained is not None:
                raise ConfigError(
                    f"{self.place} gives test images of {size_text(test.shape)} and training images of "
                    f"{size_text(trained)}. Give both the same size."
                )
            self._check_labels("test", test.labels)
            self._contents[split] = test
            self._open_test = None  # not to hold its pixels twice
        return self._contents[split]

    def counts(self, split: SplitName) -> dict[str, int]:
        """Images by ``split/class``."""
        found = Counter(self.content(split).labels.tolist())
        return {f"{split}/{self.class_names[label]}": found[label] for label in sorted(found)}

    def digest(self, split: SplitName) -> str:
        """What a split is, class names included."""
        content = self.content(split)
        key = (split, content.stamp())
        if key not in self._digests:
            digest = hashlib.sha256("\0".join(self.class_names).encode())
            content.feed(digest)
            self._digests[key] = digest.hexdigest()
        return self._digests[key]

    def _note_on_empty_classes(self, labels: LabelArray) -> list[str]:
        """That the network has scores for classes which no image teaches, as of labels that begin at 1."""
        counts = np.bincount(labels, minlength=len(self.class_names))
        empty = [name for name, count in zip(self.class_names, counts.tolist(), strict=True) if not count]
        if not empty:
            return []
        some = ", ".join(empty[:MOST_NAMED]) + (", …" if len(empty) > MOST_NAMED else "")
        return [
            f"No training image shows {len(empty)} of {len(self.class_names)} classes: {some}. Labels count "
            "from 0, and the network has a score for each."
        ]

    def _check_labels(self, split: SplitName, labels: LabelArray) -> None:
        if not len(labels):
            raise ConfigError(f"{self.place} gives no {split} images.")
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(self.class_names):
            raise ConfigError(
                f"{self.place} gives {split} labels from {low} to {high}; with {len(self.class_names)} "
                f"classes they go from 0 to {len(self.class_names) - 1}."
            )


def open_source(settings: SourceSettings) -> Source:
    """The images of a source, which this process opens once for the same settings.

    Raises:
        ConfigError: the settings lead to nothing to train on.
        DataError: files are missing or damaged.
    """
    # here, as a reader brings what only its own sets need
    from vggsweep.data import arrays, custom, huggingface, torchvision_source

    openers: dict[str, Callable[[Any], Source]] = {
        "custom": custom.open_custom,
        "arrays": arrays.open_arrays,
        "huggingface": huggingface.open_huggingface,
    }
    return openers.get(settings.name, torchvision_source.open_torchvision)(settings)


def source_images(settings: SourceSettings, split: SplitName) -> Images:
    """One whole split of a source as images."""
    return open_source(settings).content(split).images(settings.channels, settings.resolution)


def options_key(options: Any) -> str:
    """Options as text, by which what was opened is remembered; `json.loads` reads it."""
    return json.dumps(options, sort_keys=True, default=str)


def image_set(
    pixels: NDArray[np.uint8], labels: NDArray[Any], where: str, forms: str = "(N, H, W) or (N, H, W, C)"
) -> ImageSet:
    """Arrays as images.

    Args:
        pixels: [N, H, W] or [N, H, W, C].
        labels: whole numbers, [N].
        where: what they are, for error texts.
        forms: that the caller reads, for error texts.

    Raises:
        ConfigError: they have another form.
    """
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if (
        pixels.ndim != 4
        or len(pixels) < 2
        or pixels.shape[1] != pixels.shape[2]
        or not 1 <= pixels.shape[3] <= 4
    ):
        raise ConfigError(
            f"{where}: images have the shape {pixels.shape}; {forms} is needed, of at least two square "
            "images with at most four channels. Crop them or pad them to a square."
        )
    if labels.shape != pixels.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(
            f"{where}: labels are {labels.dtype} {labels.shape}; one whole number from 0 per image is "
            f"needed, ({len(pixels)},)."
        )
    return ImageSet(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels.astype(np.int64))


def size_text(shape: Sequence[int]) -> str:
    """A shape for people.

    >>> size_text((3, 32, 32))
    '3 x 32 x 32'
    """
    return " x ".join(map(str, shape))
