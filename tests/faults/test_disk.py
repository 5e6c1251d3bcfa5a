"""A disk that is full, read-only, limited or gone, and file systems that refuse fsync or locks."""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import Disk, SmallDisk
from tests.processes import Command
from vggsweep.errors import WriteFailed
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage.study import open_study, storage_of

Start = Callable[..., Command]
SWEEP = ("-m", "arch.depth=2,3", "sweep.name=s")
FULL = pytest.mark.fault(
    "disk full, at any write",
    "one paragraph with path and free space; what was complete stays; after the cure the command goes on",
)


def states(root: Path) -> list[str]:
    """Of every record; each must be whole."""
    records = sorted(root.glob("outputs/*/trials/*/record.json"))
    return [json.loads(path.read_text())["state"] for path in records]


def check_paragraph(text: str, *words: str) -> None:
    """One refusal that a person can use, and no traceback."""
    assert "Traceback" not in text
    assert "cannot be written" in text
    assert "free there)" in text
    for word in words:
        assert word in text


def check_full(start: Start, disk: Disk, line: tuple[str, ...], records: int) -> None:
    """Fill it, look at what is left, make room, and finish with the same words."""
    first = start(*line, folder=disk.path)
    code = first.end()
    assert code in (0, 1)
    if code == 0:  # there was room enough
        assert states(disk.path) == ["COMPLETE"] * records
    else:
        check_paragraph(first.text, "No space left on device" if "study.db" not in first.text else "full")
        assert set(states(disk.path)) <= {"COMPLETE"}
        assert not list(disk.path.rglob("*.tmp"))
        disk.set("size=50m")
        again = start(*line, folder=disk.path)
        assert again.end() == 0, again.text
        assert states(disk.path) == ["COMPLETE"] * records


@FULL
@pytest.mark.parametrize("size", ["120k"])
def test_sweep_on_a_full_disk_goes_on_once_there_is_room(
    start: Start, small_disk: SmallDisk, size: str
) -> None:
    check_full(start, small_disk(size), SWEEP, 2)


@FULL
@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [8, *range(40, 320, 40), 500, 2048])
@pytest.mark.parametrize("line", [("train.keep_weights=true",), SWEEP, (*SWEEP, "n_workers=2")], ids=len)
def test_whatever_is_written_when_the_disk_is_full_the_command_goes_on(
    start: Start, small_disk: SmallDisk, kilobytes: int, line: tuple[str, ...]
) -> None:
    check_full(start, small_disk(f"{kilobytes}k"), ("arch.width=16", *line), 1 if len(line) == 1 else 2)


@pytest.mark.fault("a limit on the size of files (`ulimit -f`)", "one paragraph; goes on when it is raised")
@pytest.mark.parametrize("limit", [30_000, pytest.param(60_000, marks=pytest.mark.slow)])
def test_file_size_limit_is_named(start: Start, own_folder: Path, limit: int) -> None:
    line = ("arch.width=16", "sweep.name=s")
    lower = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit},) * 2)"
    limited = start(*line, first=lower)

    assert limited.end() == 1
    check_paragraph(limited.text)
    again = start(*line)
    assert again.end() == 0, again.text
    assert states(own_folder) == ["COMPLETE"]


@pytest.mark.slow
@pytest.mark.fault("output directory read-only", "one paragraph; finished results are still shown")
def test_read_only_sweep_is_shown_and_not_written(start: Start, small_disk: SmallDisk) -> None:
    disk = small_disk("20m")
    assert start(*SWEEP, folder=disk.path).end() == 0
    disk.set("ro")

    refused = start(*SWEEP, "n_trials=30", folder=disk.path)
    assert refused.end() == 1
    check_paragraph(refused.text, "cannot be written")
    for verb in ("table", "status"):
        shown = start(verb, "s", folder=disk.path)
        assert shown.end() == 0, shown.text
    disk.set("rw")
    assert start(*SWEEP, "n_trials=30", folder=disk.path).end() == 0


@pytest.mark.slow
@pytest.mark.fault("output directory removed during a training", "one paragraph, at once")
def test_removed_directory_ends_in_one_paragraph(start: Start, own_folder: Path) -> None:
    running = start("train.epochs=100000", "sweep.name=s")
    running.wait_for("epoch 1/")
    (own_folder / "outputs").rename(own_folder / "elsewhere")

    assert running.end() == 1
    assert "Traceback" not in running.text
    assert "No such file or directory" in running.text
    (own_folder / "elsewhere").rename(own_folder / "outputs")
    again = start("train.epochs=100000", "sweep.name=s")
    again.wait_for("continues after epoch")
    again.send(signal.SIGKILL)
    again.end()


@pytest.mark.fault("`fsync` of a directory refused (CIFS, FUSE)", "trains as ever")
def test_directory_without_fsync_is_good_enough(start: Start, own_folder: Path) -> None:
    refuse = (
        "import errno, os, stat\n"
        "fsync = os.fsync\n"
        "def refuse(number):\n"
        "    if stat.S_ISDIR(os.fstat(number).st_mode): raise OSError(errno.EINVAL, 'Invalid argument')\n"
        "    fsync(number)\n"
        "os.fsync = refuse\n"
    )
    command = start(first=refuse)

    assert command.end() == 0, command.text
    assert states(own_folder) == ["COMPLETE"]


@pytest.mark.fault("no `flock` (Lustre, old NFS)", "works without, or is refused in a sentence about locks")
@pytest.mark.parametrize("number", [pytest.param("ENOSYS", marks=pytest.mark.slow), "ENOTSUP"])
def test_file_system_without_locks(start: Start, own_folder: Path, number: str) -> None:
    refuse = (
        "import errno, fcntl\n"
        f"def refuse(*_): raise OSError(errno.{number}, 'Function not implemented')\n"
        "fcntl.flock = refuse\n"
    )
    command = start("sweep.name=s", first=refuse)

    if command.end() == 0:
        assert states(own_folder) == ["COMPLETE"]
    else:
        assert number != "ENOSYS"
        assert "Its file system has no locks" in command.text
        assert "Traceback" not in command.text


@pytest.mark.fault("database full, read-only or damaged", "said at once, not waited for")
def test_database_that_cannot_write_is_not_waited_for(small_disk: SmallDisk) -> None:
    disk = small_disk("300k")
    study = open_study(SweepDirectory(disk.path))
    (disk.path / "filler").write_bytes(bytes(150_000))
    began = time.monotonic()
    with pytest.raises(WriteFailed, match="study.db cannot be written: .* is full .* free there"):
        for number in range(1000):
            study.set_user_attr(f"key{number}", "x" * 1000)
    storage_of(study).close()
    disk.set("ro")
    with pytest.raises(WriteFailed, match="read-?only"):
        open_study(SweepDirectory(disk.path)).set_user_attr("key", "x")
    assert time.monotonic() - began < 10
    disk.set("rw", "size=5m")
    study = open_study(SweepDirectory(disk.path))
    study.set_user_attr("key", "x" * 1500)
    assert study.user_attrs["key0"] == "x" * 1000


@pytest.mark.slow
@pytest.mark.fault("database full, read-only or damaged", "said at once, not waited for")
def test_damaged_database_names_its_repair(start: Start, own_folder: Path) -> None:
    assert start("sweep.name=s").end() == 0
    database = own_folder / "outputs/s/study.db"
    content = database.read_bytes()
    for damaged in (b"no database" * 1000, content[:3000], content[:100] + bytes(4000) + content[4100:]):
        database.write_bytes(damaged)
        command = start("sweep.name=s")
        assert command.end() == 1
        assert "Traceback" not in command.text
        assert "vggsweep repair s" in command.text
    database.write_bytes(content)
    assert sqlite3.connect(database).execute("PRAGMA integrity_check").fetchone() == ("ok",)
