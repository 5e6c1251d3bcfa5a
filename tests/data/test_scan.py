import os
import sys
from pathlib import Path

from vggsweep.data.listing import list_folder
from vggsweep.data.scan import printable, scan


def test_a_directory_is_read_once_however_often_it_is_asked(pictures, tmp_path):
    pictures(tmp_path, {"cats": 2, "dogs": 2})
    reads = []
    sys.addaudithook(lambda event, args: reads.append(args[0]) if event == "os.scandir" else None)
    for _ in range(3):
        assert len(list_folder(scan(tmp_path)).paths) == 4
    assert sorted(path for path in reads if str(path).startswith(str(tmp_path))) == [
        str(tmp_path / name) for name in (".", "cats", "dogs")
    ]


def test_what_was_added_or_removed_is_seen(pictures, tmp_path):
    pictures(tmp_path, {"cats": 2, "dogs": 2})
    assert len(list_folder(scan(tmp_path)).paths) == 4
    os.utime(tmp_path / "cats", ns=(0, 0))  # a directory's clock ticks every few milliseconds only
    list_folder(scan(tmp_path))
    (tmp_path / "cats" / "001.png").unlink()
    assert len(list_folder(scan(tmp_path)).paths) == 3


def test_a_maze_of_links_ends(tmp_path):
    names = [f"room{number:02}" for number in range(20)]
    for name in names:
        (tmp_path / name).mkdir()
        for other in names:
            (tmp_path / name / other).symlink_to(tmp_path / other)
    assert not scan(tmp_path).holds_pictures


def test_names_of_any_bytes_are_listed_and_shown(tmp_path, pictures):
    pictures(tmp_path, {"cats": 1})
    odd = tmp_path / os.fsdecode(b"\xff\n\x1b[2J")
    odd.mkdir()
    (tmp_path / "cats" / "000.png").rename(odd / os.fsdecode(b"\xfe\n.png"))
    listed = list_folder(scan(tmp_path))
    assert listed.class_names == ("\\xff\\n\\x1b[2J",)
    assert Path(listed.paths[0]).exists()
    assert printable(listed.names[0]) == "\\xff\\n\\x1b[2J/\\xfe\\n.png"


def test_what_systems_leave_beside_pictures_is_no_class(pictures, tmp_path):
    """A network drive keeps thumbnails in every folder, a disk its lost files, readable to root only."""
    pictures(tmp_path, {"cats": 2, "cats/@eaDir/000.png": 1, "__MACOSX/cats": 2, "lost+found": 0, "dogs": 1})
    assert list_folder(scan(tmp_path)).names == ["cats/000.png", "cats/001.png", "dogs/000.png"]
