"""A classification set of `torchvision.datasets`: its own reader, our splits and our decoding.

What torchvision holds in memory keeps its size. Of what lies in files only names and labels are taken; the
pictures are decoded as those of a folder are. A set without a labelled test split gets one by a rule that no
setting moves: `TEST_SHARE` of the pictures, the same share of every class.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.contents import FileContent, Hdf5Content
from vggsweep.data.listing import PictureFolder
from vggsweep.data.order import TEST_SPLIT
from vggsweep.data.settings import SplitName, TorchvisionSettings
from vggsweep.data.sources import Content, Held, Source, image_set, options_key
from vggsweep.data.split import stratified_split
from vggsweep.data.torchvision_class import construct
from vggsweep.data.torchvision_private import LISTERS
from vggsweep.data.torchvision_sets import SETS
from vggsweep.errors import ConfigError

TEST_SHARE = 0.2
Labels = NDArray[np.int64]
Indices = NDArray[np.int64] | slice


def open_torchvision(settings: TorchvisionSettings) -> Source:
    """A set of torchvision, which this process opens once for the same settings.

    Raises:
        ConfigError: an option is none of this set, or has no such value.
        DataError: the files are missing, damaged or cannot be downloaded.
    """
    from vggsweep.data.catalog import data_root  # which checks sources

    return _opened(settings.name, options_key(settings.options), data_root(settings), settings.download)


@functools.lru_cache(maxsize=2)
def _opened(name: str, options: str, root: Path, may_download: bool) -> Source:
    words = json.loads(options)
    known, place = SETS[name], f"dataset.name={name}"

    def found(split: SplitName) -> _Found:
        return _Found(name, root, construct(name, words, split, root, may_download), place)

    whole = found("train")
    used = tuple(np.unique(whole.labels).tolist())
    class_names = [whole.class_name(label) for label in used]
    labels = _compact(whole.labels, used, place)
    if known.test is None:
        parts = stratified_split(labels, TEST_SHARE, 0, TEST_SPLIT)
        note = (
            f"{name} has no test split: {len(parts.validation)} of its {len(labels)} pictures were set aside "
            "as one, the same share of every class, always the same."
        )
        train = whole.content(labels, parts.train, class_names)
        by_rule = functools.partial(whole.content, labels, parts.validation, class_names, train)
        return Source(place, train, by_rule, class_names, notes=[note])
    notes = []
    if known.unread is not None:
        notes.append(
            f"The split {known.unread} of {name} is not read: a part of the training pictures validates."
        )
    if known.test in ("val", "2021_valid"):
        notes.append(f"The test split is what {name} calls {known.test}.")
    train = whole.content(labels, slice(None), class_names)

    def open_test() -> Content:
        test = found("test")
        return test.content(_compact(test.labels, used, place), slice(None), class_names, train)

    return Source(place, train, open_test, class_names, notes=notes)


def _compact(labels: Labels, used: tuple[int, ...], place: str) -> Labels:
    """Labels from 0 without gaps: EMNIST's letters begin at 1, CLEVR's counts at 3."""
    strange = sorted(set(labels.tolist()) - set(used))
    if strange:
        raise ConfigError(
            f"{place} has labels in its test split that no training picture has: {strange[:8]}."
        )
    return np.searchsorted(np.array(used), labels).astype(np.int64)


class _Found:
    """What an object of torchvision holds of one split.

    Args:
        name: of its class.
        root: below which the files are.
        held: the object.
        place: for error texts.
    """

    def __init__(self, name: str, root: Path, held: Any, place: str) -> None:
        self._name, self._root, self._held, self._place = name, root, held, place
        self._pixels: NDArray[np.uint8] | None = None
        self._paths: list[str] = []
        self._names: Sequence[str] = () if hasattr(held, "class_to_idx") else getattr(held, "classes", ())
        labels: Any
        if name == "PCAM":
            labels = Hdf5Content.labels_of(self._hdf5("targets"))
        elif name == "FER2013":
            self._pixels = np.stack([picture.numpy() for picture, _ in held._samples])
            labels = [label for _, label in held._samples]
        elif hasattr(getattr(held, "data", None), "dtype"):
            self._pixels = np.asarray(held.data)
            labels = held.targets if hasattr(held, "targets") else held.labels
        elif name in LISTERS:
            paths, labels, self._names = LISTERS[name](held)
            self._paths = list(paths)
        else:  # opened with a loader that gives the path
            items = [held[index] for index in range(len(held))]
            self._paths, labels = [path for path, _ in items], [label for _, label in items]
        if any(label is None for label in labels):
            raise ConfigError(f"{place} has no labels for its test pictures.")
        told = np.asarray(labels)
        self.labels = (told[:, 0] if told.ndim == 2 else told).astype(np.int64)  # QMNIST tells more of each
        if self._paths:  # some list them as the file system does
            order = sorted(range(len(self._paths)), key=lambda at: (self.labels[at], self._paths[at]))
            self._paths = [self._paths[at] for at in order]
            self.labels = self.labels[order]

    def content(
        self, labels: Labels, chosen: Indices, class_names: list[str], trained: Content | None = None
    ) -> Content:
        """The chosen ones of these images.

        Args:
            labels: of all, from 0 without gaps.
            chosen: which.
            class_names: of the labels.
            trained: the training split, where this is the test split.
        """
        if self._name == "PCAM":
            return Hdf5Content(self._hdf5("images"), labels)
        if self._pixels is None:
            paths = self._paths[chosen] if isinstance(chosen, slice) else [self._paths[at] for at in chosen]
            pictures = PictureFolder(
                tuple(class_names), tuple(paths), tuple(labels[chosen].tolist()), (), str(self._root)
            )
            return FileContent(pictures, trained.pictures if isinstance(trained, FileContent) else pictures)
        pixels = self._pixels[chosen]
        if pixels.ndim == 4 and pixels.shape[1] in (1, 3) and pixels.shape[3] not in (1, 3):
            pixels = pixels.transpose(0, 2, 3, 1)
        return Held(image_set(pixels, labels[chosen], self._place))

    def class_name(self, label: int) -> str:
        """What the set calls a class, by the first of several names; its number where it has none."""
        indices = getattr(self._held, "class_to_idx", {})
        told = next((str(name) for name, index in indices.items() if index == label), str(label))
        return str(self._names[label]) if label < len(self._names) else told

    def _hdf5(self, kind: str) -> Path:
        folder: Path = self._held._base_folder
        return folder / str(self._held._FILES[self._held._split][kind][0])
