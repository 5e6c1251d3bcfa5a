"""CIFAR-10 and CIFAR-100 in their "python version": pickled batches in one archive."""

from __future__ import annotations

import io
import pickle
import tarfile
from dataclasses import dataclass
from pathlib import Path
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
        label_key: which labels to take from a batch.
    """

    name: str
    file: RemoteFile
    members: dict[SplitName, tuple[str, ...]]
    label_key: str


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
    label_key="fine_labels",
)
ARCHIVES = {archive.name: archive for archive in (CIFAR10, CIFAR100)}


def find_cifar(archive: CifarArchive, root: Path) -> Path:
    """The archive: from the data root (torchvision keeps it there too), or from the internet."""
    beside = root / archive.file.name
    return beside if beside.is_file() else fetch(archive.file, root / archive.name)


def read_cifar(archive: CifarArchive, split: SplitName, path: Path) -> ImageSet:
    """One split; the batches of the other are not opened.

    Raises:
        DataError: the archive is not, byte for byte, the published one.
    """
    # A pickle can run code, so nothing is unpickled before the checksum of the whole archive matched.
    verify_md5(path, archive.file.md5)
    try:
        with tarfile.open(path, "r:gz") as tar:
            batches = [_read_member(tar, member) for member in archive.members[split]]
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
    # latin1 turns the byte strings of Python 2 into `str` keys and keeps every byte of the arrays.
    batch: dict[str, Any] = ArrayUnpickler(io.BytesIO(stream.read()), encoding="latin1").load()
    return batch
