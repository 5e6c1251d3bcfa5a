"""Clocks that somebody sets while a sweep runs."""

from __future__ import annotations

import pickle
import time

import pytest

from vggsweep.sweep.scheduling.clock import StartTime

HOUR = 3600.0


@pytest.mark.fault(
    "the clock set back or forward by an hour", "order, leases, time limits and durations unharmed"
)
@pytest.mark.parametrize("change", [HOUR, -HOUR])
def test_time_passes_as_it_does_whoever_sets_the_clock(
    monkeypatch: pytest.MonkeyPatch, change: float
) -> None:
    start = pickle.loads(pickle.dumps(StartTime()))
    of_day = time.time
    monkeypatch.setattr(time, "time", lambda: of_day() + change)
    assert 0 <= start.passed() < 60


def test_another_host_has_the_time_of_day_only(monkeypatch: pytest.MonkeyPatch) -> None:
    start = StartTime(host="elsewhere", monotonic=0.0, of_day=time.time() - 100)
    assert start.passed() == pytest.approx(100, abs=5)
    monkeypatch.setattr(time, "time", lambda: start.of_day - HOUR)
    assert start.passed() == 0.0
