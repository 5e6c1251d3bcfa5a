"""Images of a user's function, by dotted name: arrays or torch Datasets, read once and held in memory.

    def load(root=None):
        return x_train, y_train, x_test, y_test
        return x_train, y_train, x_test, y_test, class_names
        return train_dataset, test_dataset       # each gives (picture, label); or the first alone

Images are uint8, (N, H, W) or (N, H, W, C), and labels whole numbers from 0, (N,).
A test split that there is not is None. A Dataset may say its ``classes`` and its ``fingerprint``.
"""

from __future__ import annotations

import functools
import hashlib
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.images import ImageSet
from vggsweep.data.settings import CustomDatasetSettings, SplitName
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.importing import called, check_call, load_callable, own_words

EXAMPLE = "my_dataset.load"
RETURNS = (
    "(x_train, y_train, x_test, y_test), perhaps with the class names as a fifth, or a torch Dataset, or a "
    "pair of them"
)


@dataclass(frozen=True, eq=False)
class _Split:
    """What the function gave for one split.

    Args:
        source: arrays of images and labels, or a Dataset; None once they were read.
        name: for error texts.
        fingerprint: what a Dataset says it is; None where its contents have to be looked at.
    """

    source: Any
    name: SplitName
    fingerprint: str | None = None


class CustomData:
    """The images of one function call.

    Args:
        target: dotted name of the function, for error texts.
        train, test: its splits; the test split is not looked at before it is asked for.
        names: of the classes; None where nothing says them.
    """

    def __init__(self, target: str, train: _Split, test: _Split | None, names: Sequence[str] | None) -> None:
        self.target = target
        self.has_test = test is not None
        self._splits = {"train": train, "test": test}
        self._images: dict[str, ImageSet] = {}
        self._digests: dict[str, str] = {}
        labels = self.images("train").labels
        self.class_names = tuple(names or map(str, range(int(labels.max()) + 1)))
        if len(self.class_names) < 2:
            raise ConfigError(f"dataset.target={target} gives one class; two are the least.")
        self._check_labels("train", labels)

    def images(self, split: SplitName) -> ImageSet:
        """A whole split, uint8 [N, C, H, W].

        Raises:
            ConfigError: there is no such split, or it is nothing that can be trained on.
        """
        found = self._splits[split]
        if found is None:
            raise ConfigError(
                f"dataset.target={self.target} gives no test split. Let it return x_test and y_test too, or "
                "a second Dataset."
            )
        if split not in self._images:
            self._images[split] = _image_set(found, self.target)
            self._splits[split] = replace(found, source=None)  # not to hold the pixels twice
            if split == "test":
                self._check_test(self._images[split])
        return self._images[split]

    def counts(self, split: SplitName) -> dict[str, int]:
        """Images by ``split/class``."""
        found = Counter(self.images(split).labels.tolist())
        return {f"{split}/{self.class_names[label]}": found[label] for label in sorted(found)}

    def digest(self, split: SplitName) -> str:
        """What a split is: the fingerprint that its Dataset gives, else all its pixels and labels."""
        if split not in self._digests:
            images, found = self.images(split), self._splits[split]
            digest = hashlib.sha256("\0".join(self.class_names).encode())
            if found is not None and found.fingerprint is not None:
                digest.update(f"\0{len(images.labels)}\0{found.fingerprint}".encode())
            else:
                digest.update(str(images.images.shape).encode())
                digest.update(np.ascontiguousarray(images.images).data)
                digest.update(images.labels.data)
            self._digests[split] = digest.hexdigest()
        return self._digests[split]

    def _check_test(self, test: ImageSet) -> None:
        trained = self.images("train").image_shape
        if test.image_shape != trained:
            raise ConfigError(
                f"dataset.target={self.target} gives test images of {_size(test.image_shape)} and training "
                f"images of {_size(trained)}. Give both the same size."
            )
        self._check_labels("test", test.labels)

    def _check_labels(self, split: SplitName, labels: NDArray[np.int64]) -> None:
        low, high = int(labels.min()), int(labels.max())
        if low < 0 or high >= len(self.class_names):
            raise ConfigError(
                f"dataset.target={self.target} gives {split} labels from {low} to {high}; with "
                f"{len(self.class_names)} classes they go from 0 to {len(self.class_names) - 1}."
            )


def load_custom(settings: CustomDatasetSettings) -> CustomData:
    """The images of a user's function, which this process calls once for the same options.

    Raises:
        ConfigError: ``dataset.target`` cannot be imported or called so, or returns nothing to train on.
        InfeasibleConfig: the user's code refuses these options.
    """
    options = settings.options
    if isinstance(options, Mapping):
        options = json.dumps(options, sort_keys=True, default=str)
    return _loaded(settings.target, options, settings.root)


@functools.lru_cache(maxsize=2)
def _loaded(name: str, options: Any, root: str | None) -> CustomData:
    field = "dataset.target"
    target = load_callable(name, field, EXAMPLE)
    words = check_call(
        target,
        name,
        field,
        gets="the keyword root where dataset.root is given",
        options=json.loads(options) if isinstance(options, str) else options,
        keywords={} if root is None else {"root": root},
    )
    with _random_numbers_kept():
        return _understood(called(target, name, words), name)


def _understood(given: Any, target: str) -> CustomData:
    """What a function returned, as splits."""
    if _is_dataset(given):
        given = (given, None)
    names: Sequence[str] | None = None
    if isinstance(given, (tuple, list)) and len(given) == 2 and _is_dataset(given[0]):
        train, test = given
        names = getattr(train, "classes", None)
    elif isinstance(given, (tuple, list)) and len(given) in (4, 5):
        train, test = tuple(given[:2]), tuple(given[2:4])
        names = given[4] if len(given) == 5 else None
        test = None if test[0] is None else test
    else:
        shown = f"{len(given)} values" if isinstance(given, (tuple, list)) else f"a {type(given).__name__}"
        raise ConfigError(f"dataset.target={target} returned {shown}; it should return {RETURNS}.")
    if names is not None:
        names = [str(name) for name in names]
    split = _Split(test, "test", _fingerprint(test)) if test is not None else None
    return CustomData(target, _Split(train, "train", _fingerprint(train)), split, names)


def _fingerprint(source: Any) -> str | None:
    own = getattr(source, "fingerprint", None)
    return own if isinstance(own, str) else None


def _is_dataset(value: Any) -> bool:
    # by its methods, as a torch Dataset needs no base class; a tensor or an array has them too
    is_other = isinstance(value, (tuple, list, str, bytes, Mapping)) or hasattr(value, "shape")
    return not is_other and hasattr(value, "__getitem__") and hasattr(value, "__len__")


def _image_set(split: _Split, target: str) -> ImageSet:
    where = f"dataset.target={target}, {split.name} split"
    if isinstance(split.source, tuple):
        pixels, labels = (_array(part) for part in split.source)
    else:
        pixels, labels = _of_dataset(split.source, where)
    if pixels.dtype != np.uint8:
        raise ConfigError(
            f"{where}: pixels are {pixels.dtype}, and uint8 from 0 to 255 is needed. Leave scaling, "
            "normalising (dataset.mean, dataset.std) and augment to the configuration."
        )
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if (
        pixels.ndim != 4
        or len(pixels) < 2
        or pixels.shape[1] != pixels.shape[2]
        or not 1 <= pixels.shape[3] <= 4
    ):
        raise ConfigError(
            f"{where}: images have the shape {pixels.shape}; (N, H, W) or (N, H, W, C) is needed, of at "
            "least two square images with at most four channels last. Crop them or pad them to a square."
        )
    if labels.shape != pixels.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise ConfigError(
            f"{where}: labels are {labels.dtype} {labels.shape}; one whole number from 0 per image is "
            f"needed, ({len(pixels)},)."
        )
    return ImageSet(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels.astype(np.int64))


def _array(value: Any) -> NDArray[Any]:
    return np.asarray(value.numpy(force=True) if hasattr(value, "numpy") else value)


def _of_dataset(dataset: Any, where: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """All items of a torch Dataset: Pillow's pictures, arrays (channels last) or tensors (channels first)."""
    pictures, labels = [], []
    for index in range(len(dataset)):
        try:
            picture, label = dataset[index]
        except Exception as error:
            raise InfeasibleConfig(f"{where}: item {index} cannot be read ({own_words(error)}).") from error
        is_tensor = hasattr(picture, "permute")
        array = _array(picture)
        pictures.append(array.transpose(1, 2, 0) if is_tensor and array.ndim == 3 else array)
        labels.append(int(label))
    if len({(array.shape, array.dtype) for array in pictures}) > 1:
        sizes = sorted({_size(array.shape) for array in pictures})
        raise ConfigError(
            f"{where}: its pictures differ in size ({', '.join(sizes[:4])}). Resize or crop them."
        )
    return np.stack(pictures) if pictures else np.empty((0,), np.uint8), np.array(labels, dtype=np.int64)


def _size(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))


@contextmanager
def _random_numbers_kept() -> Iterator[None]:
    """A call that draws random numbers, or is left out since it was made before, changes no training."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
