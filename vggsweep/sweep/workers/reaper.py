"""``python -m vggsweep.sweep.workers.reaper TOKEN``: ends joblib's processes when their command is killed.

A supervisor watches the command by itself. But a process that joblib has started and that has no supervisor
yet knows of no parent, and would wait five minutes for work that will not be sent. The reaper notices the
command's death by the end of its own standard input.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil  # type: ignore[import-untyped]

VARIABLE = "VGGSWEEP_LAUNCH"
# Supervisors let their workers write a checkpoint first.
LONGEST_WATCH_SECONDS = 60.0


@contextmanager
def reaping() -> Iterator[None]:
    """Within the block, joblib's processes of this command do not outlive it."""
    token = secrets.token_hex(8)
    reaper = subprocess.Popen(
        [sys.executable, "-m", "vggsweep.sweep.workers.reaper", token],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is not for it
    )
    end_pool()  # a caller's own
    os.environ[VARIABLE] = token  # inherited by what joblib starts
    try:
        yield
    finally:
        end_pool()
        os.environ.pop(VARIABLE, None)
        assert reaper.stdin is not None
        with suppress(OSError):  # it was killed
            reaper.stdin.write(b"done")
            reaper.stdin.close()
        reaper.wait()


def end_pool() -> None:
    """End joblib's idle processes; it starts others when they are needed.

    It would keep them for the next sweep of this process, with the environment, the import path and the token
    of the moment at which they began.
    """
    loky = sys.modules.get("joblib.externals.loky")
    if loky is not None:
        loky.get_reusable_executor(reuse=True).shutdown(wait=True)


def main(token: str) -> None:
    """Wait for the end of the command; end what it left."""
    if sys.stdin.buffer.read() == b"done":
        return
    deadline = time.monotonic() + LONGEST_WATCH_SECONDS
    while (left := _pool_processes(token)) and time.monotonic() < deadline:
        for process in left:
            with suppress(psutil.Error):
                if not process.children():  # it keeps no worker
                    process.kill()
        time.sleep(0.5)


def _pool_processes(token: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if (
                "joblib.externals.loky" in " ".join(process.cmdline())
                and process.environ().get(VARIABLE) == token
            ):
                found.append(process)
    return found


if __name__ == "__main__":
    main(sys.argv[1])
