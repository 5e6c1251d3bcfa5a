"""A training that waits for cores says so once, by what the kernel counted, and no other does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import torch

from vggsweep.measure import cores
from vggsweep.measure.cores import CoreWatch

pytestmark = pytest.mark.skipif(not cores.SCHEDULED.is_file(), reason="needs the counts of Linux")
RIVAL = "import os, sys\nos.sched_setaffinity(0, {int(sys.argv[1])})\nprint(flush=True)\nwhile True: pass"


@pytest.fixture
def two_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cores, "WINDOW_SECONDS", 0.8)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def rivals() -> Iterator[None]:
    """Two busy processes on the one core that this thread may use."""
    mine = os.sched_getaffinity(0)
    core = min(mine)
    busy = [
        subprocess.Popen([sys.executable, "-c", RIVAL, str(core)], stdout=subprocess.PIPE) for _ in range(2)
    ]
    try:
        for one in busy:
            assert one.stdout is not None
            one.stdout.readline()
        os.sched_setaffinity(0, {core})
        yield
    finally:
        os.sched_setaffinity(0, mine)
        for one in busy:
            one.kill()
            one.communicate()


def work(watch: CoreWatch, seconds: float) -> list[str]:
    end, said = time.monotonic() + seconds, []
    while time.monotonic() < end:
        if (text := watch.look()) is not None:
            said.append(text)
    return said


def test_a_training_beside_busy_processes_says_once_what_cures_it(two_threads: None, rivals: None) -> None:
    told: list[str] = []
    watch = CoreWatch(told.append)
    watch.begin()
    said = work(watch, 3.0)
    watch.begin()
    assert work(watch, 1.0) == []

    assert said == told
    assert len(said) == 1
    assert said[0].startswith("this training waits for a core ")
    assert "torch's 2 threads spin meanwhile. OMP_WAIT_POLICY=passive before the same command" in said[0]


@pytest.mark.slow
def test_one_thread_and_passive_ones_have_nothing_to_cure(
    two_threads: None, rivals: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    watch = CoreWatch()
    watch.begin()
    assert work(watch, 1.2) == []
    monkeypatch.delenv("OMP_WAIT_POLICY")
    torch.set_num_threads(1)
    assert work(watch, 1.2) == []


def test_a_thread_that_sleeps_waits_for_no_core(two_threads: None) -> None:
    watch = CoreWatch()
    watch.begin()
    time.sleep(1.0)
    assert watch.look() is None


def test_where_the_kernel_counts_nothing_nothing_is_said(
    two_threads: None, rivals: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "SCHEDULED", cores.SCHEDULED / "none")
    watch = CoreWatch()
    watch.begin()
    assert work(watch, 1.2) == []
