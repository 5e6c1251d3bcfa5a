"""From settings to one split of the raw data. Only the split that is asked for is opened."""

from __future__ import annotations

import os
from pathlib import Path

from vggsweep.data import cifar, idx, mini, svhn
from vggsweep.data.cache import RECENT
from vggsweep.data.catalog import data_root, find_test_pictures, pictures
from vggsweep.data.depth import measured_whites
from vggsweep.data.folder import FolderImages
from vggsweep.data.images import Images, ImageSet
from vggsweep.data.settings import DatasetSettings, SourceSettings, SplitName
from vggsweep.data.sources import source_images
from vggsweep.errors import DataError


def read_images(settings: DatasetSettings, split: SplitName) -> Images:
    """One whole split, neither limited nor parted.

    Raises:
        DataError: the split is missing or damaged.
    """
    if isinstance(settings, SourceSettings):
        return source_images(settings, split)
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
    key = (archive.name, split, *map(_stamp, cifar.batch_files(archive, split, path)))
    return RECENT.get(key, lambda: cifar.read_cifar(archive, split, path))


def _read_folder(settings: DatasetSettings, split: SplitName) -> FolderImages:
    found = pictures(settings) if split == "train" else find_test_pictures(settings)
    return FolderImages(found, settings.channels, settings.resolution, measured_whites(pictures(settings)))


def _stamp(path: Path) -> tuple[str, int, int]:
    """Changes when the file does."""
    try:
        status = os.stat(path)
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Put it back, or delete its folder."
        ) from error
    return str(path), status.st_size, status.st_mtime_ns
