"""Which address shows what: a WSGI application that only reads.

/          the page, with live.js, live.css and report.css
/state     `PageState` as JSON
/report    the report as it was last drawn
/curves    its learning curves with the trials that still run
others     Optuna's dashboard (/dashboard), where it is installed
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import vggsweep.results.report
from vggsweep.configuration.secrets import masked
from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.errors import VggsweepError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

ROOM = Path(__file__).parent
REPORT_ROOM = Path(vggsweep.results.report.__file__).parent
HTML, JSON, SVG, TEXT = "text/html", "application/json", "image/svg+xml", "text/plain"
FILES = {
    "/": (ROOM / "live.html", HTML),
    "/live.js": (ROOM / "live.js", "text/javascript"),
    "/live.css": (ROOM / "live.css", "text/css"),
    "/report.css": (REPORT_ROOM / "report.css", "text/css"),
}
OURS = (*FILES, "/state", "/report", "/curves")
# Another name in the address bar may be a stranger's that was made to lead here (DNS rebinding). Any port, as
# a tunnel from another machine may begin at another one.
NAMES = ("localhost", "127.0.0.1", "::1")
FROM_HERE = "script-src 'self'; style-src 'self'; connect-src 'self'; frame-src 'self'"
OWN = f"default-src 'none'; {FROM_HERE}; img-src data:"
OF_REPORT = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
NO_MORE = "; base-uri 'none'; form-action 'none'; frame-ancestors "


@dataclass(frozen=True)
class Answer:
    """What is sent back.

    Args:
        status: with its reason, as HTTP has it.
        kind: media type.
        body: as UTF-8.
        policy: what the browser lets the page do.
    """

    status: str
    kind: str
    body: bytes
    policy: str = f"{OWN}{NO_MORE}'none'"


class Application:
    """Answers browsers of this machine.

    Args:
        sweep: which one.
    """

    def __init__(self, sweep: LiveSweep) -> None:
        self._sweep = sweep

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        refusal, optuna = _refusal(environ), self._sweep.optuna
        if refusal is None and optuna is not None and _path(environ) not in OURS:
            try:
                return optuna(environ, start_response)
            except VggsweepError as error:
                refusal = _text("503 Service Unavailable", masked(str(error)))
        answer = refusal or self._answer(_path(environ))
        headers = [
            ("Content-Type", f"{answer.kind}; charset=utf-8"),
            ("Content-Length", str(len(answer.body))),
            ("Content-Security-Policy", answer.policy),
            ("Cache-Control", "no-store"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if answer.status.startswith("405"):
            headers.append(("Allow", "GET, HEAD"))
        start_response(answer.status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]

    def _answer(self, path: str) -> Answer:
        if path in FILES:
            file, kind = FILES[path]
            return Answer("200 OK", kind, file.read_bytes())
        if path == "/state":
            return Answer("200 OK", JSON, json.dumps(asdict(self._sweep.state()), allow_nan=False).encode())
        drawn = self._sweep.report.drawn
        if path == "/report" and drawn is not None:
            return Answer("200 OK", HTML, drawn.page, f"{OF_REPORT}{NO_MORE}'self'")
        curves = self._sweep.report.curves
        if path == "/curves" and curves is not None:
            return Answer("200 OK", SVG, curves.svg)
        return _text("404 Not Found", "There is no such page; / shows the sweep.")


def _refusal(environ: WSGIEnvironment) -> Answer | None:
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
        return _text("405 Method Not Allowed", "This page only reads.")
    if _host_name(environ.get("HTTP_HOST", "")) not in NAMES:
        return _text("421 Misdirected Request", "Ask for this page as localhost or 127.0.0.1.")
    return None


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _path(environ: WSGIEnvironment) -> str:
    return str(environ.get("PATH_INFO") or "/")


def _text(status: str, text: str) -> Answer:
    return Answer(status, TEXT, f"{text}\n".encode())
