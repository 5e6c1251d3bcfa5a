"""What is known about each data set before anything is read. Counts are images."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vggsweep.data.class_names import CIFAR10, CIFAR100, DIGITS, FASHION, KUZUSHIJI
from vggsweep.data.folder import PictureFolder, list_folder, split_folder
from vggsweep.data.settings import DatasetSettings
from vggsweep.data.split import validation_count
from vggsweep.errors import ConfigError


@dataclass(frozen=True)
class DatasetFacts:
    """A published data set.

    Args:
        channels: colour channels.
        resolution: height and width of its images in pixels.
        train_size: training images.
        test_size: test images.
        class_names: one name a label.
    """

    channels: int
    resolution: int
    train_size: int
    test_size: int
    class_names: tuple[str, ...]


CATALOG: dict[str, DatasetFacts] = {
    "fashion_mnist_mini": DatasetFacts(1, 28, 6_000, 2_000, FASHION),
    "fashion_mnist": DatasetFacts(1, 28, 60_000, 10_000, FASHION),
    "mnist": DatasetFacts(1, 28, 60_000, 10_000, DIGITS),
    "kmnist": DatasetFacts(1, 28, 60_000, 10_000, KUZUSHIJI),
    "cifar10": DatasetFacts(3, 32, 50_000, 10_000, CIFAR10),
    "cifar100": DatasetFacts(3, 32, 50_000, 10_000, CIFAR100),
    "svhn": DatasetFacts(3, 32, 73_257, 26_032, DIGITS),
}


def data_root(settings: DatasetSettings) -> Path:
    """The folder that holds the data: `dataset.root`, else ``VGGSWEEP_DATA``, else ``~/.cache/vggsweep``."""
    chosen = settings.root or os.environ.get("VGGSWEEP_DATA") or "~/.cache/vggsweep"
    return Path(chosen).expanduser()


def check_dataset(settings: DatasetSettings) -> None:
    """Refuse what cannot work, without reading an image.

    Raises:
        ConfigError: a field contradicts the data set or another field.
    """
    if settings.name == "image_folder":
        _check_folder(settings)
    else:
        _check_published(settings, CATALOG[settings.name])
    _check_normalisation(settings)
    if training_size(settings) < 2:
        raise ConfigError(
            f"dataset={settings.name} leaves a single training image, of which batch norm can make nothing. "
            "Add pictures, or use dataset.validation=test."
        )


def resolve_num_classes(settings: DatasetSettings) -> int:
    """Classes that the network must tell apart."""
    return len(class_names(settings))


def class_names(settings: DatasetSettings) -> tuple[str, ...]:
    """The name of each label, in order."""
    if settings.name == "image_folder":
        return _training_pictures(settings).class_names
    return CATALOG[settings.name].class_names


def training_size(settings: DatasetSettings) -> int:
    """Images that one epoch trains on, `limit` and validation part taken off."""
    if settings.name == "image_folder":
        available = len(_training_pictures(settings).paths)
    else:
        available = CATALOG[settings.name].train_size
    if settings.validation == "split":
        available -= validation_count(available, settings.val_fraction)
    return available if settings.limit is None else min(available, settings.limit)


def check_test_split(settings: DatasetSettings) -> None:
    """Refuse a data set whose test split is missing, or does not fit its training split.

    Raises:
        ConfigError: names what is missing.
    """
    if settings.name != "image_folder":
        return
    root = data_root(settings)
    folder = split_folder(root, "test")
    if folder is None:
        raise ConfigError(
            f"{root} has no test split. Put test pictures into {root / 'test'}, one folder a class, "
            f"and the training pictures into {root / 'train'}."
        )
    differing = set(class_names(settings)) ^ set(list_folder(folder).class_names)
    if differing:
        names = _listed(tuple(sorted(differing)))
        raise ConfigError(
            f"{folder} and its neighbour train have different class folders: {names}. "
            "Both need the same ones, each with at least one picture."
        )


def native_resolution(settings: DatasetSettings) -> int:
    """Height and width in pixels of the images as they are stored; pictures are decoded to size."""
    return settings.resolution if settings.name == "image_folder" else CATALOG[settings.name].resolution


def _check_published(settings: DatasetSettings, facts: DatasetFacts) -> None:
    name = settings.name
    if settings.channels != facts.channels:
        raise ConfigError(
            f"dataset.channels={settings.channels} does not fit {name}, whose images have {facts.channels}. "
            f"Use dataset.channels={facts.channels}."
        )
    if settings.num_classes != len(facts.class_names):
        shown = "null" if settings.num_classes is None else settings.num_classes
        raise ConfigError(
            f"dataset.num_classes={shown} does not fit {name}, which has {len(facts.class_names)} classes. "
            f"Use dataset.num_classes={len(facts.class_names)}."
        )
    root = data_root(settings)
    if root.exists() and not root.is_dir():
        raise ConfigError(f"dataset.root={root} is a file; name the folder that holds, or will hold, {name}.")


def _check_folder(settings: DatasetSettings) -> None:
    if settings.root is None:
        raise ConfigError(
            "dataset.root is missing: dataset=image_folder needs the folder of your pictures, with one "
            "sub-folder a class, such as dataset.root=/path/to/pictures."
        )
    root = data_root(settings)
    if not root.is_dir():
        raise ConfigError(f"dataset.root={settings.root} is not a folder (looked at {root.absolute()}).")
    if settings.channels not in (1, 3):
        raise ConfigError(
            f"dataset.channels={settings.channels} does not fit pictures. "
            "Use dataset.channels=3 for colour or dataset.channels=1 for grey."
        )
    names = class_names(settings)
    if len(names) < 2:
        found = f"one such sub-folder, {names[0]}" if names else "no sub-folder with pictures"
        raise ConfigError(
            f"dataset.root={settings.root} has {found}; two classes are the least. Sort the pictures like "
            "cats/1.jpg dogs/2.jpg, or train/cats/1.jpg test/cats/2.jpg."
        )
    if settings.num_classes not in (None, len(names)):
        raise ConfigError(
            f"dataset.num_classes={settings.num_classes}, but {root} has {len(names)} class folders: "
            f"{_listed(names)}. Use dataset.num_classes=null to count them."
        )
    if settings.validation == "test" and split_folder(root, "test") is None:
        raise ConfigError(
            f"dataset.validation=test needs test pictures, but {root} has no train/ and test/ folders with "
            "one sub-folder a class. Use dataset.validation=split."
        )


def _check_normalisation(settings: DatasetSettings) -> None:
    for name, values in (("mean", settings.mean), ("std", settings.std)):
        if values is not None and len(values) != settings.channels:
            shown = ",".join(f"{value:g}" for value in values)
            raise ConfigError(
                f"dataset.{name}=[{shown}] has {len(values)} numbers for "
                f"dataset.channels={settings.channels}; give one per channel, or null for both mean and std "
                "to leave pixels between 0 and 1."
            )
    if (settings.mean is None) != (settings.std is None):
        given, missing = ("mean", "std") if settings.std is None else ("std", "mean")
        raise ConfigError(
            f"dataset.{given} is given but dataset.{missing} is null; give both, or null for both."
        )


def _training_pictures(settings: DatasetSettings) -> PictureFolder:
    folder = split_folder(data_root(settings), "train")
    assert folder is not None
    return list_folder(folder)


def _listed(names: tuple[str, ...], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", …" if len(names) > most else "")
