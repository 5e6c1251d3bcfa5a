"""``python -m vggsweep.sweep.engine.worker_process``: a worker in a process of its own, told by its keeper.

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
from typing import Any, TextIO

from vggsweep.streams import make_lossy

PR_SET_PDEATHSIG = 1
# Loggers of what a person should see, wherever the worker's own output goes.
TOLD = ("vggsweep.storage", "vggsweep.worker", "vggsweep.files")


def main() -> None:
    """Work until there is nothing left to do, or the keeper is gone."""
    make_lossy()
    header = json.loads(sys.stdin.buffer.readline())
    die_with(header["keeper"])
    faulthandler.enable()
    for name in ("SIGINT", "SIGUSR1", "SIGUSR2"):  # a terminal's, and SLURM's warnings: the keeper decides
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    content = sys.stdin.buffer.read()
    sys.path[:] = header["path"]
    if os.path.isdir(header["folder"]):  # noqa: PTH112
        os.chdir(header["folder"])
    work(header, content)


def die_with(keeper: int) -> None:
    """Ask Linux for a SIGTERM when the keeper dies; elsewhere the watchman notices a little later."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != keeper:  # it died before we could ask
        sys.exit(1)


def work(header: dict[str, Any], content: bytes) -> None:
    """Unpickle the worker, which imports torch, and let it work."""
    from vggsweep.device import cuda_device_count
    from vggsweep.sweep.engine.keeper import news_line
    from vggsweep.sweep.engine.seat import device_of_seat
    from vggsweep.sweep.step import Task
    from vggsweep.sweep.worker import Role, Worker

    worker = pickle.loads(content)
    assert isinstance(worker, Worker)
    news = os.fdopen(header["news"], "w", encoding="utf-8", buffering=1)
    for name in TOLD:
        logging.getLogger(name).addHandler(_Messenger(news))

    def report(task: Task | None) -> None:
        news.write(news_line({"trial": str(task.directory.path) if task is not None else None}))

    ending = worker.work(
        Role(
            name=header["name"],
            device=device_of_seat(worker.order.base["device"], header["seat"], cuda_device_count()),
            is_orphan=lambda: os.getppid() != header["keeper"],
            report=report,
        )
    )
    with suppress(BrokenPipeError):  # the keeper is gone, and that is why we end
        news.write(news_line({"ending": asdict(ending)}))
        news.close()
    sys.stdout.flush()
    # all is on disk; threads of libraries need not be waited for
    os._exit(0)


class _Messenger(logging.Handler):
    """Passes messages on to the keeper."""

    def __init__(self, news: TextIO) -> None:
        super().__init__()
        self._news = news

    def emit(self, record: logging.LogRecord) -> None:
        from vggsweep.sweep.engine.keeper import news_line

        with suppress(OSError):  # nobody is there to listen
            self._news.write(news_line({"say": record.getMessage()}))


if __name__ == "__main__":
    main()
