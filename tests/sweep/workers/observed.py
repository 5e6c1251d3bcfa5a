"""What tests of several worker processes ask: which there are, what they train, whether a sweep is whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil  # type: ignore[import-untyped]
from optuna.trial import FrozenTrial, TrialState

from tests.processes import Command
from vggsweep.errors import SweepError
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.scheduling.ownership import owner_of
from vggsweep.sweep.storage.trial_attrs import counted

CHECKOUT = Path(__file__).parents[3]
PATIENCE = 120


def trials_of(name: str, storage: str | None = None) -> list[FrozenTrial]:
    return read_study(sweep_directory(name), storage).get_trials(deepcopy=False)


def records_of(sweep: SweepDirectory) -> list[Record]:
    records, damaged = read_records(sweep.path)
    assert damaged == []
    return [record for _, record in records]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Processes that work in the test's folder: commands, supervisors, workers."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and process.pid != os.getpid():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def worker_processes(folder: Path) -> list[psutil.Process]:
    return [
        one for one in processes_of(folder) if "vggsweep.sweep.workers.process" in " ".join(one.cmdline())
    ]


def wait_until(claim: Callable[[], bool], command: Command | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, command.text if command is not None else ""
        time.sleep(0.1)


def owners_of(name: str) -> dict[int, int]:
    """Process by trial, of the trials that run."""
    if not sweep_directory(name).study.exists():
        return {}
    try:
        running = [trial for trial in trials_of(name) if trial.state is TrialState.RUNNING]
    except SweepError:  # the command is just creating it
        return {}
    return {trial.number: owner.pid for trial in running if (owner := owner_of(trial)) is not None}


def check_whole(name: str, total: int) -> list[Record]:
    """Exactly so many trials, each finished once, with records that agree with the study."""
    sweep = sweep_directory(name)
    trials, records = counted(trials_of(name)), records_of(sweep)
    assert len(trials) == total
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * total
    assert [record.trial for record in records] == [trial.number for trial in trials]
    assert [record.metrics["val_acc"] for record in records] == [trial.value for trial in trials]
    assert len({record.configuration_hash for record in records}) == total
    assert not list(sweep.path.rglob("*.tmp"))
    return records
