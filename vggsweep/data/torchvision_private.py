"""Sets of torchvision whose files and classes no public attribute tells; each function gives both.

A new release of torchvision that moves them fails the test that reads every set.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Listed(NamedTuple):
    """The pictures of a split.

    Args:
        paths: of each.
        labels: of each.
        names: of the classes, by label; empty where they have none.
    """

    paths: Sequence[str]
    labels: Sequence[int]
    names: Sequence[str]


def _gtsrb(held: Any) -> Listed:
    return Listed([path for path, _ in held._samples], [label for _, label in held._samples], ())


def _pets(held: Any) -> Listed:
    paths = [os.fspath(path) for path in held._images]
    if held._target_types == ["binary-category"]:
        return Listed(paths, held._bin_labels, held.bin_classes)
    return Listed(paths, held._labels, held.classes)


def _caltech101(held: Any) -> Listed:
    folder = os.path.join(held.root, "101_ObjectCategories")
    paths = [
        os.path.join(folder, held.categories[label], f"image_{number:04d}.jpg")
        for label, number in zip(held.y, held.index, strict=True)
    ]
    return Listed(paths, held.y, held.categories)


def _caltech256(held: Any) -> Listed:
    folder = os.path.join(held.root, "256_ObjectCategories")
    paths = [
        os.path.join(folder, held.categories[label], f"{label + 1:03d}_{number:04d}.jpg")
        for label, number in zip(held.y, held.index, strict=True)
    ]
    return Listed(paths, held.y, held.categories)


def _omniglot(held: Any) -> Listed:
    # it numbers its classes as the file system happens to list them
    names = sorted(held._characters)
    rank = {name: label for label, name in enumerate(names)}
    found = [(held._characters[label], name) for name, label in held._flat_character_images]
    paths = [os.path.join(held.target_folder, character, name) for character, name in found]
    return Listed(paths, [rank[character] for character, _ in found], names)


def _inaturalist(held: Any) -> Listed:
    items = [held[index] for index in range(len(held))]
    kind = held.target_type[0]
    count = max(label for _, label in items) + 1
    names = [held.category_name(kind, label) for label in range(count)]
    return Listed([path for path, _ in items], [label for _, label in items], names)


LISTERS: dict[str, Callable[[Any], Listed]] = {
    "Caltech101": _caltech101,
    "Caltech256": _caltech256,
    "GTSRB": _gtsrb,
    "INaturalist": _inaturalist,
    "Omniglot": _omniglot,
    "OxfordIIITPet": _pets,
}
