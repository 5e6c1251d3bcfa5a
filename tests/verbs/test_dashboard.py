"""The command ``vggsweep dashboard``: it says where the page is, and ends when it is asked to."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from urllib.request import ProxyHandler, build_opener

import pytest

from tests.processes import Command


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_page_is_served_until_a_signal_comes(start: Callable[..., Command], number: signal.Signals) -> None:
    command = start("dashboard", "coming", "--port", "0")
    command.wait_for("Ctrl-C ends it")
    found = re.search(r"dashboard (http://127\.0\.0\.1:\d+/)  waiting for coming: No sweep", command.text)
    assert found is not None, command.text

    with build_opener(ProxyHandler({})).open(f"{found[1]}state", timeout=60) as answer:
        assert json.load(answer)["phase"] == "waiting"
    command.send(number)

    assert command.end() == 0
    assert command.text.endswith(f"dashboard ended by {number.name}\n")


@pytest.mark.parametrize("port", ["-1", "65536", "http", "8²"])
def test_word_that_is_no_port_is_refused(start: Callable[..., Command], port: str) -> None:
    command = start("dashboard", f"--port={port}")

    assert command.end() == 2
    assert "is no port; they go from 0 to 65535" in command.text
