"""``python -m vggsweep.sweep.workers.process``: a worker in a process of its own, told by its supervisor.

Standard input holds one line of JSON (where and who it is) and a pickled `Worker`: nothing of it shows in a
process list. What it trains and how it ends goes back through a pipe.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import logging
import os
import pickle
import signal
import sys
from contextlib import suppress
from dataclasses import asdict
from multiprocessing.connection import Connection
from typing import Any

from vggsweep.streams import make_lossy

PR_SET_PDEATHSIG = 1
# Loggers of what a person should see, wherever the worker's own output goes.
TOLD = ("vggsweep.storage", "vggsweep.worker", "vggsweep.files")


def main() -> None:
    """Work until there is nothing left to do, or the supervisor is gone."""
    make_lossy()
    header = json.loads(sys.stdin.buffer.readline())
    die_with(header["supervisor"])
    faulthandler.enable()
    # a terminal's, and SLURM's warnings: the supervisor decides
    for name in ("SIGINT", "SIGUSR1", "SIGUSR2"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    content = sys.stdin.buffer.read()
    sys.path[:] = header["path"]
    if os.path.isdir(header["folder"]):  # noqa: PTH112
        os.chdir(header["folder"])
    work(header, content)


def die_with(supervisor: int) -> None:
    """Ask Linux for a SIGTERM when the supervisor dies; elsewhere the heartbeat thread finds out."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != supervisor:  # it died before we could ask
        sys.exit(1)


def work(header: dict[str, Any], content: bytes) -> None:
    """Unpickle the worker, which imports torch, and let it work."""
    from vggsweep.device import cuda_device_count
    from vggsweep.sweep.scheduling.decisions import Assignment
    from vggsweep.sweep.workers.slot import device_of_slot
    from vggsweep.sweep.workers.worker import Role, Worker

    worker = pickle.loads(content)
    assert isinstance(worker, Worker)
    news = Connection(header["news"], readable=False)
    for name in TOLD:
        logging.getLogger(name).addHandler(_Messenger(news))

    def report(assignment: Assignment | None) -> None:
        news.send({"trial": str(assignment.directory.path) if assignment is not None else None})

    base = worker.spec.base
    device = device_of_slot(base["device"], header["slot"], cuda_device_count(), base["train"]["nproc"])
    outcome = worker.work(
        Role(
            name=header["name"],
            device=device,
            is_orphan=lambda: os.getppid() != header["supervisor"],
            report=report,
            is_first=header["slot"] == 0,
        )
    )
    with suppress(BrokenPipeError):  # the supervisor is gone, and that is why we end
        news.send({"ending": asdict(outcome)})
    sys.stdout.flush()
    # all is on disk; threads of libraries need not be waited for
    os._exit(0)


class _Messenger(logging.Handler):
    """Passes messages on to the supervisor."""

    def __init__(self, news: Connection) -> None:
        super().__init__()
        self._news = news

    def emit(self, record: logging.LogRecord) -> None:
        with suppress(OSError):  # nobody is there to listen
            self._news.send({"say": record.getMessage()})


if __name__ == "__main__":
    main()
