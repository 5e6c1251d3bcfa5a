"""CIFAR-10 and CIFAR-100 in their "python version": pickled batches in one archive, or unpacked.

By hand: torchvision needs them unpacked, hashes the test batch to open the training split, and its
`pickle.load` would run whatever code a file holds. Both take 0.4 s of CPU time for a split.
"""

from __future__ import annotations

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from vggsweep.data.download import RemoteFile, damaged, fetch, verify_md5
from vggsweep.data.images import ImageSet
from vggsweep.data.settings import SplitName


@dataclass(frozen=True)
class CifarArchive:
    """One of the two archives.

    Args:
        name: the data set; also its folder under the data root.
        file: the archive.
        members: the batches of each split inside it.
        member_md5: checksum of each batch, by its name.
        label_key: which labels to take from a batch.
    """

    name: str
    file: RemoteFile
    members: dict[SplitName, tuple[str, ...]]
    member_md5: dict[str, str]
    label_key: str

    @property
    def folder(self) -> str:
        """The folder that it unpacks to."""
        return str(PurePosixPath(self.members["test"][0]).parent)


CIFAR10 = CifarArchive(
    name="cifar10",
    file=RemoteFile(
        "cifar-10-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",),
        "c58f30108f718f92721af3b95e74349a",
    ),
    members={
        "train": tuple(f"cifar-10-batches-py/data_batch_{i}" for i in range(1, 6)),
        "test": ("cifar-10-batches-py/test_batch",),
    },
    member_md5={
        "data_batch_1": "c99cafc152244af753f735de768cd75f",
        "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "data_batch_4": "634d18415352ddfa80567beed471001a",
        "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "test_batch": "40351d587109b95175f43aff81a1287e",
    },
    label_key="labels",
)
CIFAR100 = CifarArchive(
    name="cifar100",
    file=RemoteFile(
        "cifar-100-python.tar.gz",
        ("https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",),
        "eb9058c3a382ffc7106e4002c42a8d85",
    ),
    members={"train": ("cifar-100-python/train",), "test": ("cifar-100-python/test",)},
    member_md5={
        "train": "16019d7e3df5f24257cddd939b257f8d",
        "test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
    label_key="fine_labels",
)
ARCHIVES = {archive.name: archive for archive in (CIFAR10, CIFAR100)}


def find_cifar(archive: CifarArchive, root: Path) -> Path:
    """The archive, or the folder that it was unpacked to: from the data root, or from the internet."""
    home = root / archive.name
    files = (root / archive.file.name, home / archive.file.name)
    folders = (root / archive.folder, home / archive.folder, home, root)
    found = [file for file in files if file.is_file()]
    found += [folder for folder in folders if (folder / _name(archive.members["train"][0])).is_file()]
    return found[0] if found else fetch(archive.file, home)


def batch_files(archive: CifarArchive, split: SplitName, path: Path) -> tuple[Path, ...]:
    """The files that hold a split: the archive itself, or the batches of the unpacked folder."""
    return tuple(path / _name(member) for member in archive.members[split]) if path.is_dir() else (path,)


def read_cifar(archive: CifarArchive, split: SplitName, path: Path) -> ImageSet:
    """One split; the batches of the other are not opened.

    Args:
        archive, split: which.
        path: what `find_cifar` found.

    Raises:
        DataError: the archive, or an unpacked batch, is not, byte for byte, the published one.
    """
    try:
        batches = _unpacked(archive, split, path) if path.is_dir() else _packed(archive, split, path)
        images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([np.asarray(batch[archive.label_key], dtype=np.int64) for batch in batches])
    except (
        tarfile.TarError,
        pickle.UnpicklingError,
        LookupError,
        TypeError,
        ValueError,
        EOFError,
        OSError,
    ) as error:
        raise damaged(path, str(error)) from error
    return ImageSet(images, labels)


# A pickle can run code, so nothing is unpickled before a checksum matched.
def _packed(archive: CifarArchive, split: SplitName, path: Path) -> list[dict[str, Any]]:
    verify_md5(path, archive.file.md5)
    with tarfile.open(path, "r:gz") as tar:
        return [_read_member(tar, member) for member in archive.members[split]]


def _unpacked(archive: CifarArchive, split: SplitName, path: Path) -> list[dict[str, Any]]:
    batches = []
    for file in batch_files(archive, split, path):
        verify_md5(file, archive.member_md5[file.name])
        batches.append(_unpickled(file.read_bytes()))
    return batches


def _name(member: str) -> str:
    return PurePosixPath(member).name


class ArrayUnpickler(pickle.Unpickler):
    """Unpickles dicts, lists, strings and numpy arrays, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The few globals that a pickled array names."""
        # The files date from Python 2, whose numpy said `numpy.core` for what is now `numpy._core`.
        known = {
            ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"a batch asks for {module}.{name}, which no image needs")
        return known[module, name]


def _read_member(tar: tarfile.TarFile, member: str) -> dict[str, Any]:
    stream = tar.extractfile(member)
    if stream is None:
        raise tarfile.TarError(f"{member} is not a file")
    return _unpickled(stream.read())


def _unpickled(content: bytes) -> dict[str, Any]:
    # latin1 turns the byte strings of Python 2 into `str` keys and keeps every byte of the arrays.
    batch: dict[str, Any] = ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    return batch
