import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from vggsweep.data.download import RemoteFile, fetch, only_local, verify_md5
from vggsweep.errors import DataError

CONTENT = b"pixels" * 1000
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    """A real web server on this machine that counts what it sends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.sent.append(self.path)
            content = b"" if "missing" in self.path else CONTENT
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.sent = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def remote(server: ThreadingHTTPServer, *paths: str, md5: str = MD5) -> RemoteFile:
    return RemoteFile(
        "file.gz", tuple(f"http://127.0.0.1:{server.server_port}/{path}" for path in paths), md5
    )


def test_several_takers_download_once(server, tmp_path):
    results = []
    takers = [
        threading.Thread(target=lambda: results.append(fetch(remote(server, "a"), tmp_path / "new")))
        for _ in range(4)
    ]
    for taker in takers:
        taker.start()
    for taker in takers:
        taker.join()
    assert [path.read_bytes() for path in results] == [CONTENT] * 4
    assert server.sent == ["/a"]


def test_the_next_mirror_is_tried(server, tmp_path):
    assert fetch(remote(server, "missing", "b"), tmp_path).read_bytes() == CONTENT


def test_another_file_than_promised_leaves_nothing(server, tmp_path):
    with pytest.raises(DataError, match="sent another file than expected"):
        fetch(remote(server, "a", md5="0" * 32), tmp_path)
    assert not (tmp_path / "file.gz").exists()


def test_no_network_says_where_to_put_the_file(tmp_path):
    file = RemoteFile("file.gz", ("http://127.0.0.1:9/file.gz",), MD5)
    with pytest.raises(DataError) as caught:
        fetch(file, tmp_path, "Or use the small set.")
    message = str(caught.value)
    assert str(tmp_path / "file.gz") in message
    assert "dataset.root=" in message
    assert message.endswith("Or use the small set.")
    assert "\n" not in message


def test_a_file_that_is_there_needs_no_network(tmp_path):
    (tmp_path / "file.gz").write_bytes(b"old")
    assert fetch(RemoteFile("file.gz", (), MD5), tmp_path).read_bytes() == b"old"


def test_a_changed_file_is_named(tmp_path):
    path = tmp_path / "file.gz"
    path.write_bytes(CONTENT)
    verify_md5(path, MD5)
    path.write_bytes(CONTENT[:-1])
    with pytest.raises(DataError, match=r"file.gz is damaged or not the published file: its md5 is \w+, not"):
        verify_md5(path, MD5)


def test_where_only_local_files_are_asked_for_none_is_downloaded(tmp_path: Path) -> None:
    file = RemoteFile("set.gz", ("http://127.0.0.1:9/set.gz",), "0" * 32)
    (tmp_path / "here.gz").touch()

    with only_local(), pytest.raises(DataError, match=r"set.gz is missing\.$"):
        fetch(file, tmp_path / "folder")
    with only_local():
        assert fetch(replace(file, name="here.gz"), tmp_path) == tmp_path / "here.gz"

    assert not (tmp_path / "folder").exists()
