"""What ``vggsweep status`` says of a sweep without a finished training in sight."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from pathlib import Path

import pytest
from rich.console import Console

from tests.sweep.conftest import drain, finish, scheduler_of, spec_of
from vggsweep.device import resolve_device
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.sweep.display.keyboard import Keys
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.heartbeat import HeartbeatThread
from vggsweep.sweep.scheduling.ownership import owner_of
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.workers.jobs import jobs_of
from vggsweep.training.interruption import StopRequest
from vggsweep.verbs import status
from vggsweep.verbs.status import StatusView


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def shown(name: str) -> tuple[str, bool]:
    console = Console(width=160, record=True, quiet=False)
    with StatusView(sweep_directory(name)) as view:
        picture, is_done = view.look()
    with console.capture() as capture:
        console.print(picture)
    return capture.get(), is_done


def test_status_tells_done_running_infeasible_and_retried_trials_apart() -> None:
    spec = spec_of("arch.depth=range(3,8)", "sweep.name=mine", "n_trials=5")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    first = scheduler.next()
    assert isinstance(first, Assignment)
    finish(scheduler, first, val_acc=0.75)
    second = scheduler.next()
    assert isinstance(second, Assignment)

    text, is_done = shown("mine")
    assert "1 of 4 done" in text  # a point of five is no network
    assert "1 COMPLETE" in text
    assert "1 INFEASIBLE" in text
    assert "training now" in text
    assert "0.7500" in text
    assert not is_done

    second.directory.config.write_text("begun")
    second.lock.release()
    assert "none: the same command continues it" in shown("mine")[0]
    again = scheduler_of(spec).next()
    assert isinstance(again, Assignment)
    assert "1 continued after a death" in shown("mine")[0]


def test_directory_without_a_study_is_refused() -> None:
    sweep_directory("empty").trials.mkdir(parents=True)
    with pytest.raises(ConfigError, match="holds no study"):
        shown("empty")


def test_status_says_why_a_depth_is_infeasible_under_a_budget() -> None:
    spec = spec_of("budget=macs", "budget.target=2e6", "arch.depth=7,8", "sweep.name=equal")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step)

    text, _ = shown("equal")
    assert "INFEASIBLE 1 x arch.depth=8 cannot cost 2,000,000 MACs: the nearest reachable is" in text


def test_one_sentence_about_several_suggestions_is_told_once() -> None:
    spec = spec_of("arch.depth=1,2,3,4", "sweep.name=shallow")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step)

    lines = [line for line in shown("shallow")[0].split("INFEASIBLE")[2:] if line.strip()]
    assert len(lines) == 1
    told = " ".join(lines[0].split())
    assert told.startswith("3 x arch.depth=1 is less than arch.num_blocks=4")
    assert told.endswith("(the numbers differ) (trials 0, 1, 2)")


def test_workers_of_other_hosts_are_shown_with_their_last_sign_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=far", "sweep.lease=2")
    spec.directory.trials.mkdir(parents=True)
    save_spec(spec)
    monkeypatch.setenv("VGGSWEEP_HOST", "beta")
    far = scheduler_of(spec, "beta-0")
    assignment = far.next()
    assert isinstance(assignment, Assignment)
    with HeartbeatThread(
        lambda: scheduler_of(spec).study, far.lease_monitor, StopRequest(), None
    ) as heartbeats:
        heartbeats.trial_began(assignment)
        monkeypatch.setenv("VGGSWEEP_HOST", "alpha")
        deadline = time.monotonic() + 20
        while "beta-0: heard of" not in (text := shown("far")[0]):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)


def test_jobs_that_wait_in_slurms_queue_are_counted(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=waits")
    scheduler_of(spec)
    save_spec(spec)
    spec.directory.jobs.write_text("7_0\n7_1\n7_2\n6\n")
    squeue = own_folder / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\nprintf '7_0 RUNNING\\n7_1 PENDING\\n7_2 PENDING\\n99 PENDING\\n'\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent), prepend=os.pathsep)

    assert "2 jobs queued" in shown("waits")[0]
    assert jobs_of(spec.directory) == {"7_0": "RUNNING", "7_1": "PENDING", "7_2": "PENDING"}

    squeue.write_text("#!/bin/sh\nexit 1\n")  # a host that sees the files and no cluster
    assert "queued" not in shown("waits")[0]


def test_the_device_of_a_worker_is_the_one_that_auto_means(quickstart: Path) -> None:
    trials = read_study(SweepDirectory(quickstart)).get_trials()

    assert {owner.device for trial in trials if (owner := owner_of(trial)) is not None} == {
        str(resolve_device("auto"))
    }


def test_reasons_of_failures_are_there_and_move_no_cursor() -> None:
    spec = spec_of("arch.depth=4,5,6", "sweep.name=failing")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    for reason in ("The loss became NaN", "The loss became NaN", "\x1b[2J gone\u202e"):
        assignment = scheduler.next()
        assert isinstance(assignment, Assignment)
        finish(scheduler, assignment, state="FAIL", reason=reason)

    text, is_done = shown("failing")

    assert "FAIL 2 x The loss became NaN (trials 0, 1)" in text
    assert "FAIL 1 x \\x1b[2J gone\\u202e (trial 2)" in text
    assert "\x1b[2J" not in text
    assert "3 of 3 done" in text
    assert is_done


def test_a_sweep_of_an_earlier_release_ends_with_its_space() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=old")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    settings = spec.directory.settings
    settings.write_text(settings.read_text().replace("space_size: 2\n", ""))
    drain(scheduler)

    assert shown("old")[1], "2 of 2, though 20 were asked for"


def test_looking_again_opens_nothing_again() -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=watched")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    assignment = scheduler.next()
    assert isinstance(assignment, Assignment)
    finish(scheduler, assignment)
    console = Console(width=160, quiet=True)
    with StatusView(spec.directory) as view:
        console.print(view.look()[0])
        study, before = view._opened, open_files()
        for _ in range(5):
            console.print(view.look()[0])
        assert view._opened is study
        assert open_files() <= before
    assignment = scheduler.next()
    assert isinstance(assignment, Assignment)


def test_watch_waits_for_a_sweep_that_begins_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of("arch.depth=4,5", "sweep.name=coming")
    begun: list[TrialScheduler] = []

    def meanwhile(_keys: Keys, _seconds: float) -> str:
        """What another terminal does between two looks: the directory, the spec, the trials."""
        if not spec.directory.trials.exists():
            spec.directory.trials.mkdir(parents=True)
        elif not spec.directory.settings.exists():
            save_spec(spec)
        elif not begun:
            begun.append(scheduler_of(spec))
        else:
            drain(begun[0])
        return ""

    monkeypatch.setattr(Keys, "wait", meanwhile)

    assert status.run(Namespace(sweep="coming", watch=True)) == 0

    assert "2 of 2 done" in capsys.readouterr().out


def test_watch_is_left_with_q(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keys, "wait", lambda _keys, _seconds: "q")

    assert status.run(Namespace(sweep="never", watch=True)) == 0


def test_without_watch_a_missing_sweep_is_refused() -> None:
    with pytest.raises(ConfigError, match="No sweep"):
        status.run(Namespace(sweep="never", watch=False))


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_status_of_a_lost_study_is_told_from_the_records(content: bytes | None) -> None:
    spec = spec_of("arch.width=2,4", "sweep.name=lost")
    scheduler = scheduler_of(spec)
    save_spec(spec)
    drain(scheduler)
    for path in spec.directory.path.glob("study.db*"):
        path.unlink()
    if content is not None:
        spec.directory.study.write_bytes(content)

    assert "2 of 2 done" in shown("lost")[0]
