"""A worker's place on its host: a number that gives it a name, a device and its share of the threads."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from filelock import FileLock

from vggsweep.files import make_directory
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage.file_lock import claim, host_name, is_owned


@dataclass(frozen=True)
class WorkerSlot:
    """The lowest number that no living worker of the sweep has on this host.

    Args:
        number: from 0.
        lock: held as long as the slot is taken.
    """

    number: int
    lock: FileLock

    @property
    def name(self) -> str:
        """The worker's name, such as ``alpha-0``."""
        return f"{host_name()}-{self.number}"


def take_slot(directory: SweepDirectory) -> WorkerSlot:
    """Take the lowest free slot; it is free again when this process ends, however it ends."""
    make_directory(directory.workers)
    locks = (claim(directory.workers / f"{host_name()}-{number}.seat") for number in count())
    return next(WorkerSlot(number, lock) for number, lock in enumerate(locks) if lock is not None)


def any_slot_taken(directory: SweepDirectory) -> bool:
    """Whether a living supervisor of the sweep sits on this host."""
    return any(is_owned(lock) for lock in directory.workers.glob(f"{host_name()}-*.seat"))


def device_of_slot(word: str, slot: int, cuda_devices: int, nproc: int = 1) -> str:
    """The device of a slot: CUDA devices in turn, several workers on one where there are more workers.

    Args:
        word: ``device`` of the configuration; one that names a device is obeyed.
        slot: the worker's number on its host.
        cuda_devices: how many this process sees.
        nproc: devices that a trial needs, from its own on.

    >>> [device_of_slot("auto", slot, 2) for slot in range(3)]
    ['cuda:0', 'cuda:1', 'cuda:0']
    >>> device_of_slot("cuda:1", 0, 2), device_of_slot("auto", 1, 0)
    ('cuda:1', 'auto')
    >>> [device_of_slot("auto", slot, 5, nproc=2) for slot in range(3)]
    ['cuda:0', 'cuda:2', 'cuda:0']
    """
    if word in ("auto", "cuda") and cuda_devices:
        places = max(1, cuda_devices // nproc)
        return f"cuda:{slot % places * nproc}"
    return word
