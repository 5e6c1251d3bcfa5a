"""Images and labels of one ``.npz`` file, as Keras's examples and MedMNIST name them.

    x_train y_train x_test y_test            train_images train_labels test_images test_labels

Images are (N, H, W), (N, H, W, C) or (N, C, H, W): whole numbers from 0 to 255, or floats from 0 to 1, which
are taken times 255 and rounded. Labels are whole numbers from 0, (N,) or (N, 1). ``class_names`` may be there
too. Nothing is unpickled, and of the test split nothing is read before it is asked for.
"""

from __future__ import annotations

import functools
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.listing import file_stamp
from vggsweep.data.settings import ArraysSettings, SourceSettings, SplitName
from vggsweep.data.sources import Held, Source, image_set
from vggsweep.errors import ConfigError, DataError

IMAGES = {"train": ("x_train", "train_images"), "test": ("x_test", "test_images")}
LABELS = {"train": ("y_train", "train_labels"), "test": ("y_test", "test_labels")}
VALIDATION = ("x_val", "x_valid", "val_images")
CLASS_NAMES = "class_names"
FORMS = "(N, H, W), (N, H, W, C) or (N, C, H, W)"


def open_arrays(settings: ArraysSettings) -> Source:
    """The arrays of a file, which this process reads once while it does not change.

    Raises:
        ConfigError: there is no such file, or its arrays are nothing to train on.
        DataError: it is damaged.
    """
    path = below_root(settings, settings.path)
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not there"
        raise ConfigError(f"{settings.place} is {what} (looked at {path.absolute()}). Name an .npz file.")
    return _opened(path, settings.place, file_stamp(str(path)))


def below_root(settings: SourceSettings, path: str) -> Path:
    """A relative path below ``dataset.root``, where that is given; else below the current directory."""
    return Path(settings.root or "").expanduser() / Path(path).expanduser()


@functools.lru_cache(maxsize=2)
def _opened(path: Path, place: str, stamp: tuple[int, int, int]) -> Source:
    names = _names(path, place)
    test = functools.partial(_split, path, place, names, "test")
    classes = _read(path, place, CLASS_NAMES).tolist() if CLASS_NAMES in names else None
    held_out = next((name for name in VALIDATION if name in names), None)
    train = _split(path, place, names, "train")
    notes = [f"{held_out} is not read: a part of the training images validates."] if held_out else []
    for known in (*IMAGES.values(), *LABELS.values()):
        held = [name for name in known if name in names]
        notes += [f"{name} is not read: {held[0]} is." for name in held[1:]]
    if train.brightest <= 1:  # masks, or pixels that were scaled and then made whole
        notes.append(
            "All pixels are 0 or 1 of 255, nearly black. Save floats from 0 to 1, or 255 times as much."
        )
    return Source(
        place,
        train,
        test if _first(names, IMAGES["test"]) else None,
        None if classes is None else list(map(str, classes)),
        f"Put {' or '.join(IMAGES['test'])} and their labels into it.",
        notes,
    )


def _split(path: Path, place: str, names: frozenset[str], split: SplitName) -> Held:
    arrays = []
    for known in (IMAGES[split], LABELS[split]):
        name = _first(names, known)
        if name is None:
            raise ConfigError(
                f"{place} has no array {' or '.join(known)}; it has {', '.join(sorted(names)) or 'none'}. "
                "Save it as np.savez(path, x_train=…, y_train=…, x_test=…, y_test=…)."
            )
        arrays.append(_read(path, place, name))
    pixels, labels = arrays
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    where = f"{place}, {split} split"
    if pixels.ndim == 4 and pixels.shape[1] in (1, 3) and pixels.shape[3] > 4:
        pixels = pixels.transpose(0, 2, 3, 1)
    return Held(image_set(_bytes(pixels, where), labels, where, FORMS))


def _bytes(pixels: NDArray[Any], where: str) -> NDArray[np.uint8]:
    if not pixels.size:
        raise ConfigError(f"{where}: there are no images.")
    if pixels.dtype == np.uint8:
        return pixels
    is_number = pixels.dtype.kind in "iuf"
    low, high = (pixels.min(), pixels.max()) if is_number else (-1, -1)
    if pixels.dtype.kind in "iu" and low >= 0 and high <= 255:
        return pixels.astype(np.uint8)
    if pixels.dtype.kind == "f" and low >= 0 and high <= 1:
        scaled: NDArray[np.uint8] = np.rint(pixels * 255).astype(np.uint8)
        return scaled
    span = f" from {low:g} to {high:g}" if is_number else ""
    raise ConfigError(
        f"{where}: pixels are {pixels.dtype}{span}; uint8 from 0 to 255 is needed, or "
        "floats from 0 to 1. Undo scaling and normalising: dataset.mean and dataset.std do that."
    )


def _first(names: frozenset[str], known: tuple[str, ...]) -> str | None:
    return next((name for name in known if name in names), None)


def _names(path: Path, place: str) -> frozenset[str]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return frozenset(file.files)
    except (AttributeError, TypeError) as error:  # a single array of np.save
        raise ConfigError(f"{place} holds a single array; np.savez writes several under names.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as an .npz file ({error}). Save it with np.savez.") from error


def _read(path: Path, place: str, name: str) -> NDArray[Any]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            array: NDArray[Any] = file[name]
            return array
    except ValueError as error:
        if "pickle" in str(error):
            raise ConfigError(
                f"{place}: {name} holds Python objects, which are not loaded since they could run code. "
                "Save it as numbers, such as np.stack(images)."
            ) from error
        raise DataError(f"{path}: {name} is damaged ({error}).") from error
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: {name} is damaged ({error}). Save it again.") from error
