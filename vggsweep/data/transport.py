"""How batches come from worker processes: in shared memory, or through a pipe where that cannot work.

Shared memory saves a copy, and needs room in /dev/shm and, to hand over the file behind it, a socket below
the temporary folder. Where either is missing, torch's queue loses the batch in a thread of its own and the
training waits for ever; so it is tried before.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing.connection import Listener
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vggsweep.errors import DataError

SHARED_MEMORY = Path("/dev/shm")


def check_processes(workers: int) -> None:
    """Refuse to start processes that could not talk to this one.

    Raises:
        DataError: this machine gives no semaphore, such as with a full /dev/shm.
    """
    try:
        # three per queue, and torch's own; were they to run out half-way, its clean-up would print tracebacks
        enough = [multiprocessing.Semaphore() for _ in range(3 * workers + 12)]
        del enough
    except (OSError, ImportError) as error:
        raise cannot_start(workers, error) from error


def cannot_start(workers: int, error: Exception) -> DataError:
    """The error for processes that the system refuses."""
    reason = getattr(error, "strerror", None) or (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(
        f"The {workers} processes that load images cannot start ({reason}). They need room in "
        f"{SHARED_MEMORY} and a free process each: make some, or use dataset.workers=0 or "
        "dataset.loader=resident."
    )


def can_hand_over() -> bool:
    """Whether a file can be handed over: a socket fits below the temporary folder.

    Its path may have 107 bytes; the folder of a cluster's job is often longer, full or gone.
    """
    if sys.platform != "linux":
        return True
    try:
        Listener(family="AF_UNIX").close()
    except OSError:
        return False
    return True


def shared(array: NDArray[np.generic]) -> Tensor | NDArray[np.generic]:
    """The array in shared memory; as it is, for the pipe, where that has no room."""
    try:
        if sys.platform == "linux":
            state = os.statvfs(SHARED_MEMORY)
            # a write beyond the end of a full file system would kill the process
            if state.f_bavail * state.f_frsize < 2 * array.nbytes:
                return array
        tensor: Tensor = torch.from_numpy(array).share_memory_()  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError):
        return array
    return tensor
