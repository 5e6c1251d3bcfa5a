"""A Ray cluster of two nodes, both on this machine: a worker on each, and one node that dies."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.sweep.postgres import free_port
from tests.sweep.workers.observed import CHECKOUT, check_whole, owners_of, wait_until
from vggsweep.results.disk.layout import sweep_directory

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("nothing_left_behind")]
PROGRAM = Path(sys.executable).with_name("ray")


@dataclass(frozen=True)
class RayCluster:
    """Two nodes with one processor each, so that each has room for one worker.

    Args:
        address: of the head.
        head, second: the commands that hold the nodes.
    """

    address: str
    head: subprocess.Popen[bytes]
    second: subprocess.Popen[bytes]


@contextmanager
def node(*words: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """``ray start --block``: what it starts ends with it; ``ray stop`` would end other people's clusters."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, "start", *words, "--num-cpus=1", "--num-gpus=0", "--block", "--disable-usage-stats"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a node and all that it started."""
    if process.poll() is not None:
        return
    members = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    process.wait(60)
    _, left = psutil.wait_procs(members, timeout=15)
    for member in left:
        member.kill()


@pytest.fixture
def cluster(own_folder: Path, nothing_left_behind: None) -> Iterator[RayCluster]:
    pytest.importorskip("ray", reason="pip install 'vggsweep[ray]'")
    port = free_port()
    home = Path(tempfile.mkdtemp(prefix="vr-", dir="/tmp"))  # sockets have short paths
    try:
        with ExitStack() as nodes:
            head = nodes.enter_context(
                node(
                    "--head",
                    f"--port={port}",
                    "--include-dashboard=false",
                    f"--temp-dir={home}",
                    log=home / "head.txt",
                )
            )
            wait_until(lambda: "Ray runtime started" in (home / "head.txt").read_text())
            second = nodes.enter_context(node(f"--address=127.0.0.1:{port}", log=home / "second.txt"))
            wait_until(lambda: "Ray runtime started" in (home / "second.txt").read_text())
            yield RayCluster(f"127.0.0.1:{port}", head, second)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def start(cluster: RayCluster, tiny_line: tuple[str, ...]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    begun: list[subprocess.Popen[str]] = []

    def begin(*words: str) -> subprocess.Popen[str]:
        own = {word.partition("=")[0] for word in words}
        line = [word for word in tiny_line if word.partition("=")[0] not in own]
        line += ["-m", *words, "n_workers=2", "hydra/launcher=ray"]
        begun.append(
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "vggsweep", *line),
                    f"+hydra.launcher.ray.init.address='{cluster.address}'",
                    "+hydra.launcher.ray.remote.num_cpus=1",
                ],
                env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return begun[-1]

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


def raylet_of(pid: int) -> psutil.Process:
    """The process of the node that a worker belongs to."""
    return next(one for one in psutil.Process(pid).parents() if one.name() == "raylet")


def test_each_node_of_a_ray_cluster_has_a_worker_and_one_continues_the_trial_of_the_other(
    start: Callable[..., subprocess.Popen[str]], cluster: RayCluster
) -> None:
    sweep = sweep_directory("nodes")
    command = start("arch.width=4,8", "train.epochs=80", "scheduler=constant", "sweep.name=nodes")
    wait_until(lambda: command.poll() is not None or len(owners_of("nodes")) == 2)
    assert command.poll() is None
    raylets = {number: raylet_of(pid) for number, pid in owners_of("nodes").items()}
    assert len({raylet.pid for raylet in raylets.values()}) == 2
    (lost,) = [number for number, raylet in raylets.items() if raylet.ppid() == cluster.second.pid]
    wait_until(sweep.trial(lost).checkpoint.exists)
    raylets[lost].kill()  # told to end, it would wait for its worker
    said, _ = command.communicate(timeout=300)
    assert command.returncode == 0, said
    check_whole("nodes", 2)
    assert "continues after epoch" in sweep.trial(lost).log.read_text()
