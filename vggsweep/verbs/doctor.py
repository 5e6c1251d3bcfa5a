"""``vggsweep doctor``: whether this machine can train, and what to do where it cannot."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import shlex
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from vggsweep.errors import EXIT_FAILED, VggsweepError
from vggsweep.files import free_space, syncs, write_atomically
from vggsweep.results.disk.layout import OUTPUTS, SweepDirectory

HELP = "check installation, devices, data, output root, storage and launchers, and say what to do"
EXAMPLE = """\
examples:
  vggsweep doctor
  vggsweep doctor --storage 'postgresql://me:${oc.env:DB_PASSWORD}@db.lab/sweeps'

It exits with 1 when something is broken; a note is no fault.
"""
OK, NOTE, BROKEN = "ok", "note", "broken"
# A checkpoint of VGG-16 with momentum is 1.1 GB, and its predecessor as much.
LITTLE_SPACE = 3 * 2**30
LITTLE_SHARED_MEMORY = 512 * 2**20


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Args:
        state: ok, note or broken.
        subject: what.
        text: how it is and, where that is not well, what to do.
    """

    state: str
    subject: str
    text: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument(
        "--storage", metavar="URL", help="connect to this database too, as sweep.storage does"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print a line per finding."""
    checks: list[Callable[[], Iterator[Finding]]] = [
        _installation,
        _devices,
        _data,
        _outputs,
        lambda: _storage(arguments.storage),
        _launchers,
        _shared_memory,
    ]
    is_broken = False
    for check in checks:
        for finding in _without_surprise(check):
            is_broken |= finding.state == BROKEN
            print(f"{finding.state:<7} {finding.subject:<12} {finding.text}", flush=True)
    print("Something is broken; see above." if is_broken else "All is well: vggsweep can train here.")
    return EXIT_FAILED if is_broken else 0


def _without_surprise(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that fails by itself has found something too."""
    try:
        yield from check()
    except Exception as error:
        text = str(error) if isinstance(error, VggsweepError) else f"{type(error).__name__}: {error}"
        name = getattr(check, "__name__", "").strip("_<>")
        yield Finding(BROKEN, name if name != "lambda" else "storage", text)


def _installation() -> Iterator[Finding]:
    try:
        own = importlib.metadata.metadata("vggsweep")
    except importlib.metadata.PackageNotFoundError:
        yield Finding(BROKEN, "vggsweep", "is not installed here: pip install -e . in its checkout")
        return
    yield Finding(OK, "vggsweep", f"{own['Version']} in {Path(__file__).parents[1]}")
    yield _python(str(own["Requires-Python"] or ""))
    requirements = [Requirement(text) for text in importlib.metadata.requires("vggsweep") or ()]
    needed = [one for one in requirements if one.marker is None or one.marker.evaluate({"extra": ""})]
    wrong = {str(one): fault for one in needed if (fault := _fault_of(one)) is not None}
    if wrong:
        words = " ".join(shlex.quote(word) for word in wrong)
        yield Finding(BROKEN, "packages", f"{'; '.join(wrong.values())}. Mend it with: pip install {words}")
    else:
        yield Finding(OK, "packages", f"{len(needed)} packages fit their requirements")


def _fault_of(requirement: Requirement) -> str | None:
    """What is wrong with the installed version of a package, or None."""
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{requirement.name} is missing"
    if requirement.specifier.contains(version, prereleases=True):
        return None
    return f"{requirement.name} {version} is not {requirement.specifier}"


def _python(wanted: str) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if wanted and not SpecifierSet(wanted).contains(version):
        return Finding(BROKEN, "python", f"{version} is not {wanted}: make PYTHON=python3.12 install")
    return Finding(OK, "python", f"{version} at {sys.executable}")


def _devices() -> Iterator[Finding]:
    import torch

    from vggsweep.device import (
        cuda_device_count,
        device_name,
        free_device_memory,
        resolve_device,
        resolve_precision,
    )

    device = resolve_device("auto")
    (torch.ones(8, 8, device=device) @ torch.ones(8, 8, device=device)).sum().item()
    precision = resolve_precision("auto", device)
    yield Finding(OK, "device", f"{device} ({device_name(device)}) in {precision}, torch {torch.__version__}")
    if device.type == "cpu" and torch.version.cuda is not None:
        yield Finding(
            NOTE,
            "cuda",
            f"torch is built for CUDA {torch.version.cuda} and finds no device. If there is one, see what "
            "`nvidia-smi` says, and at CUDA_VISIBLE_DEVICES.",
        )
    for index in range(cuda_device_count()):
        gpu = torch.device("cuda", index)
        free = free_device_memory(gpu) / 2**30
        yield Finding(OK, str(gpu), f"{device_name(gpu)}, {free:.1f} GiB free")


def _data() -> Iterator[Finding]:
    from vggsweep.configuration.compose import compose
    from vggsweep.configuration.schema import read_configuration, resolved
    from vggsweep.data.catalog import data_root
    from vggsweep.data.mini import read_mini

    dataset = read_configuration(resolved(compose(["dataset=cifar10"]))).dataset
    root = data_root(dataset)
    place = next(parent for parent in (root, *root.absolute().parents) if parent.exists())
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        yield Finding(
            NOTE,
            "data root",
            f"{root} cannot be written: sets that are not there cannot be downloaded. Point VGGSWEEP_DATA "
            "at a directory of yours.",
        )
    else:
        yield Finding(OK, "data root", f"{root}, {free_space(place)}")
    read_mini("train")
    yield Finding(OK, "data", "the images that ship with vggsweep can be read")


def _outputs() -> Iterator[Finding]:
    from vggsweep.sweep.storage.file_lock import claim, is_owned

    root = OUTPUTS.absolute()
    if root.exists() and not root.is_dir():
        yield Finding(BROKEN, "output root", f"{root} is no directory. Move it, or run vggsweep elsewhere.")
        return
    place = next(parent for parent in (root, *root.parents) if parent.is_dir())
    try:
        scratch = tempfile.mkdtemp(prefix=".doctor-", dir=place)
    except OSError as error:
        yield Finding(
            BROKEN,
            "output root",
            f"{place} cannot be written: {error.strerror}. Run vggsweep from a directory of yours.",
        )
        return
    folder = Path(scratch)
    try:
        free = shutil.disk_usage(folder).free
        write_atomically(folder / "file", "whole")
        state = NOTE if free < LITTLE_SPACE else OK
        advice = ". Large networks need more for their checkpoints" if state == NOTE else ""
        yield Finding(state, "output root", f"{root} can be written, {free_space(folder)}{advice}")
        if not syncs(folder):
            yield Finding(
                NOTE, "fsync", "directories cannot be synced here: a power cut may take the last epoch back"
            )
        lock = claim(folder / "lock")
        if lock is None or not is_owned(folder / "lock"):
            yield Finding(
                BROKEN, "locks", "files cannot be locked here. Run vggsweep from a directory on a local disk."
            )
        else:
            yield Finding(OK, "locks", "files can be locked")
        if lock is not None:
            lock.release()
        yield from _study(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _study(folder: Path) -> Iterator[Finding]:
    from vggsweep.sweep.storage.sqlite_wal import is_local
    from vggsweep.sweep.storage.study import open_study, storage_of

    study = open_study(SweepDirectory(folder))
    study.ask()
    storage_of(study).close()
    how = "" if is_local(folder) else "; not known to be a local disk: several hosts need sweep.storage"
    yield Finding(OK, "study", f"SQLite {sqlite3.sqlite_version} writes here{how}")


def _storage(url: str | None) -> Iterator[Finding]:
    if url is None:
        return
    from vggsweep.configuration.secrets import check_storage
    from vggsweep.sweep.storage.rdb import describe, ping, storage_url

    check_storage(url)
    address = storage_url(SweepDirectory(OUTPUTS / "doctor"), url)
    ping(address)
    yield Finding(OK, "storage", f"{describe(address)} answers")


def _launchers() -> Iterator[Finding]:
    from vggsweep.sweep.workers.launchers import PLUGINS, is_installed

    missing: dict[str, list[str]] = {}
    here = ["basic", "joblib"]
    for option, (package, extra) in PLUGINS.items():
        if is_installed(package):
            here.append(option)
        else:
            missing.setdefault(extra, []).append(option)
    yield Finding(OK, "launchers", ", ".join(here))
    for extra, options in missing.items():
        yield Finding(NOTE, "launchers", f"{', '.join(options)} would need: pip install 'vggsweep[{extra}]'")


def _shared_memory() -> Iterator[Finding]:
    place = Path("/dev/shm")
    if sys.platform != "linux":
        return
    if not place.is_dir() or not os.access(place, os.W_OK):
        yield Finding(
            NOTE, "/dev/shm", "cannot be written: dataset.loader=streaming needs dataset.workers=0 here"
        )
    elif shutil.disk_usage(place).free < LITTLE_SHARED_MEMORY:
        yield Finding(
            NOTE,
            "/dev/shm",
            f"{free_space(place)}: too little for dataset.loader=streaming. Start the container with "
            "--shm-size=2g, or use dataset.workers=0",
        )
    else:
        yield Finding(OK, "/dev/shm", free_space(place))
