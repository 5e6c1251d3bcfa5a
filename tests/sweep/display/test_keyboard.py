"""Keys on a terminal of its own."""

from __future__ import annotations

import os
import pty
import sys
import termios
import time
from pathlib import Path

import pytest

from vggsweep.sweep.display.keyboard import Keys

READER = """
import time
from vggsweep.sweep.display.keyboard import Keys
with Keys() as keys:
    print("ready", flush=True)
    print("key", repr(keys.wait(30)), flush=True)
    print("none", repr(keys.wait(0.01)), flush=True)
"""


def read_until(descriptor: int, word: str) -> str:
    text, deadline = "", time.monotonic() + 60
    while word not in text and time.monotonic() < deadline:
        text += os.read(descriptor, 1024).decode()
    return text


def test_a_key_is_read_without_enter_and_the_terminal_is_as_before() -> None:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(Path(__file__).parents[3])
        os.execv(sys.executable, [sys.executable, "-c", READER])
    before = termios.tcgetattr(terminal)
    read_until(terminal, "ready")
    os.write(terminal, b"Q")
    text = read_until(terminal, "none ''")

    assert "key 'q'" in text
    assert "none ''" in text
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert termios.tcgetattr(terminal)[3] == before[3]
    os.close(terminal)


def test_without_a_terminal_it_only_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path(os.devnull).open() as nothing, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", nothing)
        with Keys() as keys:
            started = time.monotonic()
            assert keys.wait(0.05) == ""
            assert time.monotonic() - started >= 0.05
