from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import resolved
from vggsweep.data.fingerprint import DataFingerprint, data_fingerprint
from vggsweep.data.settings import DatasetSettings
from vggsweep.errors import DataChanged

Dataset = Callable[..., DatasetSettings]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes; nothing is opened as a picture here."""
    for name in (
        "train/cats/1.png",
        "train/cats/2.png",
        "train/dogs/1.png",
        "test/cats/1.png",
        "test/dogs/1.png",
    ):
        path = tmp_path / "pictures" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() * 2000)
    (tmp_path / "pictures/train/cats/2.png").write_bytes(b"cat" * 100_000)
    return tmp_path / "pictures"


@pytest.fixture
def taken(dataset: Dataset, pictures: Path) -> Callable[..., DataFingerprint]:
    return lambda root=pictures, **how: data_fingerprint(dataset("image_folder", root=str(root)), **how)


def test_same_pictures_elsewhere_are_the_same_data(
    taken: Callable[..., DataFingerprint], pictures: Path, tmp_path: Path
) -> None:
    shutil.copytree(pictures, tmp_path / "elsewhere")
    assert taken(tmp_path / "elsewhere") == taken()
    assert taken().counts == {"train/cats": 2, "train/dogs": 1, "bytes": 16 * 2 * 2000 + 300_000}


def configuration_of(root: Path) -> dict[str, Any]:
    words = ["dataset=image_folder", f"dataset.root={root}", "dataset.val_fraction=0.5"]
    return resolved(compose(words))


def change_a_byte(root: Path) -> None:
    path = root / "train/cats/1.png"
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(content)


def change_the_middle(root: Path) -> None:
    path = root / "train/cats/2.png"
    content = bytearray(path.read_bytes())
    content[len(content) // 3 : 2 * len(content) // 3] = bytes(len(content) // 3)
    path.write_bytes(content[: path.stat().st_size])


CHANGES: dict[str, Callable[[Path], object]] = {
    "a picture more": lambda root: (root / "train/cats/3.png").write_bytes(b"new"),
    "a picture less": lambda root: (root / "train/cats/2.png").unlink(),
    "another content of the same size": change_a_byte,
    "another middle of a large file": change_the_middle,
    "another size": lambda root: (root / "train/cats/1.png").write_bytes(b"short"),
    "another name": lambda root: (root / "train/cats/1.png").rename(root / "train/cats/9.png"),
    "another class": lambda root: (root / "train/cats/2.png").rename(root / "train/dogs/2.png"),
    "a class renamed": lambda root: (root / "train/cats").rename(root / "train/lions"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_whatever_decides_a_result_makes_other_data(
    taken: Callable[..., DataFingerprint], pictures: Path, change: Callable[[Path], object]
) -> None:
    before = taken()
    change(pictures)
    assert taken().digest != before.digest


def test_what_decides_nothing_changes_nothing(taken: Callable[..., DataFingerprint], pictures: Path) -> None:
    before, with_test = taken(), taken(with_test=True)
    assert before.digest != with_test.digest
    (pictures / "train/cats/notes.txt").write_text("not a picture")
    os.utime(pictures / "train/cats/1.png", (1, 1))
    assert (taken(), taken(with_test=True)) == (before, with_test)
    (pictures / "test/cats/1.png").write_bytes(b"changed")
    assert taken() == before
    assert taken(with_test=True) != with_test


def test_data_that_change_while_they_are_trained_on_are_refused(dataset: Dataset, pictures: Path) -> None:
    fingerprints = Fingerprints()
    plain = configuration_of(pictures)
    fingerprints.check(plain)
    os.utime(pictures / "train/cats/1.png", (1, 1))  # the same contents
    fingerprints.check(plain)
    status = (pictures / "train/cats/1.png").stat()
    change_a_byte(pictures)
    os.utime(pictures / "train/cats/1.png", ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(DataChanged, match="changed while they were trained on"):
        fingerprints.check(plain)


def test_published_sets_have_the_fingerprint_of_their_checksums_without_being_read(dataset: Dataset) -> None:
    names = ("fashion_mnist_mini", "fashion_mnist", "mnist", "kmnist", "cifar10", "cifar100", "svhn")
    digests = [data_fingerprint(dataset(name, root="/nowhere")).digest for name in names]
    assert len(set(digests)) == len(names)


@pytest.mark.slow
def test_a_hundred_thousand_pictures_take_seconds(
    taken: Callable[..., DataFingerprint], tmp_path: Path
) -> None:
    for name in ("cats", "dogs"):
        (tmp_path / "many" / name).mkdir(parents=True)
        for number in range(50_000):
            (tmp_path / "many" / name / f"{number}.jpg").write_bytes(b"%d" % number)
    began = time.process_time()
    taken(tmp_path / "many")
    assert time.process_time() - began < 20
