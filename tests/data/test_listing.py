import os
import socket
import subprocess
import sys

import pytest

from vggsweep.data.listing import list_folder
from vggsweep.data.scan import scan
from vggsweep.errors import DataError


def test_pictures_are_listed_class_by_class_without_what_is_none(pictures, tmp_path):
    pictures(tmp_path, {"dogs": 2, "cats": 1, "empty": 0, ".hidden": 1})
    (tmp_path / "cats" / "nested").mkdir()
    (tmp_path / "cats" / "000.png").rename(tmp_path / "cats" / "nested" / "A.PNG")
    (tmp_path / "cats" / "._A.png").touch()
    (tmp_path / "dogs" / "notes.txt").touch()
    listed = list_folder(scan(tmp_path))
    assert listed.class_names == ("cats", "dogs")
    assert listed.labels == (0, 1, 1)
    assert listed.names == ["cats/nested/A.PNG", "dogs/000.png", "dogs/001.png"]
    assert listed.sizes == tuple(os.stat(path).st_size for path in listed.paths)
    assert listed.left_out.sentences() == ["1 file is not read as pictures: 1 .txt."]


def test_the_order_is_that_of_a_sorted_walk(pictures, tmp_path):
    for name in ("a", "a-b", "a/z", "a/B", "a/z/1", "b"):
        pictures(tmp_path / "class", {name: 2})
    (tmp_path / "class" / "b" / "000.png").rename(tmp_path / "class" / "z.png")
    walked = []
    for parent, folders, files in os.walk(tmp_path):
        folders.sort()
        walked += [os.path.join(parent, name) for name in sorted(files)]
    assert list(list_folder(scan(tmp_path)).paths) == walked


def test_links_are_followed_once_and_never_in_circles(pictures, tmp_path):
    pictures(tmp_path / "store", {"wolves": 2})
    root = pictures(tmp_path / "root", {"cats": 2, "dogs": 1})
    (root / "cats" / "up").symlink_to(root)
    (root / "cats" / "self").symlink_to(root / "cats")
    (root / "cats" / "outside").symlink_to("/")
    (root / "a_latest").symlink_to(root / "cats")
    (root / "wolves").symlink_to(tmp_path / "store" / "wolves")
    (root / "zoo").symlink_to(tmp_path / "store" / "wolves")
    listed = list_folder(scan(root))
    assert listed.class_names == ("cats", "dogs", "wolves")
    assert listed.labels == (0, 0, 1, 2, 2)
    (told,) = listed.left_out.sentences()
    assert told.startswith("Links to folders that are read already are not followed: ")
    assert all(name in told for name in ("a_latest", "cats/outside", "cats/self", "cats/up", "zoo"))


def test_links_to_nothing_are_refused_by_name_and_number(pictures, tmp_path):
    pictures(tmp_path, {"cats": 2, "dogs": 1})
    for number in range(12):
        (tmp_path / "cats" / f"gone{number:02}.png").symlink_to("/nowhere")
    (tmp_path / "cats" / "loop.png").symlink_to(tmp_path / "cats" / "loop.png")
    with pytest.raises(DataError, match=r"13 pictures are links to nothing: .*gone00.png, .* and 5 more"):
        list_folder(scan(tmp_path))


def test_a_class_of_lost_links_is_not_forgotten(pictures, tmp_path):
    pictures(tmp_path, {"cats": 2, "dogs": 1})
    (tmp_path / "wolves").mkdir()
    (tmp_path / "wolves" / "1.png").symlink_to("/nowhere")
    with pytest.raises(DataError, match=r"1 picture is a link to nothing: .*wolves/1.png"):
        list_folder(scan(tmp_path))


def test_pipes_and_sockets_are_no_pictures(pictures, tmp_path, monkeypatch):
    pictures(tmp_path, {"cats": 1, "dogs": 1})
    os.mkfifo(tmp_path / "cats" / "pipe.png")
    monkeypatch.chdir(tmp_path / "dogs")  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
        listed = list_folder(scan(tmp_path))
    assert len(listed.paths) == 2
    (told,) = listed.left_out.sentences()
    assert "cats/pipe.png" in told and "dogs/socket.jpg" in told


def test_what_is_not_read_is_counted_by_suffix(pictures, tmp_path):
    pictures(tmp_path, {"cats": 1, "dogs": 1})
    for number in range(3):
        (tmp_path / "cats" / f"IMG_{number}.HEIC").touch()
        (tmp_path / "dogs" / f"photo{number}").touch()
    (tmp_path / "labels.csv").touch()
    (told,) = list_folder(scan(tmp_path)).left_out.sentences()
    assert told == "7 files are not read as pictures: 3 .heic, 3 without a suffix, 1 .csv."


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_an_unreadable_folder_is_named(pictures, tmp_path):
    pictures(tmp_path, {"cats": 1, "dogs": 1})
    (tmp_path / "cats").chmod(0)
    with pytest.raises(DataError, match="folder .*cats cannot be read"):
        list_folder(scan(tmp_path))
    (tmp_path / "cats").chmod(0o700)


def test_an_unreadable_folder_is_named_to_another_user(pictures, tmp_path):
    """The same for tests that run as root, which a reader without rights plays."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    pictures(tmp_path, {"cats": 1, "dogs": 1})
    code = (
        "import os, sys, pathlib\n"
        "from vggsweep.data.listing import list_folder\n"
        "from vggsweep.data.scan import scan\n"
        "top = scan(pathlib.Path(sys.argv[1])); top.listing\n"
        "os.chmod(sys.argv[1] + '/cats', 0); os.seteuid(65534)\n"
        "list_folder(top)"
    )
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    answer = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert "DataError: The folder" in answer.stderr and "cats cannot be read" in answer.stderr
