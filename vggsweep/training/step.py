"""One training step, its operations queued one by one; `vggsweep.training.cuda_graph` replays it as one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from vggsweep.device import ResolvedPrecision, autocast
from vggsweep.training.custom import Loss
from vggsweep.training.settings import TrainSettings

# Key of a parameter group whose rate is so many times the schedule's.
LR_RATIO = "lr_ratio"

if TYPE_CHECKING:
    from vggsweep.training.distributed import Ranks


class EagerStep:
    """Forward, loss, backward, update, sums; nothing waits for the device.

    Args:
        network: whose parameters move.
        forward: the network, or its compiled form.
        optimizer: over the network's parameters.
        scaler: of the gradients; enabled in fp16 only.
        loss: mean over a batch, of scores and labels.
        settings: gradient clipping counts here.
        precision: of the forward pass.
        ranks: this process among those that share each batch; None trains alone.

    Attributes:
        loss_sum, hits: over this process's images of the epoch so far, on the device.
        first_bad_step: from 1, the epoch's first step whose loss was not finite; -1 while there is none.
    """

    def __init__(
        self,
        network: nn.Module,
        forward: Callable[[Tensor], Tensor],
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        loss: Loss,
        settings: TrainSettings,
        precision: ResolvedPrecision,
        ranks: Ranks | None = None,
    ) -> None:
        self.network = network
        self.forward = forward
        self.optimizer = optimizer
        self.scaler = scaler
        self.loss = loss
        self.settings = settings
        self.precision = precision
        self.ranks = ranks
        self.device = next(network.parameters()).device
        self.loss_sum = torch.zeros((), device=self.device)
        self.hits = torch.zeros((), device=self.device)  # not whole where images are mixed
        self.steps = torch.zeros((), dtype=torch.int64, device=self.device)
        self.first_bad_step = torch.full((), -1, device=self.device)

    def begin_epoch(self) -> None:
        """Set all sums back, in place: a captured step writes to these very tensors."""
        for tensor, start in ((self.loss_sum, 0), (self.hits, 0), (self.steps, 0), (self.first_bad_step, -1)):
            tensor.fill_(start)

    def __call__(self, x_NCHW: Tensor, y_N: Tensor, lr: float | Tensor) -> None:
        """Train on one batch.

        Args:
            x_NCHW: float images, on the device.
            y_N: int64 labels, on the device; of mixed images float32 [N, 3], see `vggsweep.data.mixing`.
            lr: learning rate of this step.
        """
        settings = self.settings
        for group in self.optimizer.param_groups:
            ratio = group.get(LR_RATIO)
            group["lr"] = lr if ratio is None else lr * ratio
        with autocast(self.device, self.precision):
            scores_NK = self.forward(x_NCHW)
        # of a batch with fewer images than there are processes some have none
        loss = _weighed(y_N, partial(self.loss, scores_NK.float())) if len(y_N) else scores_NK.sum()
        counted = loss if self.ranks is None else self.ranks.weighed(loss, len(y_N))
        self.scaler.scale(counted).backward()  # type: ignore[no-untyped-call]
        if settings.clip_grad_norm is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        with torch.no_grad():
            self.steps += 1
            self.loss_sum += loss * len(y_N)
            guesses = scores_NK.argmax(dim=1)
            if len(y_N):
                self.hits += _weighed(y_N, lambda labels: (guesses == labels).sum())
            is_first_bad = (self.first_bad_step < 0) & ~torch.isfinite(loss)
            self.first_bad_step.copy_(torch.where(is_first_bad, self.steps, self.first_bad_step))


def _weighed(y_N: Tensor, of: Callable[[Tensor], Tensor]) -> Tensor:
    """What comes of a batch's labels; of mixed images, of both their labels by the shares of these."""
    if y_N.dim() == 1:
        return of(y_N)
    share = y_N[0, 2]  # one for the whole batch
    return share * of(y_N[:, 0].long()) + (1 - share) * of(y_N[:, 1].long())
