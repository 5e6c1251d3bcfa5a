"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import threading
from pathlib import Path

import pytest

from vggsweep.errors import VggsweepError, WriteFailed
from vggsweep.files import make_directory, replacing, set_obstacle_aside, write_atomically


def test_refusal_names_path_space_and_cure_and_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, "before")
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(WriteFailed) as refusal:
            write_atomically(path, "x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))

    assert str(refusal.value).startswith(f"{path} cannot be written: File too large (")
    assert "free there). Raise the limit on the size of files (ulimit -f), and the same" in str(refusal.value)
    assert refusal.value.errno == errno.EFBIG
    assert isinstance(refusal.value, VggsweepError)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_file_before_is_kept_where_that_is_asked_for(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        write_atomically(tmp_path / "file", text, previous=tmp_path / "file.prev")
    assert (tmp_path / "file").read_text() == "third"
    assert (tmp_path / "file.prev").read_text() == "second"


def test_writers_of_one_process_number_do_not_meet(tmp_path: Path) -> None:
    """Each command in a container is number 1 there, and two of them share a volume."""
    path = tmp_path / "file"
    with replacing(path) as early:
        early.write_text("early")
        write_atomically(path, "late")
    assert path.read_text() == "early"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_within_the_block_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "file") as temporary:
        temporary.write_text("half")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_pipe_that_a_person_named_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_atomically(pipe, "text")
    reader.join()
    assert read == ["text"]
    assert pipe.is_fifo()


@pytest.mark.parametrize("parent", ["a file", "a link to itself"])
def test_directory_that_cannot_be_made_is_a_refusal(tmp_path: Path, parent: str) -> None:
    path = tmp_path / "parent"
    if parent == "a file":
        path.touch()
    else:
        path.symlink_to(path)
    with pytest.raises(WriteFailed, match="cannot be written"):
        make_directory(path / "child")


def test_what_stands_in_the_way_is_moved_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    for number in (1, 2):
        path.mkdir()
        (path / "content").touch()
        assert (
            set_obstacle_aside(path)
            == f"{path} was no file; it is now {('obstacle-', 'obstacle-2-')[number - 1]}record.json"
        )
    path.symlink_to(path)
    assert set_obstacle_aside(path) is not None
    path.touch()
    assert set_obstacle_aside(path) is None
    (tmp_path / "link").symlink_to(path)
    assert set_obstacle_aside(tmp_path / "link") is None
    assert (tmp_path / "obstacle-record.json" / "content").exists()
