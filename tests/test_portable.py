"""What only Linux and macOS have may be absent: every module loads without it, as on Windows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

# Loaded as ever first, which brings the libraries in: they look at the platform's name too.
LOAD_TWICE = """
import importlib, os, pkgutil, signal, sys

import vggsweep

def load():
    for module in pkgutil.walk_packages(vggsweep.__path__, "vggsweep."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
            yield module.name

before = list(load())
for name in before:
    del sys.modules[name]
for name in "fcntl grp pty pwd resource syslog termios tty".split():
    sys.modules[name] = None
for name in "fork getpgrp getuid killpg pread sched_getaffinity setsid tcgetpgrp uname".split():
    delattr(os, name)
for name in "SIGHUP SIGKILL SIGUSR1 SIGUSR2 pthread_sigmask".split():
    delattr(signal, name)
sys.platform = "win32"
assert list(load()) == before
print(len(before))
"""


@pytest.mark.slow
def test_every_module_loads_without_what_only_posix_has() -> None:
    loaded = subprocess.run(
        [sys.executable, "-c", LOAD_TWICE],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert loaded.returncode == 0, loaded.stderr
    assert int(loaded.stdout) > 200
