"""What the images and labels of a data set are, in one checksum, wherever they lie.

Two folders of equal pictures under equal names are the same data; a picture more, less, renamed, moved to
another class or replaced makes other data.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from vggsweep.data import cifar, idx, mini, svhn
from vggsweep.data.catalog import data_root
from vggsweep.data.listing import PictureFolder, file_stamp
from vggsweep.data.settings import DatasetSettings, SourceSettings, SplitName
from vggsweep.data.sources import open_source
from vggsweep.data.splits import list_split

# A file counts whole up to this size; of a larger one its size and blocks spread over it count, the first and
# the last among them: 100,000 pictures of 20 KB take 3 s, of 110 KB 9 s. An edit of few bytes between blocks
# escapes.
BLOCKS = 16
BLOCK_BYTES = 4096


@dataclass(frozen=True)
class DataFingerprint:
    """A data set's identity.

    Args:
        digest: 64 hexadecimal digits.
        counts: for people, to tell what changed: pictures by ``split/class``, of a folder their bytes in
            total too; empty for a published set.
        stamp: changes when a file is written, on the host where it was taken, or when a user's function
            returns something else; see `data_stamp`.
    """

    digest: str
    counts: Mapping[str, int]
    stamp: str = field(default="", compare=False)


def data_fingerprint(settings: DatasetSettings, *, with_test: bool = False) -> DataFingerprint:
    """Take the fingerprint of a data set; a published one has that of its published checksums.

    Args:
        settings: the data set. A picture folder exists.
        with_test: whether the test pictures decide something, besides where they validate.
    """
    if isinstance(settings, SourceSettings):
        return _of_source(settings, with_test)
    if settings.name == "image_folder":
        return folder_fingerprint(_splits(settings, with_test))
    digest = hashlib.sha256("\n".join([settings.name, *_published_checksums(settings.name)]).encode())
    return DataFingerprint(digest.hexdigest(), {})


def data_stamp(settings: DatasetSettings, *, with_test: bool = False) -> str:
    """Sizes and times of a folder's pictures in one text, opening none; empty for a published set.

    Of what this process holds in memory it is the digest.
    """
    if isinstance(settings, SourceSettings):
        return _source_stamp(settings, with_test)
    if settings.name != "image_folder":
        return ""
    return files_stamp(path for pictures in _splits(settings, with_test).values() for path in pictures.paths)


def files_stamp(paths: Iterable[str]) -> str:
    """Sizes and times of files in one text, opening none."""
    stamp = hashlib.sha256()
    for path in paths:
        stamp.update(_stamped(path))
    return stamp.hexdigest()


def _of_source(settings: SourceSettings, with_test: bool) -> DataFingerprint:
    stamp = _source_stamp(
        settings, with_test
    )  # before anything is read: what changes meanwhile is found later
    data, splits = open_source(settings), _source_splits(settings, with_test)
    told = "\n".join(f"{split} {data.digest(split)}" for split in splits)
    digest = hashlib.sha256(f"{settings.name}\n{told}".encode()).hexdigest()
    counts = {name: count for split in splits for name, count in data.counts(split).items()}
    return DataFingerprint(digest, counts, stamp)


def _source_splits(settings: SourceSettings, with_test: bool) -> tuple[SplitName, ...]:
    has_test = settings.validation == "test" or (with_test and open_source(settings).has_test)
    return ("train", "test") if has_test else ("train",)


def _source_stamp(settings: SourceSettings, with_test: bool) -> str:
    data = open_source(settings)
    splits = _source_splits(settings, with_test)
    return " ".join(data.content(split).stamp() or data.digest(split) for split in splits)


def _stamped(path: str) -> bytes:
    return b"%s\0%d\0%d\0%d\0" % (os.fsencode(path), *file_stamp(path))


def _splits(settings: DatasetSettings, with_test: bool) -> dict[str, PictureFolder]:
    names: tuple[SplitName, ...] = ("train",)
    if with_test or settings.validation == "test":
        names = ("train", "test")
    found = ((name, list_split(data_root(settings), name)) for name in names)
    return {name: pictures for name, pictures in found if pictures is not None}


def folder_fingerprint(splits: Mapping[str, PictureFolder]) -> DataFingerprint:
    """The fingerprint of pictures that were found but not opened.

    Args:
        splits: the pictures by the split's name.
    """
    digest, stamp = hashlib.sha256(), hashlib.sha256()
    counts: Counter[str] = Counter()
    for split, pictures in splits.items():
        digest.update(f"{split}\0{len(pictures.paths)}\0".encode())
        for path, label in zip(pictures.paths, pictures.labels, strict=True):
            name = pictures.class_names[label]
            stamp.update(_stamped(path))  # before it is read: what changes meanwhile is found later
            size, content = file_content(path)
            digest.update(os.fsencode(os.path.relpath(path, pictures.folder)))
            digest.update(f"\0{size}\0{label}\0".encode())
            digest.update(content)
            counts[f"{split}/{name}"] += 1
            counts["bytes"] += size
    return DataFingerprint(digest.hexdigest(), dict(counts), stamp.hexdigest())


def file_content(path: str) -> tuple[int, bytes]:
    """A file's size and the digest of what counts of it; of one that cannot be read, why."""
    try:
        status = os.stat(path)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):  # a named pipe would be waited for
            return 0, b"no file"
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123
            content = hashlib.sha256()
            if size <= BLOCKS * BLOCK_BYTES:
                content.update(file.read())
            else:
                for block in range(BLOCKS):
                    file.seek(block * (size - BLOCK_BYTES) // (BLOCKS - 1))
                    content.update(file.read(BLOCK_BYTES))
        return size, content.digest()
    except OSError as error:
        return 0, (error.strerror or "unreadable").encode()


def _published_checksums(name: str) -> list[str]:
    if name == "fashion_mnist_mini":
        return [mini.SHA256]
    if name in idx.COLLECTIONS:
        return [f"{file} {md5}" for file, md5 in sorted(idx.COLLECTIONS[name].gz_md5.items())]
    if name in cifar.ARCHIVES:
        return [cifar.ARCHIVES[name].file.md5]
    return [file.md5 for _, file in sorted(svhn.FILES.items())]
