"""A file from the internet: downloaded once, verified, never half there."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from vggsweep.errors import DataError

_MAY_DOWNLOAD = ContextVar("may_download", default=True)


@contextmanager
def only_local() -> Iterator[None]:
    """Within the block a file that is not there is an error, and never downloaded."""
    before = _MAY_DOWNLOAD.set(False)
    try:
        yield
    finally:
        _MAY_DOWNLOAD.reset(before)


def may_download() -> bool:
    """Whether a file that is not there may be downloaded."""
    return _MAY_DOWNLOAD.get()


@dataclass(frozen=True)
class RemoteFile:
    """A file that the internet holds.

    Args:
        name: its name on the disk.
        urls: where to get it, best first.
        md5: checksum of the file as it is downloaded.
    """

    name: str
    urls: tuple[str, ...]
    md5: str


def fetch(file: RemoteFile, folder: Path, advice: str = "") -> Path:
    """The file in this folder, downloaded if it is not there yet.

    Processes that want the same file wait for one of them to bring it. A download goes to a temporary
    name and takes its own when the checksum is right.

    Args:
        file: what to get.
        folder: where it belongs.
        advice: one sentence for a person without a network.

    Raises:
        DataError: no address answers, or what came is not the file.
    """
    target = folder / file.name
    if target.exists():
        return target
    if not may_download():
        raise DataError(f"{target} is missing.")
    from filelock import FileLock  # only a download needs it

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / f"{file.name}.lock"):
            if not target.exists():
                _download(file, folder)
    except OSError as error:
        raise DataError(
            f"{target} is missing and could not be downloaded: {_first_line(error)}. "
            f"Put the file there yourself ({file.urls[0]}), or name its folder with dataset.root=…."
            + (f" {advice}" if advice else "")
        ) from error
    return target


def verify_md5(path: Path, md5: str) -> None:
    """Refuse a file that is not, byte for byte, what its publishers released."""
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if found != md5:
        raise damaged(path, f"its md5 is {found}, not {md5}")


def damaged(path: Path, reason: str) -> DataError:
    """The error for a file that is there and wrong."""
    return DataError(
        f"{path} is damaged or not the published file: {reason}. "
        "Delete or replace it; where it is missing, the next run downloads it."
    )


def _download(file: RemoteFile, folder: Path) -> None:
    """Try the addresses in turn; the last failure is the one that is told."""
    # here, since it brings `requests`: half a second that only a download should cost
    import pooch  # type: ignore[import-untyped]

    failure: OSError = OSError("no address is known")
    for url in file.urls:
        try:
            pooch.retrieve(
                url,
                known_hash=f"md5:{file.md5}",
                fname=file.name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30),
            )
            return
        except OSError as error:
            failure = error
            if (response := getattr(error, "response", None)) is not None:
                response.close()  # pooch leaves the connection of a refused download open
        except ValueError as error:  # how pooch reports a wrong checksum
            failure = OSError(f"{url} sent another file than expected ({_first_line(error)})")
    raise failure


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
