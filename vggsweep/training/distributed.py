"""Several processes that train one network together, with torch's DistributedDataParallel.

Each has its rows of every batch (`vggsweep.data.batches.Share`) and the same network; gradients are averaged
so that every step is the one that a single process would take with the whole batch.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from inspect import signature
from threading import Event
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import Store, TCPStore
from torch.nn.parallel import DistributedDataParallel

from vggsweep.data.batches import Share
from vggsweep.training.shared_layers import share_layers

if TYPE_CHECKING:
    from vggsweep.training.loop import Training
    from vggsweep.training.step import EagerStep

# How long one process waits for another in one exchange; the first also writes checkpoints meanwhile.
PATIENCE = timedelta(minutes=10)
ADDRESS = "127.0.0.1"


class Ranks:
    """This process among those that train one network; every method is called by all of them alike.

    Args:
        share: of each batch that this process takes.
        device: where it trains.
        is_custom: whether the network is a person's own, which may leave parameters unused.
    """

    def __init__(self, share: Share, device: torch.device, *, is_custom: bool = False) -> None:
        self.share = share
        self.device = device
        self.is_custom = is_custom
        self.has_lost_one = Event()
        self._training: Training | None = None

    @property
    def epochs_done(self) -> int:
        """Epochs that the training has finished."""
        return len(self._training.history) if self._training is not None else 0

    def spread(self, network: nn.Module) -> nn.Module:
        """Let batch norm and dropout see the whole batch; to be done before anything copies the network."""
        return share_layers(network, self.share)

    def averaging(self, network: nn.Module) -> nn.Module:
        """The network whose backward pass averages gradients over all processes while it goes on."""
        has_new_name = "forward_sync_buffers" in signature(DistributedDataParallel).parameters  # torch 2.14
        # buffers are the same everywhere: statistics are those of the whole batch
        kept: dict[str, Any] = {"forward_sync_buffers" if has_new_name else "broadcast_buffers": False}
        return DistributedDataParallel(
            network,
            device_ids=[self.device] if self.device.type == "cuda" else None,
            gradient_as_bucket_view=True,
            **kept,
            find_unused_parameters=self.is_custom,
        )

    def weighed(self, loss: Tensor, images: int) -> Tensor:
        """The loss of this process's images, so that the average over processes is that of the batch.

        Args:
            loss: mean over the images.
            images: this process's, of the present batch.
        """
        return loss * (images * self.share.of / self.share.size)

    def add_up(self, *tensors: Tensor) -> None:
        """Make each tensor the sum over all processes, in place.

        Raises:
            ConnectionError: a process was lost meanwhile, and the sums are wrong.
        """
        for tensor in tensors:
            dist.all_reduce(tensor)
        self._check()

    def join(self, sums: EagerStep) -> None:
        """Make an epoch's sums those of all processes, in place."""
        self.add_up(sums.loss_sum, sums.hits)
        step = sums.first_bad_step  # the earliest counts, and -1 stands for none
        never = torch.iinfo(step.dtype).max
        step.masked_fill_(step < 0, never)
        dist.all_reduce(step, dist.ReduceOp.MIN)
        step.masked_fill_(step == never, -1)
        self._check()

    def agree(self, training: Training) -> None:
        """Take over the state of the first process, which may come from a checkpoint."""
        self._training = training
        content: list[bytes | None] = [None]
        if self.share.rank == 0:
            buffer = io.BytesIO()
            torch.save(training.state_dict(), buffer)
            content = [buffer.getvalue()]
        dist.broadcast_object_list(content, src=0, device=torch.device("cpu"))
        if self.share.rank > 0:
            assert content[0] is not None
            state = torch.load(io.BytesIO(content[0]), map_location="cpu", weights_only=True)
            training.load_state_dict(state)

    def _check(self) -> None:
        if self.has_lost_one.is_set():  # NCCL's exchange was broken off, which by itself is no error
            raise ConnectionError("another process was lost")

    def give_up(self) -> None:
        """Break off what waits for a lost process; called by another thread. gloo notices by itself."""
        self.has_lost_one.set()
        self.break_off()

    def break_off(self) -> None:
        """End NCCL's exchanges, which otherwise wait for ever."""
        if self.device.type == "cuda" and dist.is_initialized():
            dist.distributed_c10d._abort_process_group()


def open_store(of: int) -> TCPStore:
    """Where the processes find each other, on this machine alone; the first one opens it."""
    listening = socket.socket()
    listening.bind((ADDRESS, 0))
    listening.listen(of)
    return TCPStore(
        ADDRESS,
        listening.getsockname()[1],
        of,
        is_master=True,
        timeout=PATIENCE,
        wait_for_workers=False,
        master_listen_fd=listening.detach(),
    )


def find_store(port: int, of: int) -> TCPStore:
    """The store that the first process opened."""
    return TCPStore(ADDRESS, port, of, is_master=False, timeout=PATIENCE)


@contextmanager
def connected(ranks: Ranks, store: Store) -> Iterator[Ranks]:
    """Within the block the processes can exchange tensors: NCCL on CUDA devices, gloo elsewhere."""
    if sys.platform == "linux":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # else it listens to the network
    # ours ends what waits; torch's own would end the process
    os.environ.setdefault("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0")
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if ranks.device.type == "cuda" else "gloo",
        store=store,
        rank=ranks.share.rank,
        world_size=ranks.share.of,
        timeout=PATIENCE,
    )
    try:
        yield ranks
    except BaseException:
        ranks.break_off()
        raise
    finally:
        if dist.is_initialized():
            dist.destroy_process_group()


def is_connection_error(error: BaseException) -> bool:
    """Whether a process could not reach another."""
    return isinstance(error, dist.DistError | ConnectionError) or "gloo" in str(error)
