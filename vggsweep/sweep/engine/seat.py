"""A worker's place on its host: a number that gives it a name, a device and its share of the threads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from filelock import FileLock

from vggsweep.files import make_directory
from vggsweep.results.layout import SweepDirectory
from vggsweep.sweep.locks import claim, host_name, is_owned

# Who sets one of these has shared the cores out already (a person, joblib, Ray).
THREAD_VARIABLES = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK")


@dataclass(frozen=True)
class Seat:
    """The lowest number that no living worker of the sweep has on this host.

    Args:
        number: from 0.
        lock: held as long as the seat is taken.
    """

    number: int
    lock: FileLock

    @property
    def name(self) -> str:
        """The worker's name, such as ``alpha-0``."""
        return f"{host_name()}-{self.number}"


def take_seat(directory: SweepDirectory) -> Seat:
    """Take the lowest free seat; it is free again when this process ends, however it ends."""
    make_directory(directory.workers)
    number = 0
    while True:
        lock = claim(directory.workers / f"{host_name()}-{number}.seat")
        if lock is not None:
            return Seat(number, lock)
        number += 1


def any_seat_taken(directory: SweepDirectory) -> bool:
    """Whether a living keeper of the sweep sits on this host."""
    return any(is_owned(lock) for lock in directory.workers.glob(f"{host_name()}-*.seat"))


def device_of_seat(word: str, seat: int, cuda_devices: int) -> str:
    """The device of a seat: CUDA devices in turn, several workers on one where there are more workers.

    Args:
        word: ``device`` of the configuration; one that names a device is obeyed.
        seat: the worker's number on its host.
        cuda_devices: how many this process sees.

    >>> [device_of_seat("auto", seat, 2) for seat in range(3)]
    ['cuda:0', 'cuda:1', 'cuda:0']
    >>> device_of_seat("cuda:1", 0, 2), device_of_seat("auto", 1, 0)
    ('cuda:1', 'auto')
    """
    if word in ("auto", "cuda") and cuda_devices:
        return f"cuda:{seat % cuda_devices}"
    return word


def threads_of_worker(workers: int, cores: int, environment: Mapping[str, str]) -> int:
    """CPU threads of one of several workers.

    Args:
        workers: on this host.
        cores: that this process may use.
        environment: where cores may have been shared out already.

    >>> threads_of_worker(4, 16, {}), threads_of_worker(4, 2, {})
    (4, 1)
    >>> threads_of_worker(2, 16, {"OMP_NUM_THREADS": "3"})
    3
    """
    for variable in THREAD_VARIABLES:
        if environment.get(variable, "").isdecimal():
            return max(1, int(environment[variable]))
    return max(1, cores // workers)
