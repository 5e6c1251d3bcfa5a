"""What the command says of workers in other processes: what is new since it began, and nothing else."""

from __future__ import annotations

import pytest

from tests.sweep.conftest import finish, scheduler_of
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.workers.monitor import Monitor
from vggsweep.sweep.workers.parent import this_process
from vggsweep.training.interruption import StopRequest


def begun(spec: SweepSpec, worker: str) -> Assignment:
    assignment = scheduler_of(spec, worker).next()
    assert isinstance(assignment, Assignment)
    assignment.directory.config.write_text("begun")
    return assignment


def test_a_command_that_continues_says_nothing_that_an_earlier_one_said(
    small: SweepSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    scheduler = scheduler_of(small, "alpha-0")
    done = scheduler.next()
    assert isinstance(done, Assignment)
    finish(scheduler, done)
    killed = begun(small, "alpha-0")
    save_spec(small)
    killed.lock.release()  # as the kernel does

    with Monitor(small, this_process(small.directory), StopRequest()) as monitor:
        monitor.look()
        assert capsys.readouterr().err == ""

        adopted = begun(small, "alpha-1")
        monitor.look()
        assert capsys.readouterr().err.startswith("alpha-1 continues trial 1: depth ")

        new = begun(small, "alpha-2")
        monitor.look()
        assert capsys.readouterr().err.startswith("alpha-2 trains trial 2: depth ")
        for assignment in (adopted, new):
            assignment.lock.release()
