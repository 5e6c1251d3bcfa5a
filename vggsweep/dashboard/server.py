"""The port on which browsers of this machine, and nobody else, can ask."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from vggsweep.dashboard.application import Application
from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.errors import ConfigError

LOOPBACK = "127.0.0.1"
PORT = 8421
# So many ports are tried where none was asked for: a page for each of a person's sweeps.
PORTS = range(PORT, PORT + 20)


class _Handler(WSGIRequestHandler):
    timeout = 30.0  # seconds for one that asks and says no more

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a browser asks every two seconds."""


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 32

    def server_bind(self) -> None:
        """As usual, except that no name server is asked what 127.0.0.1 is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])
        self.setup_environ()


@contextmanager
def serving(sweep: LiveSweep, port: int | None = None) -> Iterator[str]:
    """Serve a sweep within the block.

    Args:
        sweep: which one.
        port: 0 for any free one; None for the first free one of `PORTS`.

    Yields:
        The page's address.

    Raises:
        ConfigError: the port is taken, or may not be had.
    """
    server = _listen(port)
    server.set_app(Application(sweep))
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="dashboard", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _listen(port: int | None) -> _Server:
    tried = PORTS if port is None else (port,)
    for one in tried:
        try:
            return _Server((LOOPBACK, one), _Handler)
        except OSError as error:
            refusal = error
    if port is None:
        raise ConfigError(
            f"No port from {PORTS[0]} to {PORTS[-1]} is free: {refusal.strerror}. --port 0 takes any that is."
        )
    raise ConfigError(
        f"--port {port} cannot be had: {refusal.strerror}. Without --port the first free one from "
        f"{PORTS[0]} on is taken."
    )
