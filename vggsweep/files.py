"""Files that are there whole or not at all: the one way in which vggsweep writes.

    write_atomically   a whole text or its bytes at a path, or what was there before
    replacing          the same for what a library writes to a path by itself
    append_line        a line more of a log, whole beside those of other processes
    make_directory     a directory that may be there already
    set_obstacle_aside a directory, a broken link or a pipe where a file belongs

What the file system refuses becomes a `WriteFailed`, which names the path, the space left there and the cure.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vggsweep.errors import WriteFailed

log = logging.getLogger("vggsweep.files")

# What a file system answers that knows no fsync of this kind of file (CIFS, some of FUSE).
NO_SYNC = (
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.EBADF,
    errno.EACCES,
    errno.EPERM,
)
ADVICE = {
    errno.ENOSPC: "Free some space",
    errno.EDQUOT: "Free some of your quota",
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f)",
    errno.EROFS: "Make it writable, or run vggsweep from another directory",
    errno.EACCES: "Make it writable, or run vggsweep from a directory of yours",
    errno.EPERM: "Make it writable, or run vggsweep from a directory of yours",
    errno.ENOENT: "Bring its directory back",
    errno.ENOTDIR: "Move what stands in the way of its directory",
    errno.EEXIST: "Move what stands in its way",
    errno.EISDIR: "Move the directory that stands in its way",
    errno.ELOOP: "Remove the link that leads to itself",
}
NO_ADVICE = "Mend it"
OBSTACLE = "obstacle"


def write_atomically(
    path: Path, content: str | bytes, *, previous: Path | None = None, is_durable: bool = True
) -> Path:
    """Put a whole text at a path, or leave what was there.

    Args:
        path: where; its directory exists. A device or a pipe that a person named is written to as it is.
        content: all of it; a text is written as UTF-8.
        previous: where the file before is kept.
        is_durable: whether it must outlive a power cut.

    Raises:
        WriteFailed: the file system refused; nothing of it stays.
    """
    data = content.encode() if isinstance(content, str) else content
    if _is_device(path):
        try:
            path.write_bytes(data)
        except OSError as error:
            raise write_failed(path, error) from error
        return path
    with replacing(path, previous=previous, is_durable=is_durable) as temporary:
        temporary.write_bytes(data)
    return path


@contextmanager
def replacing(path: Path, *, previous: Path | None = None, is_durable: bool = True) -> Iterator[Path]:
    """Within the block a library writes to the path that it is given; then that file takes its place.

    Args:
        path, previous, is_durable: as for `write_atomically`.

    Raises:
        WriteFailed: the file system refused; nothing of it stays.
    """
    # a name of its own: a process that was stopped for long may wake up while another writes, and in each
    # container the command is process number 1
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        if is_durable:
            _sync(temporary)
        if previous is not None:
            with suppress(FileNotFoundError):
                path.replace(previous)
        temporary.replace(path)
        if is_durable:
            # the rename itself must reach the disk, or a power cut could bring the old file back
            _sync(path.parent)
    except OSError as error:
        raise write_failed(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def append_line(path: Path, text: str) -> None:
    """Add one line to a file; of several processes each adds its own whole.

    Args:
        path: where; it need not exist.
        text: without an end of line in it.

    Raises:
        WriteFailed: the file system refused.
    """
    line = f"{text}\n".encode()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size:
                os.lseek(descriptor, size - 1, os.SEEK_SET)
                if os.read(descriptor, 1) != b"\n":  # a line that a power cut tore
                    line = b"\n" + line
            os.write(descriptor, line)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise write_failed(path, error) from error


def make_directory(path: Path) -> None:
    """Make a directory with its parents; one that is there already is as good.

    Raises:
        WriteFailed: the file system refused, or a file stands there.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise write_failed(path, error) from error


def set_obstacle_aside(path: Path, kind: str = "file") -> str | None:
    """Move what stands where one of our files or directories belongs and is none.

    Args:
        path: where it belongs.
        kind: ``file`` or ``directory``.

    Returns:
        A sentence for a person, which is logged too; None where nothing stood in the way.

    Raises:
        WriteFailed: it cannot be moved.
    """
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None
    with suppress(OSError):
        mode = os.stat(path).st_mode  # a link that leads to the right thing is one
    if stat.S_ISDIR(mode) if kind == "directory" else stat.S_ISREG(mode):
        return None
    said = f"{path} was no {kind}; it is now {set_aside(path, OBSTACLE).name}"
    log.warning("%s", said)
    return said


def set_aside(path: Path, why: str) -> Path:
    """Rename a file that must not be used, so that its name says why; nothing is lost.

    Args:
        path: the file, or what stands in its place.
        why: one word, such as ``foreign`` or ``damaged``.

    Returns:
        Where it lies now: ``foreign-record.json``, ``foreign-2-record.json`` …

    Raises:
        WriteFailed: the file system refused.
    """
    number = 1
    while os.path.lexists(aside := path.with_name(f"{why}-{f'{number}-' if number > 1 else ''}{path.name}")):
        number += 1
    try:
        return path.rename(aside)
    except OSError as error:
        raise write_failed(path, error) from error


def write_failed(path: Path, error: OSError) -> WriteFailed:
    """What a person must know of a refusal, and what cures it."""
    reason = error.strerror or str(error) or type(error).__name__
    advice = ADVICE.get(error.errno or 0, NO_ADVICE)
    return WriteFailed(
        f"{path} cannot be written: {reason} ({free_space(path)}). {advice}, and the same command goes on.",
        error.errno,
    )


def free_space(path: Path) -> str:
    """The space left for a file, in words; asked of the nearest directory that exists."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError):
            free = shutil.disk_usage(place).free
            return f"{size_text(free)} free there"
    return "its free space is unknown"


def size_text(size: int) -> str:
    """Bytes as people say them.

    >>> size_text(0), size_text(12_288), size_text(3 * 2**30)
    ('0 bytes', '12 KiB', '3.0 GiB')
    """
    if size < 2**10:
        return f"{size} bytes"
    if size < 2**20:
        return f"{size / 2**10:.0f} KiB"
    return f"{size / 2**20:.0f} MiB" if size < 2**30 else f"{size / 2**30:.1f} GiB"


def _is_device(path: Path) -> bool:
    with suppress(OSError):
        mode = os.stat(path).st_mode
        return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
    return False


def syncs(path: Path) -> bool:
    """Whether the file system brings a directory to the disk when asked."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:  # as Windows answers to opening a directory
        return False
    return True


def _sync(path: Path) -> None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC:
            raise
