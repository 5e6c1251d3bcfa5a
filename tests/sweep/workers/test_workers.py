"""Several worker processes under one command: real ones, really killed, stopped and lost."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.processes import KILLS, Command
from tests.sweep.workers.observed import (
    CHECKOUT,
    check_whole,
    owners_of,
    processes_of,
    records_of,
    trials_of,
    wait_until,
    worker_processes,
)
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.sweep.scheduling.ownership import owner_of
from vggsweep.sweep.storage.trial_attrs import DEATHS

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
Start = Callable[..., Command]
TWO = ("-m", "n_workers=2", "arch.width=range(2,40)", "hydra/sweeper/sampler=random", "sweep.name=two")
# The same with a network that trains slowly while a file lies there, so that both workers are seen at work
# however busy the machine is.
SLOW = (
    *TWO[:2],
    "arch=custom",
    "arch.target=slow.Net",
    "+arch.options.hidden=range(2,40)",
    "optimizer.lr=1e-4",
    *TWO[3:],
)
SLOW_NETWORK = """
import pathlib
import time
from torch import nn

class Net(nn.Sequential):
    def __init__(self, channels, num_classes, hidden):
        super().__init__(nn.Conv2d(channels, hidden, 3), nn.Flatten(), nn.LazyLinear(num_classes))

    def forward(self, images):
        if self.training and pathlib.Path("hold").exists():
            time.sleep(0.5)
        return super().forward(images)
"""


@pytest.fixture
def hold(own_folder: Path) -> Path:
    """The file that slows `SLOW` down."""
    (own_folder / "slow.py").write_text(SLOW_NETWORK)
    (own_folder / "hold").touch()
    return own_folder / "hold"


def test_killed_worker_is_replaced_and_its_trial_continues_under_its_number(start: Start, hold: Path) -> None:
    found = f"import sys; sys.path.insert(0, {str(hold.parent)!r})"
    command = start(*SLOW, "n_trials=3", "train.epochs=10", "scheduler=constant", first=found)
    wait_until(lambda: len(owners_of("two")) == 2, command)
    first, sibling = owners_of("two").values()
    wait_until(sweep_directory("two").trial(0).checkpoint.exists, command)
    hold.unlink()
    os.kill(first, signal.SIGKILL)
    assert command.end() == 0, command.text
    records = check_whole("two", 3)
    trials = trials_of("two")
    assert [trial.number for trial in trials if DEATHS in trial.user_attrs] == [0]
    assert "continues after epoch" in sweep_directory("two").trial(0).log.read_text()
    pids = {owner.pid for trial in trials if (owner := owner_of(trial)) is not None}
    assert sibling in pids
    assert first not in pids
    assert "died (SIGKILL); starting another" in command.text
    assert all(record.environment["threads"] == 1 for record in records)


def test_workers_end_with_a_command_that_is_killed(start: Start, own_folder: Path) -> None:
    command = start(*TWO, "n_trials=2", "train.epochs=500", "scheduler=constant")
    wait_until(lambda: len(owners_of("two")) == 2, command)
    command.send(signal.SIGKILL)
    assert command.end() == -signal.SIGKILL
    wait_until(lambda: not processes_of(own_folder))


# --- slow ones


@pytest.mark.slow
def test_ctrl_c_stops_all_workers_after_a_checkpoint_and_the_same_command_continues(
    start: Start, own_folder: Path, hold: Path
) -> None:
    words = (*SLOW, "n_trials=2", "train.epochs=20", "scheduler=constant")
    found = f"import sys; sys.path.insert(0, {str(hold.parent)!r})"
    command = start(*words, first=found)
    wait_until(lambda: len(owners_of("two")) == 2, command)
    sweep = sweep_directory("two")
    wait_until(lambda: all(sweep.trial(number).checkpoint.exists() for number in (0, 1)), command)
    command.send(signal.SIGINT)
    assert command.end() == 130, command.text
    assert "stopped by SIGINT" in command.text
    assert not worker_processes(own_folder)
    assert all(sweep.trial(number).released.exists() for number in (0, 1))
    hold.unlink()
    again = start(*words, "n_workers=1", first=found)
    assert again.end() == 0, again.text
    check_whole("two", 2)
    assert not any(DEATHS in trial.user_attrs for trial in trials_of("two"))


CRASH = """
import os, signal, sys
if "vggsweep.sweep.workers.process" in sys.orig_argv:
    import vggsweep.preparation as preparation
    build = preparation.build_network
    def crash(arch, *rest):
        if getattr(arch, "width", None) == 6:
            {what}
        return build(arch, *rest)
    preparation.build_network = crash
"""


@pytest.fixture
def sabotage(own_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, str]]:
    """Environment in which a worker does something terrible when it builds a network of width 6."""

    def prepare(what: str) -> dict[str, str]:
        folder = tmp_path_factory.mktemp("site")
        (folder / "sitecustomize.py").write_text(CRASH.format(what=what))
        return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(CHECKOUT)])}

    return prepare


def run_command(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vggsweep", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.mark.fault("a network that crashes the interpreter", "that trial fails alone")
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_crash_of_the_interpreter_costs_that_trial_alone(
    sabotage: Callable[[str], dict[str, str]], tiny_line: tuple[str, ...]
) -> None:
    done = run_command(
        sabotage("os.kill(os.getpid(), signal.SIGSEGV)"),
        *(word for word in tiny_line if not word.startswith("arch.width=")),
        "-m",
        "n_workers=2",
        "arch.width=2,4,6,8,10",
        "sweep.max_retries=1",
        "sweep.name=crash",
    )
    assert done.returncode == 0, done.stderr
    states = {
        record.configuration["arch"]["width"]: record for record in records_of(sweep_directory("crash"))
    }
    assert {width: record.state for width, record in states.items()} == {
        2: "COMPLETE",
        4: "COMPLETE",
        6: "FAIL",
        8: "COMPLETE",
        10: "COMPLETE",
    }
    assert "died 2 times" in str(states[6].reason)
    assert "died (SIGSEGV); starting another" in done.stderr


@pytest.mark.fault("a trial that hangs", "ended after `sweep.trial_timeout`; the others go on")
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_trial_that_hangs_is_ended_with_its_process(
    sabotage: Callable[[str], dict[str, str]], tiny_line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VGGSWEEP_GRACE", "3")
    done = run_command(
        sabotage("import time; time.sleep(3600)"),
        *(word for word in tiny_line if not word.startswith("arch.width=")),
        "-m",
        "arch.width=2,6,8",
        "sweep.trial_timeout=20",
        "sweep.name=hang",
    )
    assert done.returncode == 0, done.stderr
    records = records_of(sweep_directory("hang"))
    assert [record.state for record in records] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert "sweep.trial_timeout=20 s and did not answer" in str(records[1].reason)


@pytest.mark.fault(
    "a worker stopped for longer than its lease", "its trial is taken over; what it writes later is set aside"
)
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_stopped_worker_is_fenced_off_when_it_wakes_up(start: Start) -> None:
    command = start(*TWO, "n_trials=4", "train.epochs=30", "scheduler=constant", "sweep.lease=2")
    wait_until(lambda: len(owners_of("two")) == 2, command)
    number, pid = next(iter(owners_of("two").items()))
    wait_until(sweep_directory("two").trial(number).checkpoint.exists, command)
    os.kill(pid, signal.SIGSTOP)

    def is_adopted() -> bool:
        owner = owner_of(trials_of("two")[number])
        return owner is not None and owner.pid != pid

    wait_until(is_adopted, command)
    os.kill(pid, signal.SIGCONT)
    assert command.end() == 0, command.text
    check_whole("two", 4)
    (log,) = [
        path
        for path in sweep_directory("two").workers.glob("*.log")
        if f"trial {number} was taken over by another worker" in path.read_text()
    ]
    assert "Traceback" not in log.read_text()


@pytest.mark.fault(
    "`kill -9` of workers and commands, two workers", "exactly the total, every result whole, no process left"
)
@pytest.mark.slow
@pytest.mark.timeout(90 * KILLS)
def test_two_workers_under_fire_end_with_exactly_their_total(
    start: Start, own_folder: Path, record_property: Callable[[str, int], None]
) -> None:
    """Round after round a worker, the command, or everything is killed at a random moment."""
    record_property("rounds", KILLS)
    words = (*TWO, "n_trials=24", f"train.epochs={2 * KILLS}", "scheduler=constant")
    words += (f"sweep.max_retries={KILLS}",)
    luck = random.Random(0)
    rounds: Counter[str] = Counter()
    command = start(*words)
    while rounds.total() < KILLS:
        if luck.random() < 0.7:  # else it may well be still starting
            wait_until(lambda: bool(owners_of("two")) or not processes_of(own_folder), command)
        time.sleep(luck.uniform(0.0, 5.0))
        target = luck.choice(["worker", "supervisor", "command", "all"])
        if command.text.count("Sweep two:"):
            break
        workers = worker_processes(own_folder)
        if target == "worker" and workers:
            luck.choice(workers).kill()
        elif target == "supervisor" and workers:
            with psutil_errors_ignored():
                psutil.Process(luck.choice(workers).ppid()).kill()
        elif target in ("command", "all"):
            if target == "all":
                for process in processes_of(own_folder):
                    if process.pid != command.pid:
                        with psutil_errors_ignored():
                            process.kill()
            command.send(signal.SIGKILL)
            assert command.end() in (-signal.SIGKILL, 0), command.text  # 0: it was done the moment before
            if target == "command":
                wait_until(lambda: not processes_of(own_folder))
            command = start(*words)
        else:
            continue
        rounds[target] += 1
    code = command.end()
    assert code == 0, command.text
    assert rounds.total() >= KILLS, f"too quick: {rounds}"
    check_whole("two", 24)
    connection = sqlite3.connect(sweep_directory("two").study, timeout=1)
    connection.execute("BEGIN EXCLUSIVE")
    connection.close()


class psutil_errors_ignored:
    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        return kind is not None and issubclass(kind, psutil.Error)


@pytest.mark.fault("the database locked by another program", "said, and waited for")
@pytest.mark.slow
@pytest.mark.timeout(500)
def test_sqlite_locked_by_somebody_for_half_a_minute_is_said_and_survived(start: Start) -> None:
    command = start(*TWO, "n_trials=6", "train.epochs=20", "scheduler=constant")
    wait_until(lambda: len(owners_of("two")) == 2, command)
    blocker = sqlite3.connect(sweep_directory("two").study, timeout=60, isolation_level=None)
    blocker.execute("BEGIN EXCLUSIVE")
    time.sleep(30)
    blocker.rollback()
    blocker.close()
    assert command.end() == 0, command.text
    check_whole("two", 6)
    assert "does not answer (database is locked); waiting for it." in command.text
    assert "answers again after" in command.text


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_job_that_submitit_queues_again_checkpoints_and_continues(start: Start, own_folder: Path) -> None:
    """SIGUSR2 is what submitit's controller and SLURM send before a time limit or a preemption."""
    command = start(
        *TWO, "hydra/launcher=submitit_local", "n_trials=2", "train.epochs=60", "scheduler=constant"
    )
    wait_until(lambda: len(owners_of("two")) == 2, command)
    sweep = sweep_directory("two")
    wait_until(lambda: all(sweep.trial(number).checkpoint.exists() for number in (0, 1)), command)
    lost = worker_processes(own_folder)[0]
    (number,) = [number for number, pid in owners_of("two").items() if pid == lost.pid]
    lost.parent().send_signal(signal.SIGUSR2)
    wait_until(lambda: not lost.is_running(), command)
    assert command.end() == 0, command.text
    check_whole("two", 2)
    trials = trials_of("two")
    assert not any(DEATHS in trial.user_attrs for trial in trials)
    assert "continues after epoch" in sweep.trial(number).log.read_text()
