"""What is known about each data set before anything is read. Counts are images."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vggsweep.data.class_names import CIFAR10, CIFAR100, DIGITS, FASHION, KUZUSHIJI
from vggsweep.data.listing import PictureFolder
from vggsweep.data.scan import printable, shown
from vggsweep.data.settings import PUBLISHED, DatasetSettings, SourceSettings
from vggsweep.data.sources import open_source
from vggsweep.data.split import validation_count
from vggsweep.data.splits import find_layout, list_split, role_of
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
        source: where it is published.
        licence: under which its publishers give it.
        licence_source: the page that states the licence; of none stated, the page that would.
    """

    channels: int
    resolution: int
    train_size: int
    test_size: int
    class_names: tuple[str, ...]
    source: str
    licence: str
    licence_source: str


_FASHION = (
    "https://github.com/zalandoresearch/fashion-mnist",
    "MIT",
    "https://github.com/zalandoresearch/fashion-mnist/blob/master/LICENSE",
)
_CIFAR = (
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    "none stated; its publishers ask to cite Krizhevsky, Learning Multiple Layers of Features from Tiny "
    "Images, 2009",
    "https://www.cs.toronto.edu/~kriz/cifar.html",
)


CATALOG: dict[str, DatasetFacts] = {
    "fashion_mnist_mini": DatasetFacts(1, 28, 6_000, 2_000, FASHION, *_FASHION),
    "fashion_mnist": DatasetFacts(1, 28, 60_000, 10_000, FASHION, *_FASHION),
    "mnist": DatasetFacts(
        *(1, 28, 60_000, 10_000, DIGITS),
        "http://yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0, as the documentation of Keras states it; copyright Yann LeCun and Corinna Cortes",
        "https://keras.io/api/datasets/mnist/",
    ),
    "kmnist": DatasetFacts(
        *(1, 28, 60_000, 10_000, KUZUSHIJI),
        "https://github.com/rois-codh/kmnist",
        'CC BY-SA 4.0; attribution: "KMNIST Dataset" (created by CODH), adapted from "Kuzushiji Dataset" '
        "(created by NIJL and others), doi:10.20676/00000341",
        "https://github.com/rois-codh/kmnist#license",
    ),
    "cifar10": DatasetFacts(3, 32, 50_000, 10_000, CIFAR10, *_CIFAR),
    "cifar100": DatasetFacts(3, 32, 50_000, 10_000, CIFAR100, *_CIFAR),
    "svhn": DatasetFacts(
        *(3, 32, 73_257, 26_032, DIGITS),
        "http://ufldl.stanford.edu/housenumbers/",
        "none stated; for non-commercial use only",
        "http://ufldl.stanford.edu/housenumbers/",
    ),
}


def data_root(settings: DatasetSettings) -> Path:
    """The folder that holds the data: `dataset.root`, else ``VGGSWEEP_DATA``, else ``~/.cache/vggsweep``.

    A user without a home directory, as containers have, keeps them where temporary files are.

    Raises:
        ConfigError: the path begins with a home directory that is not known.
    """
    chosen = settings.root or os.environ.get("VGGSWEEP_DATA") or "~/.cache/vggsweep"
    try:
        return Path(chosen).expanduser()
    except RuntimeError:  # the system knows no such user, or this one has no home
        if settings.root or os.environ.get("VGGSWEEP_DATA"):
            field = f"dataset.root={chosen}" if settings.root else f"VGGSWEEP_DATA={chosen}"
            raise ConfigError(
                f"{field}: this system knows no home directory for {chosen.partition('/')[0]}. Write the "
                "path out, such as dataset.root=/path/to/data."
            ) from None
        user = os.getuid() if hasattr(os, "getuid") else "data"  # on Windows that folder is a user's own
        return Path(tempfile.gettempdir()) / f"vggsweep-{user}"


def check_dataset(settings: DatasetSettings) -> None:
    """Refuse what cannot work, without reading an image.

    Raises:
        ConfigError: a field contradicts the data set or another field.
    """
    if isinstance(settings, SourceSettings):
        _check_source(settings)
    elif settings.name == "image_folder":
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
    if isinstance(settings, SourceSettings):
        return open_source(settings).class_names
    if settings.name == "image_folder":
        return pictures(settings).class_names
    return CATALOG[settings.name].class_names


def check_same_classes(settings: DatasetSettings, trained: Sequence[str], whose: str) -> None:
    """Refuse data whose labels are not those of a network that was kept.

    Args:
        settings: the data set as it is now.
        trained: the class of each of the network's scores.
        whose: the network, for the refusal.

    Raises:
        ConfigError: a class came, went or changed its place: labels and scores do not belong together.
    """
    now = class_names(settings)
    # a published set's labels never move; its names may be spelt otherwise in another release
    is_same = settings.name in PUBLISHED or list(map(_same_letters, now)) == list(map(_same_letters, trained))
    if len(now) != len(trained) or not is_same:
        raise ConfigError(
            f"dataset={settings.name} has other classes than {whose} was trained to tell apart: "
            f"{shown(now)} now, {shown(trained)} then. Put the data back as they were, or train a network "
            "on these."
        )


def training_size(settings: DatasetSettings) -> int:
    """Images that one epoch trains on, `limit` and validation part taken off."""
    if isinstance(settings, SourceSettings):
        available = len(open_source(settings).content("train").labels)
    elif settings.name == "image_folder":
        available = len(pictures(settings).paths)
    else:
        available = CATALOG[settings.name].train_size
    if settings.validation == "split":
        available -= validation_count(available, settings.val_fraction)
    return available if settings.limit is None else min(available, settings.limit)


def pictures(settings: DatasetSettings) -> PictureFolder:
    """The training pictures of an image folder: names, sizes and labels; read once, then remembered."""
    found = list_split(data_root(settings), "train")
    assert found is not None
    return found


def check_test_split(settings: DatasetSettings) -> None:
    """Refuse a data set whose test split is missing, or does not fit its training split.

    Raises:
        ConfigError: names what is missing.
    """
    if isinstance(settings, SourceSettings):
        open_source(settings).content("test")
    elif settings.name == "image_folder":
        find_test_pictures(settings)


def find_test_pictures(settings: DatasetSettings) -> PictureFolder:
    """The test pictures of an image folder, which have the classes of the training pictures.

    Raises:
        ConfigError: there are none, a class is missing, or they are the training pictures.
    """
    root = data_root(settings)
    layout = find_layout(root)
    found = list_split(root, "test")
    if layout.test is None or found is None:
        flat = [folder.path for folder in layout.unread if role_of(folder.name) == "test"]
        raise ConfigError(
            f"{root} has no test split. Put test pictures into {root / 'test'}, one folder a class, "
            f"and the training pictures into {root / 'train'}."
            + (f" The pictures of {shown(flat)} are in no class folders." if flat else "")
        )
    trained = class_names(settings)
    label_of = {_same_letters(name): label for label, name in enumerate(trained)}
    names = [_same_letters(name) for name in found.class_names]
    if label_of.keys() != set(names):
        raise ConfigError(
            f"{printable(layout.test.path)} and {printable(layout.train.path)} have different class folders: "
            f"{shown(sorted(label_of.keys() ^ set(names)))}. Both need the same ones, each with at least one "
            "picture."
        )
    shared = {folder.identity for folder in layout.train.walk()} & {
        folder.identity for folder in layout.test.walk()
    }
    if shared:
        raise ConfigError(
            f"{printable(layout.test.path)} leads by links to the training pictures in "
            f"{printable(layout.train.path)}: an accuracy on them says nothing. Give the test split pictures "
            "of its own."
        )
    # another computer may have written the same letters in another form, which sorts elsewhere
    labels = tuple(label_of[names[label]] for label in found.labels)
    return replace(found, class_names=trained, labels=labels)


def native_resolution(settings: DatasetSettings) -> int:
    """Height and width in pixels of the images as they are stored; pictures are decoded to size."""
    if isinstance(settings, SourceSettings):
        shape = open_source(settings).content("train").shape
        return settings.resolution if shape is None else shape[1]
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


def _check_source(settings: SourceSettings) -> None:
    data = open_source(settings)
    shape = data.content("train").shape
    if shape is None:
        _check_picture_channels(settings)
    elif settings.channels != shape[0]:
        raise ConfigError(
            f"dataset.channels={settings.channels} does not fit {settings.place}, whose images have "
            f"{shape[0]}. Use dataset.channels={shape[0]}."
        )
    if settings.num_classes not in (None, len(data.class_names)):
        raise ConfigError(
            f"dataset.num_classes={settings.num_classes}, but {settings.place} has {len(data.class_names)} "
            "classes. Use dataset.num_classes=null to count them."
        )
    if settings.validation == "test":
        check_test_split(settings)


def _check_folder(settings: DatasetSettings) -> None:
    if settings.root is None:
        raise ConfigError(
            "dataset.root is missing: dataset=image_folder needs the folder of your pictures, with one "
            "sub-folder a class, such as dataset.root=/path/to/pictures."
        )
    root = data_root(settings)
    if not root.is_dir():
        raise ConfigError(f"dataset.root={settings.root} is not a folder (looked at {root.absolute()}).")
    _check_picture_channels(settings)
    names = class_names(settings)
    if len(names) < 2:
        raise ConfigError(_too_few_classes(root, pictures(settings)))
    alike = [name for name, count in Counter(map(_same_letters, names)).items() if count > 1]
    if alike:
        raise ConfigError(
            f"{root} has several class folders that read {shown(alike)}, written in other forms of the same "
            "letters. Put their pictures into one."
        )
    if settings.num_classes not in (None, len(names)):
        raise ConfigError(
            f"dataset.num_classes={settings.num_classes}, but {root} has {len(names)} class folders: "
            f"{shown(names)}. Use dataset.num_classes=null to count them."
        )
    if settings.validation == "test":
        check_test_split(settings)


def _check_picture_channels(settings: DatasetSettings) -> None:
    if settings.channels not in (1, 3):
        raise ConfigError(
            f"dataset.channels={settings.channels} does not fit pictures. "
            "Use dataset.channels=3 for colour or dataset.channels=1 for grey."
        )


def _too_few_classes(root: Path, found: PictureFolder) -> str:
    top = find_layout(root).train
    names = found.class_names
    what = f"one such sub-folder, {names[0]}" if names else "no sub-folder with pictures"
    text = f"dataset.root={root} has {what}; two classes are the least. "
    if len(top.parts) == 1 and len(top.parts[0].parts) > 1:
        return text + f"Did you mean dataset.root={top.parts[0].path}?"
    sentences = found.left_out.sentences()
    if top.listing.pictures:
        sentences.append(f"{len(top.listing.pictures)} pictures lie in no sub-folder.")
    return " ".join(
        [
            text + "Sort the pictures like cats/1.jpg dogs/2.jpg, or train/cats/1.jpg test/cats/2.jpg.",
            *sentences,
        ]
    )


def _same_letters(name: str) -> str:
    """One form for letters that Unicode writes in two; macOS and Linux differ in it."""
    return unicodedata.normalize("NFC", name)


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
