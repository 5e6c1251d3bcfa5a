"""The preset on a real SLURM of one node: jobs queued again, preempted, cancelled, and left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sweep.postgres import free_port
from tests.sweep.slurm import Cluster, missing_program, running_cluster
from tests.sweep.workers.observed import CHECKOUT, check_whole, trials_of, wait_until
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.sweep.storage.trial_attrs import DEATHS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("nothing_left_behind")]
# long enough to be met in the middle
LONG = ("train.epochs=80", "scheduler=constant")


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    if (name := missing_program()) is not None:
        pytest.skip(f"there is no {name}: apt-get install munge slurmctld slurmd slurm-client")
    pytest.importorskip("submitit", reason="pip install 'vggsweep[slurm]'")
    with (
        tempfile.TemporaryDirectory(prefix="vggsweep-slurm-") as home,
        running_cluster(Path(home), (free_port(), free_port())) as cluster,
    ):
        yield cluster


@pytest.fixture
def cluster(running: Cluster, nothing_left_behind: None) -> Iterator[Cluster]:
    yield running
    running.end_all_jobs()


@dataclass
class Line:
    """One command with the preset, in the test's folder."""

    process: subprocess.Popen[str]

    def end(self) -> tuple[int, str]:
        """Its exit code, and all that it said."""
        said, _ = self.process.communicate(timeout=300)
        return self.process.returncode, said


@pytest.fixture
def start(cluster: Cluster, tiny_line: tuple[str, ...]) -> Iterator[Callable[..., Line]]:
    """``start("sweep.name=s")``: two jobs, two networks, unless the words say otherwise."""
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str, widths: str = "4,8") -> Line:
        own = {word.partition("=")[0] for word in (*words, "arch.width=")}
        tiny = [word for word in tiny_line if word.partition("=")[0] not in own]
        line = [*tiny, "-m", f"arch.width={widths}", "n_workers=2", "hydra/launcher=slurm", *words]
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "vggsweep", *line],
                env={**os.environ, **cluster.environment, "PYTHONPATH": str(CHECKOUT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return Line(begun[-1])

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def deaths(name: str) -> dict[int, int]:
    return {one.number: one.user_attrs[DEATHS] for one in trials_of(name) if DEATHS in one.user_attrs}


def both_have_a_checkpoint(sweep: SweepDirectory) -> Callable[[], bool]:
    return lambda: all(sweep.trial(number).checkpoint.exists() for number in (0, 1))


def continued(sweep: SweepDirectory) -> list[int]:
    """Trials that went on from a checkpoint."""
    return [n for n in (0, 1) if "continues after epoch" in sweep.trial(n).log.read_text()]


def test_preset_trains_a_sweep_in_two_jobs(start: Callable[..., Line], own_folder: Path) -> None:
    code, said = start("sweep.name=plain", widths="2,4,6,8").end()
    assert code == 0, said
    check_whole("plain", 4)
    assert len(list(own_folder.glob("outputs/plain/.submitit/*/*_result.pkl"))) == 2


@pytest.mark.parametrize("detach", ["false", "true"])
def test_warned_jobs_are_queued_again_and_their_trials_continue(
    detach: str, start: Callable[..., Line], cluster: Cluster
) -> None:
    sweep = sweep_directory("warned")
    line = start(*LONG, f"sweep.detach={detach}", "sweep.name=warned")
    wait_until(both_have_a_checkpoint(sweep))
    jobs = list(cluster.jobs())
    cluster.run("scancel", "--signal=USR2", *jobs)
    code, said = line.end()
    assert code == 0, said
    wait_until(lambda: not cluster.jobs())
    check_whole("warned", 2)
    assert continued(sweep) == [0, 1]
    assert deaths("warned") == {}
    assert all("Restarts=1" in cluster.run("scontrol", "show", "job", job) for job in jobs)


def test_preempted_jobs_wait_for_the_other_job_and_continue(
    start: Callable[..., Line], cluster: Cluster, own_folder: Path
) -> None:
    sweep = sweep_directory("preempted")
    line = start(*LONG, "sweep.name=preempted")
    wait_until(both_have_a_checkpoint(sweep))
    jobs = list(cluster.jobs())
    cluster.run("sbatch", "--partition=high", "--exclusive", "--output=/dev/null", "--wrap=sleep 2")
    code, said = line.end()
    assert code == 0, said
    check_whole("preempted", 2)
    assert continued(sweep) == [0, 1]
    assert all("Restarts=1" in cluster.run("scontrol", "show", "job", job) for job in jobs)


def test_job_that_an_administrator_queues_again_continues(
    start: Callable[..., Line], cluster: Cluster
) -> None:
    sweep = sweep_directory("requeued")
    line = start(*LONG, "sweep.name=requeued")
    wait_until(both_have_a_checkpoint(sweep))
    cluster.run("scontrol", "requeue", sorted(cluster.jobs())[0])
    code, said = line.end()
    assert code == 0, said
    check_whole("requeued", 2)
    assert len(continued(sweep)) == 1


def test_trial_of_a_cancelled_job_is_continued_by_the_other(
    start: Callable[..., Line], cluster: Cluster
) -> None:
    sweep = sweep_directory("cancelled")
    line = start(*LONG, "sweep.name=cancelled")
    wait_until(both_have_a_checkpoint(sweep))
    cluster.run("scancel", sorted(cluster.jobs())[0])
    code, said = line.end()
    assert code == 0, said
    check_whole("cancelled", 2)
    assert len(continued(sweep)) == 1


def test_same_command_continues_after_all_jobs_were_cancelled(
    start: Callable[..., Line], cluster: Cluster
) -> None:
    sweep = sweep_directory("ended")
    words = (*LONG, "sweep.name=ended")
    line = start(*words)
    wait_until(both_have_a_checkpoint(sweep))
    cluster.run("scancel", *cluster.jobs())
    code, said = line.end()
    assert code == 130, said
    assert "continue" in said
    code, said = start(*words).end()
    assert code == 0, said
    check_whole("ended", 2)
    assert continued(sweep) == [0, 1]


@pytest.fixture
def closed_partition(cluster: Cluster) -> Iterator[Callable[[], None]]:
    """Jobs stay in the queue until it is opened."""

    def set_state(state: str) -> None:
        cluster.run("scontrol", "update", "PartitionName=low", f"State={state}")

    set_state("DOWN")
    yield lambda: set_state("UP")
    set_state("UP")


def test_detached_sweep_is_joined_goes_on_alone_and_closes_itself(
    start: Callable[..., Line], cluster: Cluster, closed_partition: Callable[[], None]
) -> None:
    sweep = sweep_directory("alone")
    words = ("sweep.detach=true", "sweep.name=alone")
    code, said = start(*words).end()
    assert code == 0, said
    jobs = sorted(cluster.jobs())
    assert cluster.jobs() == dict.fromkeys(jobs, "PENDING")
    assert f"2 queued ({', '.join(jobs)})" in said
    assert "vggsweep status alone --watch" in said

    code, said = start(*words).end()
    assert code == 0, said
    assert f"2 already queued or running ({', '.join(jobs)}), none is added" in said
    assert sorted(cluster.jobs()) == jobs

    cluster.run("scancel", jobs[0])
    wait_until(lambda: list(cluster.jobs()) == jobs[1:])
    code, said = start(*words).end()
    assert code == 0, said
    assert f"1 already queued or running ({jobs[1]}), 1 queued (" in said

    closed_partition()
    wait_until(lambda: not cluster.jobs())
    check_whole("alone", 2)
    assert sweep.table.read_text().count("COMPLETE") == 2
    assert all(path.is_file() for path in (sweep.front, sweep.best))

    code, said = start(*words).end()
    assert code == 0, said
    assert "all its trials are done (2 COMPLETE)" in said
    assert not cluster.jobs()


def test_refusal_of_the_queue_is_one_paragraph(start: Callable[..., Line]) -> None:
    line = start("sweep.detach=true", "hydra.launcher.partition=nowhere", "sweep.name=refused")
    code, said = line.end()
    assert code == 1, said
    assert "vggsweep: SLURM took no jobs: sbatch: error: invalid partition specified: nowhere" in said
    assert "Traceback" not in said
