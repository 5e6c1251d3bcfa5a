"""torch's moving average of weights; its update is by hand, as torch's own waits for the device."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from itertools import chain, islice

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from vggsweep.device import (
    ResolvedPrecision,
    autocast,
    random_states,
    restore_random_states,
)

# Batches, and training images at least, that batch norm's statistics of an average are taken from.
BATCHES_OF_STATISTICS = 8
IMAGES_OF_STATISTICS = 512


class MovingAverage(AveragedModel):
    """torch's average of parameters and buffers, except that an update does not wait for the device.

    torch's own copies its count to the device at every update, and waits for that.

    Args:
        network: copied as it is; the first update copies it again.
        decay: share of the average that an update keeps.
        is_warmed_up: an average that is wanted early: update n keeps at most (1 + n) / (10 + n), so that the
            first weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float, *, is_warmed_up: bool = False) -> None:
        super().__init__(network, use_buffers=True)
        self.decay = decay
        self.is_warmed_up = is_warmed_up

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Take the network's present weights into the average."""
        mine = chain(self.module.parameters(), self.module.buffers())
        theirs = chain(model.parameters(), model.buffers())
        by_type: defaultdict[torch.dtype, tuple[list[Tensor], list[Tensor]]] = defaultdict(lambda: ([], []))
        for averaged, present in zip(mine, theirs, strict=True):
            averages, presents = by_type[averaged.dtype]
            averages.append(averaged.detach())
            presents.append(present.detach())
        updates = int(self.n_averaged)  # on the CPU, so that asking waits for nothing
        decay = min(self.decay, (1 + updates) / (10 + updates)) if self.is_warmed_up else self.decay
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        for averages, presents in by_type.values():
            if updates == 0:
                torch._foreach_copy_(averages, presents)
            else:
                average(averages, presents, updates)
        self.n_averaged += 1

    def refresh_batch_norm(
        self,
        batches: Iterable[tuple[Tensor, Tensor]],
        batch_size: int,
        precision: ResolvedPrecision,
    ) -> None:
        """Take batch norm's statistics anew: those of the averaged weights are not the average of statistics.

        Args:
            batches: of training images; the first few are read.
            batch_size: of one batch.
            precision: of the forward pass.
        """
        count = max(BATCHES_OF_STATISTICS, math.ceil(IMAGES_OF_STATISTICS / batch_size))
        device = next(self.parameters()).device
        states = random_states(device)  # dropout draws, and the training must not see it
        with torch.no_grad(), autocast(device, precision):
            update_bn(islice(batches, count), self.module)
        restore_random_states(states, device)
