"""Threads beside the work that raise: said, and the work goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.sweep.conftest import scheduler_of, spec_of
from vggsweep.sweep.scheduling import heartbeat
from vggsweep.sweep.scheduling.heartbeat import HeartbeatThread
from vggsweep.sweep.scheduling.ownership import LeaseMonitor
from vggsweep.sweep.workers.monitor import Monitor
from vggsweep.sweep.workers.parent import this_process
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
    spec = spec_of("arch.depth=4,5", "sweep.name=s", "n_workers=2")
    scheduler_of(spec)
    parent, stop = this_process(spec.directory), StopRequest()
    with Monitor(spec, parent, stop) as monitor:
        monkeypatch.setattr(monitor._study, "get_trials", lambda **_: 1 / 0)
        wait_until(lambda: monitor._view.faults)
        stop.signal_name = "SIGINT"
        wait_until(parent.stop_file.exists)

    assert parent.stop_signal() == "SIGINT"
    said = capsys.readouterr().err
    assert said.count("cannot show how far the sweep is: ZeroDivisionError: division by zero") == 1
    assert "stopping: each worker finishes its step" in said
    assert not any(thread.name == "monitor" for thread in threading.enumerate())


@FAULT
def test_heartbeat_thread_whose_database_raises_still_keeps_the_time(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(heartbeat, "TICK_SECONDS", 0.02)
    scheduler = scheduler_of(spec_of("arch.depth=4,5", "sweep.name=s"))
    assignment = scheduler.next()
    stop = StopRequest()
    with HeartbeatThread(lambda: 1 / 0, LeaseMonitor(1.0), stop, 0.1, lambda: 1 / 0) as heartbeats:  # type: ignore[arg-type,return-value]
        heartbeats.trial_began(assignment)  # type: ignore[arg-type]
        wait_until(lambda: stop.time_limit is not None)

    assert stop.time_limit == 0.1
    assert "No sign of life this time: division by zero" in caplog.text
