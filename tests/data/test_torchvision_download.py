"""A set of torchvision comes once among many takers, whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from torchvision import datasets

from tests.data.torchvision_files import write_set
from vggsweep.data.download import only_local
from vggsweep.data.torchvision_class import construct
from vggsweep.errors import DataError

NAME = "Food101"


class Handler(SimpleHTTPRequestHandler):
    sent: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.sent.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The archive of a small Food-101, on a web server of this machine from which the class takes it."""
    write_set(NAME, tmp_path / "small", monkeypatch)
    archive = Path(
        shutil.make_archive(str(tmp_path / "web/food-101"), "gztar", tmp_path / "small", "food-101")
    )
    Handler.sent.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=archive.parent)) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        monkeypatch.setattr(
            datasets.Food101, "_URL", f"http://127.0.0.1:{running.server_port}/{archive.name}"
        )
        monkeypatch.setattr(datasets.Food101, "_MD5", hashlib.md5(archive.read_bytes()).hexdigest())
        yield archive
        running.shutdown()
        thread.join()


def bring(root: Path, **how: Any) -> int:
    return len(construct(NAME, {}, "train", root, how.get("download", True)))


@pytest.mark.usefixtures("published")
def test_several_takers_download_once(tmp_path: Path) -> None:
    bring(tmp_path / "alone")
    of_one = len(Handler.sent)  # torchvision asks where an address leads before it takes the file
    found: list[int] = []
    takers = [threading.Thread(target=lambda: found.append(bring(tmp_path / "root"))) for _ in range(4)]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()

    assert found == [15] * 4
    assert len(Handler.sent) == 2 * of_one
    assert (tmp_path / "root/food-101/meta/train.json").exists()


@pytest.mark.usefixtures("published")
def test_what_a_broken_download_left_is_never_taken_for_the_set(tmp_path: Path) -> None:
    """The class itself takes two folders that exist for a whole Food-101."""
    for folder in ("meta", "images"):
        (tmp_path / "root/.torchvision-Food101/food-101" / folder).mkdir(parents=True)

    assert bring(tmp_path / "root") == 15
    assert not (tmp_path / "root/.torchvision-Food101").exists()


def test_a_changed_archive_leaves_nothing_that_looks_like_the_set(published: Path, tmp_path: Path) -> None:
    published.write_bytes(published.read_bytes() + b"more")
    with pytest.raises(
        DataError, match="could not be downloaded: .*corrupted.* as torchvision lays them out"
    ):
        bring(tmp_path / "root")
    assert [path.name for path in (tmp_path / "root").iterdir()] == [".torchvision-Food101.lock"]


@pytest.mark.usefixtures("published")
def test_nothing_is_downloaded_where_that_is_not_wanted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="dataset.download=true"):
        bring(tmp_path / "root", download=False)
    with only_local(), pytest.raises(DataError, match="dataset.download=true"):
        bring(tmp_path / "root")
    assert Handler.sent == []
    assert not (tmp_path / "root").exists()


@pytest.mark.usefixtures("published")
def test_a_root_that_cannot_be_written_is_one_paragraph(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be downloaded into .*dataset.root=") as refusal:
        bring(tmp_path / "file" / "root")
    assert "\n" not in str(refusal.value)


def test_an_archive_writes_nothing_outside_its_folder(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(published, "w:gz") as archive:
        archive.add(tmp_path / "small/food-101", "food-101")
        archive.add(tmp_path / "small/food-101/meta/train.json", "../../evil.json")
    monkeypatch.setattr(datasets.Food101, "_MD5", hashlib.md5(published.read_bytes()).hexdigest())
    with pytest.raises(DataError, match="could not be downloaded: OutsideDestinationError"):
        bring(tmp_path / "a/b/root")
    assert not list(tmp_path.rglob("evil.json"))
