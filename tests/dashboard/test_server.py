"""The addresses of the page: what they show, and what is refused."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from tests.dashboard.conftest import MovedSweep
from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.dashboard.server import serving
from vggsweep.errors import ConfigError

PATIENCE = 60


@pytest.fixture
def port() -> Iterator[int]:
    """Of the page of the sweep ``mine``, which may not have begun."""
    with serving(LiveSweep("mine"), 0) as address:
        yield urlsplit(address).port or 0


def ask(port: int, path: str, method: str = "GET", host: str | None = None) -> tuple[HTTPResponse, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, headers={"Host": host} if host is not None else {})
        answer = connection.getresponse()
        return answer, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_page_and_its_files_are_there_and_may_load_nothing_else(port: int) -> None:
    page, text = ask(port, "/")

    assert page.status == 200
    assert 'src="live.js"' in text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in page.headers["Content-Security-Policy"]
    for name, kind in (("live.js", "text/javascript"), ("live.css", "text/css"), ("report.css", "text/css")):
        answer, _ = ask(port, f"/{name}")
        assert (answer.status, answer.headers.get_content_type()) == (200, kind)


def test_state_is_json_also_of_a_sweep_that_is_not_there(port: int) -> None:
    answer, text = ask(port, "/state")

    assert (answer.status, json.loads(text)["phase"]) == (200, "waiting")


@pytest.mark.parametrize("path", ["/report", "/curves", "/../pyproject.toml", "/live.py", "/dashboard"])
def test_what_is_not_there_is_not_found(port: int, path: str) -> None:
    assert ask(port, path)[0].status == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8421", "", "[", "10.0.0.1"])
@pytest.mark.parametrize("path", ["/", "/state", "/dashboard"])
def test_other_host_names_are_refused(port: int, path: str, host: str) -> None:
    assert ask(port, path, host=host)[0].status == 421


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1", "[::1]:8421"])
def test_a_tunnel_may_begin_at_another_port(port: int, host: str) -> None:
    assert ask(port, "/state", host=host)[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_only_reading_is_allowed(port: int, method: str) -> None:
    answer, _ = ask(port, "/state", method)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_head_has_the_length_and_no_body(port: int) -> None:
    answer, text = ask(port, "/", "HEAD")

    assert (answer.status, text) == (200, "")
    assert int(answer.headers["Content-Length"]) > 500


def test_port_that_is_taken_is_refused_and_without_one_the_next_is_used() -> None:
    with serving(LiveSweep("mine"), 0) as address:
        taken = urlsplit(address).port
        refused = pytest.raises(ConfigError, match=f"--port {taken} cannot be had")
        with refused, serving(LiveSweep("mine"), taken):
            pass
    with serving(LiveSweep("mine")) as one, serving(LiveSweep("mine")) as other:
        assert urlsplit(one).port != urlsplit(other).port


def test_nobody_else_can_reach_it() -> None:
    with serving(LiveSweep("mine"), 0) as address, socket.socket() as other:
        other.settimeout(PATIENCE)
        with pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", urlsplit(address).port))


def test_optunas_dashboard_shows_the_study_and_cannot_change_it(moved: MovedSweep, port: int) -> None:
    pytest.importorskip("optuna_dashboard")
    moved.finish(moved.begin(), val_acc=0.75)
    assert json.loads(ask(port, "/state")[1])["has_optuna"]

    (summary,) = json.loads(ask(port, "/api/studies")[1])["study_summaries"]
    study = json.loads(ask(port, f"/api/studies/{summary['study_id']}")[1])

    assert [trial["values"] for trial in study["trials"] if trial["state"] == "Complete"] == [[0.75]]
    assert "Optuna" in ask(port, "/dashboard")[1]
    assert ask(port, "/favicon.ico")[0].status == 200
    assert ask(port, f"/api/studies/{summary['study_id']}", "DELETE")[0].status == 405
    assert ask(port, f"/api/studies/{summary['study_id']}")[0].status == 200
