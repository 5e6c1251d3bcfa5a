"""Directories of pictures, each read at most once: names, sizes and what is left out.

A `Folder` lists itself when it is first asked. `scan` remembers the tree of a root for a while, so that
the checks of a command, its plan and its trial share one pass; a directory that changed is seen by its
time, a file that was rewritten in its place after `MEMORY_SECONDS`.
"""

from __future__ import annotations

import os
import stat
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vggsweep.errors import DataError

# What Pillow decodes everywhere. A fixed list: which files belong to a set must not depend on the
# plugins of the machine that reads it.
EXTENSIONS = (
    ".apng .avif .bmp .dib .gif .j2k .jfif .jp2 .jpe .jpeg .jpg .pbm .pcx .pfm .pgm .png .pnm .ppm .qoi .tga "
    ".tif .tiff .webp"
).split()
# Folders that systems put beside pictures: thumbnails, waste, what a file system check found.
SYSTEM_FOLDERS = frozenset(
    ("__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found")
)
MEMORY_SECONDS = 60

Identity = tuple[int, int]


class PictureFile(NamedTuple):
    """A file with a picture's suffix, not opened.

    Args:
        name: in its directory; bytes that are no text are surrogates, as everywhere in Python.
        size: in bytes.
    """

    name: str
    size: int


@dataclass(frozen=True)
class _Listing:
    """One directory as it was when it was read.

    Args:
        modified_ns: its time, taken before it was read.
        pictures: sorted by name.
        folders: sorted by name, links to directories among them.
        others: how many files have which other suffix.
        broken: pictures that are links to nothing.
        devices: pictures that are pipes, sockets or devices.
    """

    modified_ns: int
    pictures: tuple[PictureFile, ...]
    folders: tuple[Folder, ...]
    others: Counter[str]
    broken: tuple[str, ...]
    devices: tuple[str, ...]


class Folder:
    """A directory below a root.

    Args:
        tree: what it belongs to.
        path: where it is.
        identity: device and inode, the same by whatever link it is reached.
        is_link: whether its own name is a link.
    """

    def __init__(self, tree: Tree, path: str, identity: Identity, is_link: bool) -> None:
        self.tree = tree
        self.path = path
        self.name = Path(path).name
        self.identity = identity
        self.is_link = is_link

    @cached_property
    def listing(self) -> _Listing:
        """What lies in it.

        Raises:
            DataError: it cannot be read.
        """
        try:
            listing = self._read()
        except OSError as error:
            raise DataError(
                f"The folder {printable(self.path)} cannot be read ({error.strerror}). Make it readable, or "
                "move it out of the data set."
            ) from error
        self.tree.listed.append(self)
        self.tree.listed_at = time.monotonic()
        return listing

    @cached_property
    def holds_pictures(self) -> bool:
        """Whether a picture lies in it or anywhere below."""
        return any(folder.listing.pictures or folder.listing.broken for folder in self.walk())

    @cached_property
    def parts(self) -> tuple[Folder, ...]:
        """The sub-folders that hold pictures."""
        return tuple(folder for folder in self.listing.folders if folder.holds_pictures)

    def walk(self) -> Iterator[Folder]:
        """Itself and the folders below, each once, by whatever links they are reached."""
        seen = set(self.tree.above)
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            if folder.identity not in seen:
                seen.add(folder.identity)
                yield folder
                waiting.extend(reversed(folder.listing.folders))

    def _read(self) -> _Listing:
        modified_ns = os.stat(self.path).st_mtime_ns
        pictures, folders, broken, devices = [], [], [], []
        others: Counter[str] = Counter()
        with os.scandir(self.path) as entries:
            for entry in entries:
                # hidden ones too, such as ``._cat.jpg``, which macOS leaves beside pictures and which is none
                if entry.name.startswith(".") or entry.name in SYSTEM_FOLDERS:
                    continue
                suffix = suffix_of(entry.name)
                try:
                    # also of what is no picture: a link says nothing of what it leads to
                    status = entry.stat()
                except OSError:  # a link to nothing, or to itself
                    if suffix in EXTENSIONS:
                        broken.append(entry.name)
                    continue
                if stat.S_ISDIR(status.st_mode):
                    identity = (status.st_dev, status.st_ino)
                    folders.append(Folder(self.tree, entry.path, identity, entry.is_symlink()))
                elif suffix not in EXTENSIONS:
                    others[suffix] += 1
                elif stat.S_ISREG(status.st_mode):
                    pictures.append(PictureFile(entry.name, status.st_size))
                else:
                    devices.append(entry.name)
        return _Listing(
            modified_ns,
            tuple(sorted(pictures)),
            tuple(sorted(folders, key=lambda folder: folder.name)),
            others,
            tuple(sorted(broken)),
            tuple(sorted(devices)),
        )


@dataclass
class Tree:
    """What was read so far below a root.

    Args:
        above: the directories that hold the root; a link to one of them would lead in a circle.
        listed: every folder that was read.
        listed_at: when the last of them was.
    """

    above: frozenset[Identity]
    listed: list[Folder] = field(default_factory=list)
    listed_at: float = field(default_factory=time.monotonic)

    @property
    def is_current(self) -> bool:
        """Whether no directory has changed since it was read, and that is not long ago."""
        try:
            return time.monotonic() - self.listed_at < MEMORY_SECONDS and all(
                os.stat(folder.path).st_mtime_ns == folder.listing.modified_ns for folder in self.listed
            )
        except OSError:
            return False


def scan(root: Path) -> Folder:
    """The folder of pictures at this place; what is read of it is remembered."""
    path = str(root.absolute())
    if path not in _REMEMBERED or not _REMEMBERED[path].tree.is_current:
        above = frozenset(_identity(parent) for parent in Path(os.path.realpath(path)).parents)
        _REMEMBERED[path] = Folder(Tree(above), path, _identity(path), is_link=False)
    return _REMEMBERED[path]


def suffix_of(name: str) -> str:
    """The suffix of a file name in small letters (a path object would take most of a scan's time).

    >>> suffix_of("IMG.1.JPG"), suffix_of("photo")
    ('.jpg', '')
    """
    dot = name.rfind(".")
    return name[dot:].lower() if dot > 0 else ""


def printable(name: str) -> str:
    r"""A file name that moves no cursor, breaks no line and can be written as UTF-8.

    >>> print(printable("a\nb\udcff"))
    a\nb\xff
    """
    if name.isprintable():
        return name
    return "".join(
        character
        if character.isprintable()
        else f"\\x{os.fsencode(character)[0]:02x}"
        if "\udc80" <= character <= "\udcff"
        else character.encode("unicode_escape").decode()
        for character in name
    )


def shown(names: Iterable[str], most: int = 8) -> str:
    """The first of these names as text, and how many more there are."""
    names = [printable(name) for name in names]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _identity(path: str | Path) -> Identity:
    status = os.stat(path)
    return status.st_dev, status.st_ino


_REMEMBERED: dict[str, Folder] = {}
