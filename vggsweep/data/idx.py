"""MNIST's idx format and its three sets, by hand.

torchvision's reader takes an unpacked file with a changed byte for whole, knows one folder and nothing
packed, lets two processes write one download, and needs torchvision: 3.3 s of CPU time to import where this
room takes 0.2 s. To read Fashion-MNIST's training split takes it 0.06 s, this one with its checksums 0.09 s
(torchvision 0.29, one core).
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from vggsweep.data.download import RemoteFile, damaged, fetch, verify_md5
from vggsweep.data.images import ImageSet, PixelArray
from vggsweep.data.settings import SplitName
from vggsweep.errors import DataError

UNSIGNED_BYTE = 0x08
STEMS: dict[SplitName, tuple[str, str]] = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}


@dataclass(frozen=True, eq=False)
class IdxCollection:
    """Four idx files: images and labels of two splits.

    Args:
        name: the data set; also its folder under the data root.
        mirrors: addresses that a file name completes.
        gz_md5: checksum of each compressed file as it is published, by the name without ``.gz``.
        content_md5: checksum of each file uncompressed. Where these are known they are what is checked,
            since a distribution may have compressed the same content anew.
        elsewhere: folders to look into after the data root; relative ones are under it.
        advice: for a person without a network.
    """

    name: str
    mirrors: tuple[str, ...]
    gz_md5: dict[str, str]
    content_md5: dict[str, str] = field(default_factory=dict)
    elsewhere: tuple[str, ...] = ()
    advice: str = ""


FASHION_MNIST = IdxCollection(
    name="fashion_mnist",
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    gz_md5={
        "train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
    },
    content_md5={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    # where Debian's package dataset-fashion-mnist puts them
    elsewhere=("FashionMNIST/raw", "/usr/share/datasets/fashion-mnist"),
    advice="On Debian and Ubuntu, `apt install dataset-fashion-mnist` also does; "
    "dataset=fashion_mnist_mini needs no download.",
)
MNIST = IdxCollection(
    name="mnist",
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    gz_md5={
        "train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
    },
    content_md5={
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    elsewhere=("MNIST/raw",),
)
KMNIST = IdxCollection(
    name="kmnist",
    mirrors=("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    gz_md5={
        "train-images-idx3-ubyte": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte": "7320c461ea6c1c855c0b718fb2a4b134",
    },
    elsewhere=("KMNIST/raw",),
)
COLLECTIONS = {collection.name: collection for collection in (FASHION_MNIST, MNIST, KMNIST)}


def find_idx(collection: IdxCollection, split: SplitName, root: Path) -> tuple[Path, Path]:
    """Image and label file of a split: from the data root, from elsewhere, or from the internet."""
    images, labels = (_find(collection, stem, root) for stem in STEMS[split])
    return images, labels


def read_idx(collection: IdxCollection, split: SplitName, paths: tuple[Path, Path]) -> ImageSet:
    """A split from its image and label file.

    Raises:
        DataError: a file is damaged, or the two do not belong together.
    """
    contents = [
        parse_idx(_verified_content(collection, stem, path), path)
        for stem, path in zip(STEMS[split], paths, strict=True)
    ]
    images, labels = contents
    if images.ndim != 3 or labels.shape != images.shape[:1]:
        raise damaged(paths[0], f"images {images.shape} and labels {labels.shape} do not fit")
    return ImageSet(images[:, None], labels.astype(np.int64))


def parse_idx(content: bytes, path: Path) -> PixelArray:
    """The array of unsigned bytes in an idx file.

    The format: two zero bytes, the type of the values, the number of dimensions, each dimension as a
    big-endian 32-bit number, then the values.

    Args:
        content: the file, uncompressed.
        path: its name, for errors.
    """
    if len(content) < 4 or content[:2] != b"\0\0":
        raise damaged(path, "it does not begin like an idx file")
    kind, num_dimensions = content[2], content[3]
    if kind != UNSIGNED_BYTE:
        raise damaged(path, f"its values have type 0x{kind:02x}, not unsigned bytes (0x08)")
    header = 4 + 4 * num_dimensions
    if len(content) < header:
        raise damaged(path, "it ends inside its header")
    shape = struct.unpack(f">{num_dimensions}I", content[4:header])
    if len(content) - header != math.prod(shape):
        raise damaged(
            path,
            f"its header promises {math.prod(shape):,} bytes of values, but {len(content) - header:,} follow",
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def _find(collection: IdxCollection, stem: str, root: Path) -> Path:
    home = root / collection.name
    for folder in (home, *(root / other for other in collection.elsewhere)):
        for found in _there(folder, stem):
            return found
    # Right in the root, files of the same names may be another set's.
    strangers = []
    for found in _there(root, stem):
        status = found.stat()
        if _is_published(collection, stem, found, status.st_size, status.st_mtime_ns):
            return found
        strangers.append(f"{found} is there, but its checksum is not that of {collection.name}.")
    name = f"{stem}.gz"
    urls = tuple(mirror + name for mirror in collection.mirrors)
    advice = " ".join([*strangers, *filter(None, [collection.advice])])
    return fetch(RemoteFile(name, urls, collection.gz_md5[stem]), home, advice)


def _there(folder: Path, stem: str) -> list[Path]:
    """The files of a folder that may be this one: with a dot, packed, in a folder of its own name."""
    dotted = stem.replace("-idx", ".idx")
    names = (f"{stem}.gz", stem, f"{dotted}.gz", dotted, f"{stem}/{stem}", f"{dotted}/{dotted}")
    return [folder / name for name in names if (folder / name).is_file()]


@lru_cache(maxsize=16)
def _is_published(collection: IdxCollection, stem: str, path: Path, size: int, modified_ns: int) -> bool:
    """Whether a file is that of the collection; `size` and `modified_ns` make a changed file another one."""
    if collection.content_md5.get(stem) is None and path.suffix != ".gz":
        return False
    try:
        _verified_content(collection, stem, path)
    except DataError:
        return False
    return True


def _verified_content(collection: IdxCollection, stem: str, path: Path) -> bytes:
    is_compressed = path.suffix == ".gz"
    content_md5 = collection.content_md5.get(stem)
    try:
        if is_compressed and content_md5 is None:
            verify_md5(path, collection.gz_md5[stem])
        content = gzip.decompress(path.read_bytes()) if is_compressed else path.read_bytes()
    except (EOFError, zlib.error, OSError) as error:
        raise damaged(path, str(error)) from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if content_md5 is not None and found != content_md5:
        raise damaged(path, f"the md5 of its content is {found}, not {content_md5}")
    return content
