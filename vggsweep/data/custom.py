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
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.settings import CustomDatasetSettings, SplitName
from vggsweep.data.sources import Held, Source, image_set, options_key, size_text
from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.importing import called, check_call, load_callable, own_words

EXAMPLE = "my_dataset.load"
NO_TEST = "Let it return x_test and y_test too, or a second Dataset."
RETURNS = (
    "(x_train, y_train, x_test, y_test), perhaps with the class names as a fifth, or a torch Dataset, or a "
    "pair of them"
)


def open_custom(settings: CustomDatasetSettings) -> Source:
    """The images of a user's function, which this process calls once for the same options.

    Raises:
        ConfigError: ``dataset.target`` cannot be imported or called so, or returns nothing to train on.
        InfeasibleConfig: the user's code refuses these options.
    """
    return _loaded(settings.target, options_key(settings.options), settings.root)


@functools.lru_cache(maxsize=2)
def _loaded(name: str, options: str, root: str | None) -> Source:
    field = "dataset.target"
    target = load_callable(name, field, EXAMPLE)
    words = check_call(
        target,
        name,
        field,
        gets="the keyword root where dataset.root is given",
        options=json.loads(options),
        keywords={} if root is None else {"root": root},
    )
    with _random_numbers_kept():
        return _understood(called(target, name, words), name)


def _understood(given: Any, target: str) -> Source:
    """What a function returned, as splits."""
    place = f"dataset.target={target}"
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
        raise ConfigError(f"{place} returned {shown}; it should return {RETURNS}.")
    if names is not None:
        names = [str(name) for name in names]
    open_test = None if test is None else functools.partial(_held, test, place, "test")
    return Source(place, _held(train, place, "train"), open_test, names, NO_TEST)


def _fingerprint(source: Any) -> str | None:
    own = getattr(source, "fingerprint", None)
    return own if isinstance(own, str) else None


def _is_dataset(value: Any) -> bool:
    # by its methods, as a torch Dataset needs no base class; a tensor or an array has them too
    is_other = isinstance(value, (tuple, list, str, bytes, Mapping)) or hasattr(value, "shape")
    return not is_other and hasattr(value, "__getitem__") and hasattr(value, "__len__")


def _held(source: Any, place: str, split: SplitName) -> Held:
    where = f"{place}, {split} split"
    if isinstance(source, tuple):
        pixels, labels = (_array(part) for part in source)
    else:
        pixels, labels = _of_dataset(source, where)
    if pixels.dtype != np.uint8:
        raise ConfigError(
            f"{where}: pixels are {pixels.dtype}, and uint8 from 0 to 255 is needed. Leave scaling, "
            "normalising (dataset.mean, dataset.std) and augment to the configuration."
        )
    return Held(image_set(pixels, labels, where), _fingerprint(source))


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
        sizes = sorted({size_text(array.shape) for array in pictures})
        raise ConfigError(
            f"{where}: its pictures differ in size ({', '.join(sizes[:4])}). Resize or crop them."
        )
    return np.stack(pictures) if pictures else np.empty((0,), np.uint8), np.array(labels, dtype=np.int64)


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
