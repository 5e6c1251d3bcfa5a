"""The pictures below a folder of class folders, and what lies there and is not read."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from vggsweep.data.scan import Folder, printable, shown
from vggsweep.errors import DataError


def file_stamp(path: str | bytes) -> tuple[int, int, int]:
    """Size and times in ns; another when the file was written, whatever set its date back since."""
    try:
        status = os.stat(path)
    except OSError:  # it vanished; the decoder says so
        return 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


@dataclass(frozen=True)
class LeftOut:
    """What lies in a data set and is not read.

    Args:
        others: how many files have which other suffix.
        devices: pipes, sockets and devices that are named like pictures.
        repeated: links to folders that are read already.
    """

    others: tuple[tuple[str, int], ...] = ()
    devices: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """What a reader of the result must know."""
        told = []
        if total := sum(count for _, count in self.others):
            kinds = [f"{count} {suffix or 'without a suffix'}" for suffix, count in self.others]
            told.append(
                f"{total} {'file is' if total == 1 else 'files are'} not read as pictures: {shown(kinds, 6)}."
            )
        if self.devices:
            told.append(f"Not read, since they are pipes, sockets or devices: {shown(self.devices)}.")
        if self.repeated:
            told.append(f"Links to folders that are read already are not followed: {shown(self.repeated)}.")
        return told


@dataclass(frozen=True, eq=False)
class PictureFolder:
    """The pictures of one split, found but not opened.

    Args:
        class_names: the sub-folders that hold a picture, sorted; a label is a position in this list.
        paths: every picture, class by class, in an order that does not depend on the file system.
        labels: class of each.
        sizes: bytes of each.
        folder: where the class folders are.
        left_out: what lies there and is not read.
    """

    class_names: tuple[str, ...]
    paths: tuple[str, ...]
    labels: tuple[int, ...]
    sizes: tuple[int, ...]
    folder: str
    left_out: LeftOut = LeftOut()

    @property
    def names(self) -> list[str]:
        """Each path below `folder`, which is the same wherever the folder lies."""
        return [os.path.relpath(path, self.folder) for path in self.paths]


@lru_cache(maxsize=8)
def list_folder(top: Folder) -> PictureFolder:
    """Every picture below each class folder.

    A folder that is reached by several ways counts where it really lies, else at the first link to it.

    Raises:
        DataError: pictures are links to nothing, or a folder cannot be read.
    """
    seen = {*top.tree.above, top.identity}
    found: list[tuple[tuple[str, ...], Folder]] = []
    links: list[tuple[tuple[str, ...], Folder]] = []
    repeated: list[str] = []
    # folders first, links to folders when all folders are known
    waiting: list[tuple[tuple[str, ...], Folder]] = [((each.name,), each) for each in top.listing.folders]
    while waiting or links:
        is_real = bool(waiting)
        names, folder = waiting.pop() if is_real else links.pop(0)
        if is_real and folder.is_link:
            links.append((names, folder))
            links.sort(key=lambda link: link[0])
        elif folder.identity in seen:
            repeated.append(folder.path)
        else:
            seen.add(folder.identity)
            found.append((names, folder))
            waiting.extend(((*names, below.name), below) for below in folder.listing.folders)
    found.sort(key=lambda each: each[0])
    _refuse_broken(folder for _, folder in found)
    classes = list(dict.fromkeys(names[0] for names, folder in found if folder.listing.pictures))
    label_of = {name: label for label, name in enumerate(classes)}
    pictures = [
        (os.path.join(folder.path, picture.name), label_of[names[0]], picture.size)
        for names, folder in found
        for picture in folder.listing.pictures
    ]
    others = sum((folder.listing.others for folder in (top, *(each for _, each in found))), Counter())
    devices = [os.path.join(folder.path, name) for _, folder in found for name in folder.listing.devices]
    return PictureFolder(
        tuple(map(printable, classes)),
        tuple(path for path, _, _ in pictures),
        tuple(label for _, label, _ in pictures),
        tuple(size for _, _, size in pictures),
        top.path,
        LeftOut(tuple(others.most_common()), tuple(devices), tuple(sorted(repeated))),
    )


def _refuse_broken(folders: Iterable[Folder]) -> None:
    broken = [os.path.join(folder.path, name) for folder in folders for name in folder.listing.broken]
    if broken:
        raise DataError(
            f"{len(broken)} {'picture is a link' if len(broken) == 1 else 'pictures are links'} to nothing: "
            f"{shown(broken)}. Bring back what they lead to (is a drive not mounted?), or delete the links."
        )
