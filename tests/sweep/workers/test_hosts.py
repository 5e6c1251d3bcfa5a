"""Several hosts under one sweep: one dies, its database restarts, and the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from tests.sweep.postgres import DATABASE_PASSWORD, Server
from tests.sweep.workers.observed import CHECKOUT, records_of, trials_of, wait_until
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.results.disk.record import read_record
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.scheduling.ownership import owner_of
from vggsweep.sweep.storage.trial_attrs import DEATHS, counted

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_host_with_the_same_files_continues_the_trial_of_a_dead_one_from_its_checkpoint(
    server: Server, own_folder: Path, tiny_line: tuple[str, ...]
) -> None:
    """Both hosts see one ``outputs/``; they cannot ask each other's locks."""
    words = (
        "-m",
        "arch.width=4,8",
        "n_trials=2",
        "train.epochs=60",
        "scheduler=constant",
        "sweep.lease=2",
        f"sweep.storage={server.url}",
        "sweep.name=common",
    )
    tiny = [word for word in tiny_line if not word.startswith(("arch.width=", "train.epochs="))]
    directory = sweep_directory("common")

    def begin(host: str) -> subprocess.Popen[bytes]:
        with (own_folder / f"{host}.txt").open("wb") as errors:
            return subprocess.Popen(
                [sys.executable, "-m", "vggsweep", *tiny, *words],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT), "VGGSWEEP_HOST": host},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    alpha = begin("alpha")
    try:
        wait_until(directory.trial(0).checkpoint.exists)
    finally:
        alpha.kill()
        alpha.wait()
    beta = begin("beta")
    try:
        assert beta.wait(300) == 0, (own_folder / "beta.txt").read_text()
    finally:
        beta.kill()
        beta.wait()
    trials = counted(trials_of("common", server.url))
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    assert [trial.number for trial in trials if DEATHS in trial.user_attrs] == [0]
    assert {owner.host for trial in trials if (owner := owner_of(trial)) is not None} == {"beta"}
    assert "continues after epoch" in directory.trial(0).log.read_text()
    assert [record.metrics["val_acc"] for record in records_of(directory)] == [t.value for t in trials]


@pytest.mark.fault(
    "two hosts on PostgreSQL, one dies, the server restarts",
    "the other continues its trial; nobody is interrupted",
)
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_hosts_share_a_sweep_one_dies_and_the_server_restarts(
    server: Server, own_folder: Path, tiny_line: tuple[str, ...]
) -> None:
    """Each host has its own output root; nothing but the database is shared."""
    words = [
        "-m",
        "arch.width=range(2,40)",
        "n_trials=12",
        "train.epochs=30",
        "scheduler=constant",
        "hydra/sweeper/sampler=random",
        "sweep.lease=3",
        f"sweep.storage='postgresql://sweeper:${{oc.env:DB_PASSWORD}}@127.0.0.1:{server.port}/postgres'",
        "sweep.name=shared",
    ]
    tiny = [word for word in tiny_line if not word.startswith(("arch.width=", "train.epochs="))]
    hosts = {}
    for host in ("alpha", "beta"):
        folder = own_folder / host
        folder.mkdir()
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "VGGSWEEP_HOST": host}
        environment |= {"DB_PASSWORD": DATABASE_PASSWORD, "OMP_NUM_THREADS": "1"}
        environment.pop("PGPASSWORD", None)
        with (folder / "errors.txt").open("wb") as errors:
            hosts[host] = subprocess.Popen(
                [sys.executable, "-m", "vggsweep", *tiny, *words],
                cwd=folder,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
    study_directory = SweepDirectory(own_folder / "beta" / "outputs" / "shared")

    studies: list[optuna.Study] = []

    def trials() -> list[FrozenTrial]:
        if not studies:
            studies.append(read_study(study_directory, server.url))
        return studies[0].get_trials(deepcopy=False)

    def hosts_at_work() -> set[str]:
        for process in hosts.values():
            assert process.poll() is None, (own_folder / "beta" / "errors.txt").read_text()
        if not list(own_folder.glob("*/outputs/shared/trials/*/trial.owner")):
            return set()
        owners = [owner_of(trial) for trial in trials() if trial.state is TrialState.RUNNING]
        return {owner.host for owner in owners if owner is not None}

    try:
        wait_until(lambda: hosts_at_work() == {"alpha", "beta"})
        (lost,) = [
            trial.number
            for trial in trials()
            if trial.state is TrialState.RUNNING and owner_of(trial).host == "alpha"  # type: ignore[union-attr]
        ]
        hosts["alpha"].kill()
        server.stop()
        time.sleep(12)
        server.start()
        assert hosts["beta"].wait(600) == 0, (own_folder / "beta" / "errors.txt").read_text()
    finally:
        for process in hosts.values():
            process.kill()
            process.wait()
    finished = counted(trials())
    assert len(finished) == 12
    by_host = Counter(owner.host for trial in finished if (owner := owner_of(trial)) is not None)
    assert set(by_host) <= {"alpha", "beta"}
    owner = owner_of(finished[[trial.number for trial in finished].index(lost)])
    assert owner is not None
    assert owner.host == "beta"
    for trial in finished:
        host = owner_of(trial).host  # type: ignore[union-attr]
        place = SweepDirectory(own_folder / host / "outputs" / "shared").trial(trial.number)
        assert read_record(place.record).metrics["val_acc"] == trial.value
    records = list(own_folder.glob("*/outputs/shared/trials/*/record.json"))
    assert len(records) == 12
    assert "does not answer" in (own_folder / "beta" / "errors.txt").read_text()
    for path in own_folder.rglob("*"):
        if path.is_file():
            assert DATABASE_PASSWORD.encode() not in path.read_bytes(), path
