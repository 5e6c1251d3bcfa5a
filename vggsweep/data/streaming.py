"""Batches read by worker processes, for image sets that do not fit on the device."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from vggsweep.data.batches import Batch, BatchPlan, Finish
from vggsweep.data.images import Images
from vggsweep.data.order import IndexArray
from vggsweep.data.transport import can_hand_over, cannot_start, check_processes, shared
from vggsweep.errors import DataError

Raw = Tensor | NDArray[np.generic]
RawBatch = tuple[Raw, Raw] | DataError
CONNECTION_ERRORS = (ConnectionError, FileNotFoundError, EOFError)


class StreamingBatches:
    """A batch source that reads ahead with worker processes; the images stay where they are.

    Workers read and decode; preprocessing and augmentation happen on the device, by the same code as in
    `ResidentBatches`, so that both give equal batches.

    Args:
        images: the split.
        indices: which of its images belong to this source.
        plan: order and size of the batches.
        finish: preprocessing and augmentation.
        workers: processes; 0 reads in this one. They start with the first epoch and stay until `close`.
        tell_all: from the error of one batch to one that names what is wrong in the others too.
    """

    def __init__(
        self,
        images: Images,
        indices: IndexArray,
        plan: BatchPlan,
        finish: Finish,
        workers: int,
        tell_all: Callable[[DataError], DataError] = lambda error: error,
    ) -> None:
        self._plan = plan
        self._finish = finish
        self._reader = _Reader(images, indices)
        self._workers = workers
        self._tell_all = tell_all
        self._order = _EpochOrder(plan)
        self._loader: DataLoader[RawBatch] | None = None

    @property
    def num_images(self) -> int:
        """Images in the set."""
        return self._plan.num_images

    @property
    def batch_size(self) -> int:
        """Images in every batch but the last."""
        return self._plan.batch_size

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return self._plan.steps_per_epoch

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Batches of one epoch, on the device; see `BatchSource.epoch`.

        Raises:
            DataError: a picture cannot be read, or a worker died.
        """
        draws = self._finish.draws(epoch)
        self._order.epoch = epoch
        try:
            for raw, size in zip(self._raw_batches(), self._plan.sizes, strict=True):
                if isinstance(raw, DataError):
                    raise self._tell_all(raw)
                images, labels = (
                    torch.as_tensor(part).to(self._finish.device, non_blocking=True) for part in raw
                )
                yield self._finish(images, labels, draws, self._plan.place(self._plan.share.begin(size)))
        except (RuntimeError, OSError, EOFError) as error:
            if not _is_worker_death(error):
                raise
            self.close()
            reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
            raise DataError(
                f"A process that loads images died ({reason}). Usually memory, or /dev/shm in a container, "
                f"ran out: try fewer than dataset.workers={self._workers}, dataset.workers=0, or "
                "dataset.loader=resident."
            ) from error

    def close(self) -> None:
        """End the worker processes; a later `epoch` starts new ones."""
        loader, self._loader = self._loader, None
        iterator = getattr(loader, "_iterator", None)
        if iterator is not None and self._workers:
            # torch has no public way to end persistent workers but to hope for the garbage collector
            iterator._shutdown_workers()

    def _raw_batches(self) -> Iterator[RawBatch]:
        self._loader = self._loader or self._start()
        try:
            with _interrupts_blocked():
                batches = iter(self._loader)  # the first time, this starts the workers
        except OSError as error:
            self._loader = None
            raise cannot_start(self._workers, error) from error
        try:
            yield from batches
        except CONNECTION_ERRORS:
            # torch raises its own report of a dead worker from a signal handler, close behind the broken
            # connection. Let it come here, not in the middle of cleaning up.
            time.sleep(1 if self._workers else 0)
            raise

    def _start(self) -> DataLoader[RawBatch]:
        if self._workers:
            check_processes(self._workers)
            self._reader.send = shared if can_hand_over() else _unchanged
        return DataLoader(
            self._reader,
            batch_size=None,  # the sampler gives whole batches of positions
            sampler=self._order,
            num_workers=self._workers,
            collate_fn=_unchanged,
            pin_memory=self._finish.device.type == "cuda",
            persistent_workers=self._workers > 0,
            prefetch_factor=4 if self._workers else None,
            worker_init_fn=_ignore_interrupts,
            # without its own, the loader takes a number from torch's global generator each epoch, and a
            # resumed run would no longer equal an uninterrupted one
            generator=torch.Generator(),
        )


class _Reader(Dataset[RawBatch]):
    """Runs in the workers: positions in, pixels and labels out."""

    def __init__(self, images: Images, indices: IndexArray) -> None:
        self._images = images
        self._indices = indices
        self.send: Callable[[NDArray[Any]], Raw] = torch.from_numpy

    def __getitem__(self, positions: IndexArray) -> RawBatch:
        chosen = self._indices[positions]
        try:
            pixels = self._images.read(chosen)
        except DataError as error:
            return error  # raised in a worker, it would come out wrapped in a traceback
        return self.send(pixels), self.send(self._images.labels[chosen])


class _EpochOrder:
    """The batches of the epoch that is set; the loader asks once an epoch, in this process."""

    def __init__(self, plan: BatchPlan) -> None:
        self._plan = plan
        self.epoch = 0

    def __iter__(self) -> Iterator[IndexArray]:
        return iter(self._plan.batches(self.epoch))

    def __len__(self) -> int:
        return self._plan.steps_per_epoch


def _is_worker_death(error: Exception) -> bool:
    """Whether a worker is gone: torch says so itself, or the connection to it broke first.

    An error *inside* a worker, which torch passes on as "Caught …", is something else.
    """
    is_connection = isinstance(error, CONNECTION_ERRORS)
    return "DataLoader worker (pid" in str(error) or (is_connection and not str(error).startswith("Caught"))


def _unchanged(raw: Any) -> Any:
    """The reader gives whole batches: nothing is left to collate, and arrays go as they are."""
    return raw


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Ctrl-C waits; a worker started meanwhile is safe until it gets to `_ignore_interrupts`."""
    if sys.platform == "win32":  # no such mask
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _ignore_interrupts(worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; the training process decides when to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
