"""Layers that act on a whole batch although each of several processes has a part of it.

    batch norm   means and variances over the images of all processes
    dropout      masks drawn for the whole batch, in every process alike

Outside training both are what they were.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vggsweep.data.batches import Share


def share_layers(network: nn.Module, share: Share) -> nn.Module:
    """Let batch norm and dropout of a network see the whole batch.

    Args:
        network: on its device; its parameters and buffers stay the same tensors under the same names.
        share: of the batch that this process has.

    Returns:
        The network, its layers replaced in place.
    """
    if next(network.parameters()).device.type != "cpu":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    for module in list(network.modules()):
        if isinstance(module, _BatchNorm) and not isinstance(module, nn.SyncBatchNorm):
            module.__class__ = CpuSyncBatchNorm
        for name, child in module.named_children():
            if isinstance(child, nn.Dropout) and not isinstance(child, SharedDropout):
                setattr(module, name, SharedDropout(child, share))
    return network


class CpuSyncBatchNorm(_BatchNorm):
    """Batch norm over several processes, on the device for which torch has none."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel (dimension 1) over all other dimensions and all processes."""
        if not (self.training and dist.is_initialized()):
            return super().forward(x)
        y: Tensor
        y, mean, var, count = _Normalize.apply(x, self.weight, self.bias, self.eps)
        if self.track_running_stats:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked += 1
            momentum = self.momentum
            if momentum is None:  # the mean over all batches
                momentum = 1.0 / float(self.num_batches_tracked)
            with torch.no_grad():
                self.running_mean.lerp_(mean, momentum)  # type: ignore[union-attr]
                self.running_var.lerp_(var * (count / (count - 1)), momentum)  # type: ignore[union-attr]
        return y


class _Normalize(torch.autograd.Function):
    """Batch norm's formulas (Ioffe & Szegedy 2015, section 3), each sum over all processes."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        over = [d for d in range(x.dim()) if d != 1]
        wide = x.float()
        count = torch.tensor([float(x.numel() // x.shape[1])])
        count, total = _summed(count, wide.sum(over))
        mean = total / count
        (square,) = _summed((wide - _along(mean, x)).square().sum(over))  # two passes: no cancellation
        var = square / count
        ctx.save_for_backward(x, weight, mean, (var + eps).rsqrt(), count)
        y = F.batch_norm(wide, mean, var, weight, bias, training=False, eps=eps).to(x.dtype)
        ctx.mark_non_differentiable(mean, var, count)
        return y, mean, var, count

    @staticmethod
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale, count = ctx.saved_tensors
        over = [d for d in range(x.dim()) if d != 1]
        wide = grad.float()
        unit = (x.float() - _along(mean, x)) * _along(scale, x)
        grad_bias, grad_weight = wide.sum(over), (wide * unit).sum(over)
        all_bias, all_weight = _summed(grad_bias, grad_weight)
        through = wide - _along(all_bias / count, x) - unit * _along(all_weight / count, x)
        grad_x = through * _along(scale if weight is None else scale * weight, x)
        # those of weight and bias stay this process's: DistributedDataParallel averages them with the others
        _, has_weight, has_bias, _ = ctx.needs_input_grad
        return grad_x.to(x.dtype), grad_weight if has_weight else None, grad_bias if has_bias else None, None


def _along(values: Tensor, x: Tensor) -> Tensor:
    """One value for each channel, shaped to meet a batch."""
    return values.view(1, -1, *[1] * (x.dim() - 2))


def _summed(*tensors: Tensor) -> list[Tensor]:
    """Each tensor's sum over all processes, in one exchange."""
    joined = torch.cat(tensors)
    dist.all_reduce(joined)
    return list(torch.split(joined, [len(tensor) for tensor in tensors]))


class SharedDropout(nn.Dropout):
    """A dropout layer that draws for the whole batch and uses its own rows.

    Args:
        drawn: draws the mask; ours and torch's draw differently.
        share: of the present batch that this process has.
    """

    def __init__(self, drawn: nn.Dropout, share: Share) -> None:
        super().__init__(drawn.p)
        self.share = share
        self.drawn = (drawn,)  # no child: it has no weights, and `share_layers` must not meet it

    def forward(self, x: Tensor) -> Tensor:
        """Zero each element with probability ``p``, scale the others by ``1 / (1 - p)``; any shape."""
        if not self.training or self.p == 0:
            return x
        is_last = x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last)
        memory_format = torch.channels_last if is_last else torch.contiguous_format
        whole = torch.empty((self.share.size, *x.shape[1:]), dtype=x.dtype, device=x.device)
        ones = whole.contiguous(memory_format=memory_format).fill_(1.0)
        mask: Tensor = self.drawn[0].train()(ones)
        return x * mask[self.share.rows]
