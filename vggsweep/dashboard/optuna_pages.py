"""Optuna's own dashboard over the study of a sweep, in this process: no password in any command line.

Only what reads is passed on to it (`vggsweep.dashboard.application`): its forms would tell and delete trials
under a running sweep.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, open_database

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class OptunaPages:
    """A WSGI application; package and database are opened when it is first asked.

    Args:
        directory: the sweep's.
        storage: ``sweep.storage`` as it was written, or None.
    """

    def __init__(self, directory: SweepDirectory, storage: str | None) -> None:
        self._directory = directory
        self._storage = storage
        self._opened: tuple[RetryingRDBStorage, WSGIApplication] | None = None
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request.

        Raises:
            VggsweepError: the database cannot be opened.
        """
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # its icon is not sent to one that says nothing
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            backend, application = self._opened
            try:
                return application(environ, start_response)
            finally:
                # an open connection keeps the sweep from folding SQLite's log in when it ends
                backend.close()

    def _open(self) -> tuple[RetryingRDBStorage, WSGIApplication]:
        from optuna_dashboard import wsgi

        backend = open_database(self._directory, self._storage)
        return backend, wsgi(backend)
