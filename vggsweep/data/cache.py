"""The last few raw arrays of this process, so that the trials of a sweep read each file once.

Where several processes of one host train, they can hold them together: the first writes an array to a
file, all map that file, and the system keeps one copy of it in memory.
"""

from __future__ import annotations

import errno
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from vggsweep.data.images import ImageSet, PixelArray
from vggsweep.errors import WriteFailed
from vggsweep.files import replacing

Value = TypeVar("Value")
ATTEMPTS_TO_MAP = 3


class RecentCache:
    """Keeps what was used last and forgets the rest.

    A key holds the size and times of the files that were read: a changed file is read again.

    Args:
        capacity: values kept. Training and test split of one set, or training, validation and test
            part of a picture folder, is what one trial needs.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        self.folder: Path | None = None
        # held while loading: two threads that want the same file read it once
        self._lock = threading.Lock()

    def share(self, folder: Path | None) -> None:
        """Hold pixels together with every process that shares the same folder, also those held already.

        Args:
            folder: for the files; whoever made it removes it. None shares no more.
        """
        with self._lock:
            self.folder = folder
            if folder is not None:
                for key, value in self._values.items():
                    self._values[key] = shared(folder, key, partial(_same, value))

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """The value of this key, loaded if it is not there. Nobody may change it in place."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            else:
                while len(self._values) >= self._capacity:
                    self._values.popitem(last=False)  # before loading: the two need not fit together
                self._values[key] = load() if self.folder is None else shared(self.folder, key, load)
            value: Value = self._values[key]
            return value

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()


def _same(value: Value) -> Value:
    return value


def shared(folder: Path, key: Hashable, load: Callable[[], Value]) -> Value:
    """A value whose pixels lie in a file that other processes map as well.

    Args:
        folder: for the files.
        key: the same in every process that means the same value.
        load: makes the value, in the first process that wants it.
    """
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:20]
    for _ in range(ATTEMPTS_TO_MAP):
        try:
            return _mapped(folder, name, load)
        except FileNotFoundError:  # others were done and removed the folder in this moment
            continue
        except WriteFailed as error:
            if error.errno != errno.ENOENT:  # a full disk: this process holds pixels of its own
                break
    return load()


def _mapped(folder: Path, name: str, load: Callable[[], Value]) -> Value:
    file, labels = folder / f"{name}.npy", folder / f"{name}.labels.npy"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{name}.lock"):
        if not file.exists():
            value: Any = load()
            if isinstance(value, ImageSet):
                _write(value.labels, labels)
                _write(value.images, file)
            elif isinstance(value, np.ndarray):
                _write(value, file)
            else:
                return value  # type: ignore[no-any-return]
    # copy-on-write: torch wants an array that could be written, and nobody writes it
    classes = np.load(labels) if labels.exists() else None
    pixels: PixelArray = np.load(file, mmap_mode="c")
    mapped: Any = pixels if classes is None else ImageSet(pixels, classes)
    return mapped  # type: ignore[no-any-return]


def _write(array: Any, path: Path) -> None:
    with replacing(path, is_durable=False) as temporary, temporary.open("wb") as file:
        np.save(file, array)


RECENT = RecentCache(capacity=3)
