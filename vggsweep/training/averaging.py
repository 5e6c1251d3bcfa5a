"""torch's moving average of weights; its update is by hand, as torch's own waits for the device."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class MovingAverage(AveragedModel):
    """torch's average of parameters and buffers, except that an update does not wait for the device.

    torch's own copies its count to the device at every update, and waits for that.

    Args:
        network: copied as it is; the first update copies it again.
        decay: share of the average that an update keeps.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        super().__init__(network, multi_avg_fn=average, use_buffers=True)

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
        for averages, presents in by_type.values():
            if self.n_averaged == 0:  # on the CPU, so that asking waits for nothing
                torch._foreach_copy_(averages, presents)
            else:
                assert self.multi_avg_fn is not None
                self.multi_avg_fn(averages, presents, 0)
        self.n_averaged += 1
