"""From settings to one split of the raw data. Only the split that is asked for is opened."""

from __future__ import annotations

import os
from pathlib import Path

from vggsweep.data import cifar, idx, mini, svhn
from vggsweep.data.cache import RECENT
from vggsweep.data.catalog import data_root
from vggsweep.data.folder import FolderImages, list_folder, split_folder
from vggsweep.data.images import Images, ImageSet
from vggsweep.data.settings import DatasetSettings, SplitName
from vggsweep.errors import DataError


def read_images(settings: DatasetSettings, split: SplitName) -> Images:
    """One whole split, neither limited nor parted.

    Raises:
        DataError: the split is missing or damaged.
    """
    if settings.name == "image_folder":
        return _read_folder(settings, split)
    root = data_root(settings)
    if settings.name == "fashion_mnist_mini":
        return RECENT.get((settings.name, split, _stamp(mini.PATH)), lambda: mini.read_mini(split))
    if settings.name in idx.COLLECTIONS:
        return _read_idx(idx.COLLECTIONS[settings.name], split, root)
    if settings.name in cifar.ARCHIVES:
        return _read_cifar(cifar.ARCHIVES[settings.name], split, root)
    path = svhn.find_svhn(split, root)
    md5 = svhn.FILES[split].md5
    return RECENT.get((settings.name, split, _stamp(path)), lambda: svhn.read_svhn(path, md5))


def _read_idx(collection: idx.IdxCollection, split: SplitName, root: Path) -> ImageSet:
    paths = idx.find_idx(collection, split, root)
    key = (collection.name, split, *map(_stamp, paths))
    return RECENT.get(key, lambda: idx.read_idx(collection, split, paths))


def _read_cifar(archive: cifar.CifarArchive, split: SplitName, root: Path) -> ImageSet:
    path = cifar.find_cifar(archive, root)
    return RECENT.get((archive.name, split, _stamp(path)), lambda: cifar.read_cifar(archive, split, path))


def _read_folder(settings: DatasetSettings, split: SplitName) -> FolderImages:
    root = data_root(settings)
    folder = split_folder(root, split)
    if folder is None:
        raise DataError(
            f"{root} has no test split. Put test pictures into {root / 'test'}, one folder a class, "
            f"and the training pictures into {root / 'train'}."
        )
    pictures = list_folder(folder)
    if split == "test":
        _check_same_classes(pictures.class_names, settings, folder)
    return FolderImages(pictures, settings.channels, settings.resolution)


def _check_same_classes(names: tuple[str, ...], settings: DatasetSettings, folder: Path) -> None:
    """A label is a position in the sorted folder names, so both splits need the same names."""
    trained = list_folder(split_folder(data_root(settings), "train") or folder).class_names
    if names != trained:
        differing = ", ".join(sorted(set(names) ^ set(trained)))
        raise DataError(
            f"{folder} and its neighbour train have different class folders: {differing}. "
            "Both need the same ones, each with at least one picture."
        )


def _stamp(path: Path) -> tuple[str, int, int]:
    """Changes when the file does."""
    status = os.stat(path)
    return str(path), status.st_size, status.st_mtime_ns
