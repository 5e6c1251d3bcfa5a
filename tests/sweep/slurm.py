"""A SLURM cluster of one node: munged, slurmctld and slurmd of the test's own, on this machine.

It counts more cores than there are, and GPUs that are only numbers, so that the preset runs as it is.
"""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun")
SYSTEM_PATH = os.pathsep.join((os.environ["PATH"], "/usr/sbin", "/sbin"))
PATIENCE = 60

# A job that was queued again begins when its old credential has expired: after two minutes by default.
# `low` gives way to `high`: its jobs have `GraceTime` seconds, and are queued again
CONFIGURATION = """\
ClusterName=vggsweep
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={home}/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,requeue_delay=0
ReturnToService=2
KillWait=20
InactiveLimit=0
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=1000 Gres=gpu:2 State=UNKNOWN
PartitionName=low Nodes={host} Default=YES PriorityTier=1 GraceTime=15 MaxTime=INFINITE State=UP
PartitionName=high Nodes={host} PriorityTier=9 PreemptMode=OFF MaxTime=INFINITE State=UP
"""


def missing_program() -> str | None:
    """The first program that this machine lacks."""
    return next((name for name in PROGRAMS if shutil.which(name, path=SYSTEM_PATH) is None), None)


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Args:
        home: its files.
    """

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need to find it."""
        return {"SLURM_CONF": str(self.home / "slurm.conf")}

    def run(self, *words: str) -> str:
        """What one of SLURM's commands answers."""
        done = subprocess.run(
            words, env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, f"{words}: {done.stderr}{self.log()}"
        return done.stdout

    def jobs(self) -> dict[str, str]:
        """Jobs that are queued or run, with the state of each."""
        lines = self.run("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def end_all_jobs(self) -> None:
        """Leave no job behind."""
        for job in self.jobs():
            subprocess.run(["scancel", job], env={**os.environ, **self.environment})
        deadline = time.monotonic() + PATIENCE
        while self.jobs():
            assert time.monotonic() < deadline, self.jobs()
            time.sleep(0.2)

    def log(self) -> str:
        texts = [path.read_text(errors="replace")[-2000:] for path in self.home.glob("*.log")]
        return "\n".join(["", *texts])


@contextmanager
def running_cluster(home: Path, ports: tuple[int, int]) -> Iterator[Cluster]:
    """Start the daemons, in the foreground as children of this process, and end them."""
    home.chmod(0o755)  # munged wants its socket where everybody may go
    for name in ("state", "spool"):
        (home / name).mkdir()
    key = home / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    text = CONFIGURATION.format(
        host=host, user=getpass.getuser(), home=home, controller_port=ports[0], node_port=ports[1]
    )
    (home / "slurm.conf").write_text(text)
    (home / "gres.conf").write_text("Name=gpu File=/dev/zero\nName=gpu File=/dev/full\n")
    cluster = Cluster(home)
    names = {"socket": "socket", "key-file": "key", "pid-file": "pid", "seed-file": "seed"}
    munged = ["munged", "--foreground", *(f"--{word}={home}/munge.{name}" for word, name in names.items())]
    configuration = str(home / "slurm.conf")
    with ExitStack() as daemons:
        daemons.enter_context(daemon(munged, home))
        wait_until((home / "munge.socket").exists, cluster)
        for program in ("slurmctld", "slurmd"):
            daemons.enter_context(daemon([program, "-D", "-f", configuration], home))
        wait_until(lambda: is_idle(cluster), cluster)
        try:
            yield cluster
        finally:
            cluster.end_all_jobs()


@contextmanager
def daemon(words: list[str], home: Path) -> Iterator[None]:
    program = shutil.which(words[0], path=SYSTEM_PATH)
    assert program is not None
    with (home / f"{words[0]}.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *words[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": SYSTEM_PATH, "SLURM_CONF": str(home / "slurm.conf")},
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def is_idle(cluster: Cluster) -> bool:
    done = subprocess.run(
        ["sinfo", "--noheader", "--format=%T"],
        env={**os.environ, **cluster.environment},
        capture_output=True,
        text=True,
    )
    return done.stdout.split() == ["idle"]


def wait_until(claim: object, cluster: Cluster) -> None:
    assert callable(claim)
    deadline = time.monotonic() + PATIENCE
    while not claim():
        assert time.monotonic() < deadline, cluster.log()
        time.sleep(0.2)
