"""Threads beside the work that raise: said, and the work goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.sweep.conftest import dispatcher_of, order_of
from vggsweep.sweep import watchman as watchman_module
from vggsweep.sweep.engine.monitor import Monitor
from vggsweep.sweep.engine.starter import this_process
from vggsweep.sweep.ownership import Pulse
from vggsweep.sweep.watchman import Watchman
from vggsweep.training.interruption import StopRequest

FAULT = pytest.mark.fault(
    "a thread that shows progress or gives signs of life raises", "said once; signals and clean-up still work"
)


def wait_until(claim: object) -> None:
    deadline = time.monotonic() + 20
    while not claim():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


@FAULT
def test_monitor_that_cannot_look_still_passes_a_signal_on(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    order = order_of("arch.depth=4,5", "sweep.name=s", "n_workers=2")
    dispatcher_of(order)
    starter, stop = this_process(order.directory), StopRequest()
    with Monitor(order, starter, stop) as monitor:
        monkeypatch.setattr(monitor._study, "get_trials", lambda **_: 1 / 0)
        wait_until(lambda: monitor._complaints)
        stop.signal_name = "SIGINT"
        wait_until(starter.stop_file.exists)

    assert starter.stop_signal() == "SIGINT"
    said = capsys.readouterr().err
    assert said.count("cannot show how far the sweep is: ZeroDivisionError: division by zero") == 1
    assert "stopping: each worker finishes its step" in said
    assert not any(thread.name == "monitor" for thread in threading.enumerate())


@FAULT
def test_watchman_whose_database_raises_still_keeps_the_time(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchman_module, "TICK_SECONDS", 0.02)
    dispatcher = dispatcher_of(order_of("arch.depth=4,5", "sweep.name=s"))
    task = dispatcher.next()
    stop = StopRequest()
    with Watchman(lambda: 1 / 0, Pulse(1.0), stop, 0.1, lambda: 1 / 0) as watchman:  # type: ignore[arg-type,return-value]
        watchman.trial_began(task)  # type: ignore[arg-type]
        wait_until(lambda: stop.time_limit is not None)

    assert stop.time_limit == 0.1
    assert "No sign of life this time: division by zero" in caplog.text
