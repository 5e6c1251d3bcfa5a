"""Which folders below a root are splits, which are classes; names as people give them.

A folder is a split by its name (``train Train training_set seg_train train_images Testing val2017 …``) and
by holding class folders; what could be either is refused with the way out, never guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vggsweep.data.listing import PictureFolder, list_folder
from vggsweep.data.scan import Folder, printable, scan, shown
from vggsweep.data.settings import SplitName
from vggsweep.errors import ConfigError

Role = Literal["train", "test", "validation", "unlabelled"]
WORDS: dict[Role, tuple[str, ...]] = {
    "train": ("train", "training", "trn"),
    "test": ("test", "tests", "testing", "tst"),
    "validation": ("val", "valid", "validate", "validation", "dev", "eval", "evaluation", "holdout"),
    "unlabelled": ("pred", "predict", "prediction", "unlabeled", "unlabelled"),
}
# German, Dutch, … "Trainingsdaten", "testbilder"; or written as one word, "trainset"
STEMS: dict[Role, str] = {"train": "train", "test": "test", "validation": "validat"}
# Beside a split's word these say nothing: `train_images` means `train`.
FILLERS = frozenset(
    "a data dataset dir folder full image images img imgs large orig original photo photos pic pics picture "
    "pictures raw resized set sets small split subset the".split()
)
SHARED_CLASSES = 0.5  # part of the class names by which two folders show that they are splits of one set


@dataclass(frozen=True)
class Layout:
    """Where the splits of a data set are.

    Args:
        train: holds the class folders that train.
        test: the same of the test split; None where there is none.
        unread: folders beside them that hold pictures.
        loose: pictures that lie in no class folder.
    """

    train: Folder
    test: Folder | None = None
    unread: tuple[Folder, ...] = ()
    loose: int = 0

    def sentences(self) -> list[str]:
        """What a reader of the result must know."""
        told = []
        if self.unread:
            names = shown(folder.path for folder in self.unread)
            told.append(
                f"{names} {'is' if len(self.unread) == 1 else 'are'} not read: only the training and test "
                "splits are, and a part of the training pictures validates."
            )
        if self.loose:
            told.append(f"Not read, since in no class folder: {self.loose} of the pictures.")
        return told


def find_layout(root: Path) -> Layout:
    """Tell splits from classes.

    With a folder for training that holds class folders, it is the training split, and the folder for tests
    beside it the test split; otherwise the folders of `root` are classes that train.

    Raises:
        ConfigError: the names and what the folders hold leave more than one reading.
        DataError: a folder cannot be read.
    """
    top = scan(root)
    parts = top.parts
    roles = {folder: role for folder in parts if (role := role_of(folder.name)) is not None}
    by_role: dict[Role, list[Folder]] = {
        role: [folder for folder in roles if roles[folder] == role and _is_split(folder, parts, roles)]
        for role in WORDS
    }
    if not by_role["train"]:
        _refuse_splits_as_classes(top, roles)
        return Layout(top, loose=len(top.listing.pictures))
    for found in (by_role["train"], by_role["test"]):
        if len(found) > 1:
            raise ConfigError(
                f"{_path(top)} has several folders for its {roles[found[0]]} split: "
                f"{shown(folder.name for folder in found)}. Leave one, or put the class folders into "
                "one train/ and one test/."
            )
    train, test = _inner(by_role["train"][0]), next(map(_inner, by_role["test"]), None)
    used = {by_role["train"][0], *by_role["test"]}
    loose = sum(len(folder.listing.pictures) for folder in (top, *used))
    return Layout(train, test, tuple(folder for folder in parts if folder not in used), loose)


def list_split(root: Path, split: SplitName) -> PictureFolder | None:
    """The pictures of a split; None where there is no test split."""
    layout = find_layout(root)
    folder = layout.train if split == "train" else layout.test
    return None if folder is None else list_folder(folder)


def role_of(name: str) -> Role | None:
    """What a folder is for, by its name; None where it names no split or more than one.

    >>> role_of("seg_train"), role_of("TestImages"), role_of("train_and_test"), role_of("cats")
    ('train', 'test', None, None)
    """
    tokens = _tokens(name)
    roles = [
        role
        for role in WORDS
        if any(_is_word(token, role) or token.startswith(STEMS.get(role, "-")) for token in tokens)
    ]
    return roles[0] if len(roles) == 1 and "trainval" not in tokens else None


def _tokens(name: str) -> set[str]:
    """The words of a name, in small letters: ``TrainingSet_2`` is training, set."""
    return {token.lower() for token in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def _is_word(token: str, role: Role) -> bool:
    """Whether a token says the split: ``test``, ``testset``."""
    return any(
        token == word or token.removeprefix(word) in FILLERS for word in WORDS[role] if token.startswith(word)
    )


def _is_filler(token: str) -> bool:
    return token in FILLERS or len(token) == 1


def _is_plain(name: str, role: Role) -> bool:
    """Whether a name says the split and nothing else, such as ``Train`` or ``test_images``."""
    return all(_is_filler(token) or _is_word(token, role) for token in _tokens(name))


def _is_split(folder: Folder, parts: tuple[Folder, ...], roles: dict[Folder, Role]) -> bool:
    """Whether a folder named like a split is one: it holds class folders, and what is beside it agrees."""
    others = [other for other in parts if other is not folder]
    if not folder.parts or (folder.listing.pictures and any(other not in roles for other in others)):
        return False
    classes = _class_names(folder)
    return (
        _is_plain(folder.name, roles[folder])
        or all(other in roles for other in others)
        or any(
            len(classes & _class_names(other)) >= SHARED_CLASSES * len(classes)
            for other in others
            if roles.get(other) not in (None, roles[folder])
        )
    )


def _class_names(folder: Folder) -> set[str]:
    return {part.name for part in _inner(folder).parts}


def _inner(folder: Folder) -> Folder:
    """The folder that holds the classes: archives unpack to ``seg_train/seg_train/…``, ``train/images/…``."""
    while len(folder.parts) == 1 and not folder.listing.pictures:
        (only,) = folder.parts
        says_same = role_of(only.name) == role_of(folder.name) or all(map(_is_filler, _tokens(only.name)))
        if not only.parts or not says_same:
            break
        folder = only
    return folder


def _refuse_splits_as_classes(top: Folder, roles: dict[Folder, Role]) -> None:
    """Refuse folders that are named like splits where no training split was found, unless they are classes.

    Raises:
        ConfigError: pictures of another split would be trained on, as a class of their own.
    """
    parts = top.parts
    way_out = "Sort them like train/cats/1.jpg test/cats/2.jpg; a class with such a name needs another one."
    flat = [folder.name for folder in roles if not folder.parts]
    # one says it by its whole name, or all say it: `test_tube`, `bullet_train` and `car` are classes
    said = set(
        roles.values() if len(roles) == len(parts) else (r for f, r in roles.items() if _is_plain(f.name, r))
    )
    if flat and "train" in said and len(said) > 1:
        raise ConfigError(
            f"{_path(top)} has the splits {shown(folder.name for folder in roles)}, but the pictures of "
            f"{shown(flat)} are not sorted into class folders. {way_out}"
        )
    suspects = [folder for folder, role in roles.items() if _is_suspect(folder, role, parts, roles)]
    if suspects:
        others = shown(folder.name for folder in parts if folder not in suspects) or "nothing else"
        raise ConfigError(
            f"{_path(top)} has {shown(folder.name for folder in suspects)} beside {others}: it looks like a "
            f"split, not like a class. {way_out}"
        )
    inside = [
        folder for folder in parts if {"train", "test"} <= {role_of(part.name) for part in folder.parts}
    ]
    if inside and len(inside) == len(parts) > 1:
        raise ConfigError(
            f"{_path(top)} has train and test inside each of {shown(folder.name for folder in inside)}: "
            f"their test pictures would be trained on. {way_out}"
        )


def _is_suspect(folder: Folder, role: Role, parts: tuple[Folder, ...], roles: dict[Folder, Role]) -> bool:
    if folder.parts:
        return _is_plain(folder.name, role) or len(set(roles.values())) > 1
    # a class `valid` has its `invalid`, and a single folder beside one other must be a class
    is_test = role in ("test", "validation") and "valid" not in _tokens(folder.name)
    return is_test and _is_plain(folder.name, role) and len(parts) > 2


def _path(folder: Folder) -> str:
    return f"dataset.root={printable(folder.path)}"
