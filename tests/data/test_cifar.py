import hashlib
import io
import pickle
import struct
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from vggsweep.data.cifar import (
    ARCHIVES,
    CIFAR10,
    CIFAR100,
    ArrayUnpickler,
    CifarArchive,
    find_cifar,
    read_cifar,
)
from vggsweep.data.reading import read_images
from vggsweep.errors import DataError


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 wrote into the real files: byte strings, and numpy under its old name."""

    dispatch: ClassVar = dict(pickle._Pickler.dispatch)

    def save_bytes(self, value: bytes) -> None:
        self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)

    def save_str(self, value: str) -> None:
        self.save_bytes(value.encode("latin1"))

    def save_global(self, value: Any, name: str | None = None) -> None:
        module = "numpy.core.multiarray" if value.__name__ == "_reconstruct" else value.__module__
        self.write(pickle.GLOBAL + f"{module}\n{value.__name__}\n".encode())

    dispatch[bytes] = save_bytes
    dispatch[str] = save_str
    dispatch[type] = save_global
    dispatch[type(len)] = save_global


def python2_pickle(value: Any) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def write_archive(root: Path, like: CifarArchive, members: dict[str, bytes]) -> CifarArchive:
    path = root / like.name / like.file.name
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    return replace(like, file=replace(like.file, md5=md5))


def batch(seed: int, label_key: str) -> dict[str, Any]:
    pixels = np.random.default_rng(seed).integers(0, 256, (4, 3072), dtype=np.uint8)
    return {"data": pixels, label_key: [seed, 1, 2, 3], "batch_label": "a batch"}


@pytest.mark.parametrize("like", [CIFAR10, CIFAR100])
def test_batches_are_joined_in_order(like, tmp_path):
    names = like.members["train"]
    members = {name: python2_pickle(batch(i, like.label_key)) for i, name in enumerate(names)}
    archive = write_archive(tmp_path, like, members)
    split = read_cifar(archive, "train", find_cifar(archive, tmp_path))
    assert split.images.shape == (4 * len(names), 3, 32, 32)
    assert split.labels[::4].tolist() == list(range(len(names)))
    assert (split.images[-1].ravel() == batch(len(names) - 1, "x")["data"][-1]).all()


def test_the_other_split_is_not_opened(tmp_path):
    members = {CIFAR100.members["train"][0]: python2_pickle(batch(0, "fine_labels"))}
    members[CIFAR100.members["test"][0]] = b"no pickle"
    archive = write_archive(tmp_path, CIFAR100, members)
    path = find_cifar(archive, tmp_path)
    assert len(read_cifar(archive, "train", path).labels) == 4
    with pytest.raises(DataError, match="damaged"):
        read_cifar(archive, "test", path)


def test_nothing_is_unpickled_when_the_checksum_differs(tmp_path):
    archive = write_archive(tmp_path, CIFAR100, {"cifar-100-python/train": b"anything"})
    path = find_cifar(archive, tmp_path)
    with pytest.raises(DataError, match="its md5 is"):
        read_cifar(CIFAR100, "train", path)


def test_a_pickle_that_asks_for_more_than_arrays_is_refused():
    with pytest.raises(pickle.UnpicklingError, match=r"asks for builtins.eval, which no image needs"):
        ArrayUnpickler(io.BytesIO(b"cbuiltins\neval\n(V1+1\ntR.")).load()


def test_a_truncated_archive_is_one_paragraph(tmp_path):
    archive = write_archive(
        tmp_path, CIFAR100, {"cifar-100-python/train": python2_pickle(batch(0, "fine_labels"))}
    )
    path = find_cifar(archive, tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    cut = replace(archive, file=replace(archive.file, md5=hashlib.md5(path.read_bytes()).hexdigest()))
    with pytest.raises(DataError, match="cifar-100-python.tar.gz is damaged"):
        read_cifar(cut, "train", path)


def test_an_archive_beside_others_is_found(tmp_path):
    (tmp_path / CIFAR10.file.name).touch()
    assert find_cifar(CIFAR10, tmp_path) == tmp_path / CIFAR10.file.name


@pytest.mark.parametrize("place", ["{}", "cifar10/{}", "cifar10", "."])
def test_an_unpacked_archive_is_read(place, tmp_path):
    folder = tmp_path / place.replace("{}", CIFAR10.folder)
    folder.mkdir(parents=True, exist_ok=True)
    md5 = {}
    for i, member in enumerate((*CIFAR10.members["train"], *CIFAR10.members["test"])):
        file = folder / Path(member).name
        file.write_bytes(python2_pickle(batch(i, "labels")))
        md5[file.name] = hashlib.md5(file.read_bytes()).hexdigest()
    archive = replace(CIFAR10, member_md5=md5)
    path = find_cifar(archive, tmp_path)
    assert path == folder
    assert read_cifar(archive, "train", path).labels[::4].tolist() == [0, 1, 2, 3, 4]
    assert read_cifar(archive, "test", path).labels[0] == 5


def test_an_unpacked_batch_is_not_unpickled_when_its_checksum_differs(tmp_path):
    folder = tmp_path / CIFAR100.folder
    folder.mkdir()
    (folder / "train").write_bytes(b"cbuiltins\neval\n(V1+1\ntR.")
    with pytest.raises(DataError, match=r"cifar-100-python/train is damaged .*its md5 is"):
        read_cifar(CIFAR100, "train", find_cifar(CIFAR100, tmp_path))


def test_a_missing_batch_is_named(tmp_path, dataset):
    (tmp_path / CIFAR10.folder).mkdir()
    (tmp_path / CIFAR10.folder / "data_batch_1").touch()
    with pytest.raises(DataError, match=r"data_batch_2 cannot be read \(No such file"):
        read_images(dataset("cifar10", root=str(tmp_path)), "train")


def test_checksums_are_those_of_torchvision():
    from torchvision import datasets

    for name, published in {"cifar10": datasets.CIFAR10, "cifar100": datasets.CIFAR100}.items():
        archive = ARCHIVES[name]
        assert archive.file.md5 == published.tgz_md5
        assert archive.file.urls == (published.url,)
        batches = [f"{published.base_folder}/{member}" for member, _ in published.train_list]
        assert list(archive.members["train"]) == batches
        assert archive.folder == published.base_folder
        assert archive.member_md5 == dict(published.train_list + published.test_list)
