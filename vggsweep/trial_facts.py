"""What a trial's record says, from what happened: the nodes of ``record.json`` as plain values."""

from __future__ import annotations

import traceback
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from vggsweep.arch.describe import network_stages
from vggsweep.configuration.network import ConfiguredNetwork
from vggsweep.errors import OutOfMemory, VggsweepError
from vggsweep.training.loop import EpochResult


def network_facts(configured: ConfiguredNetwork) -> dict[str, Any]:
    """The ``network`` node: what was built."""
    arch, head, shape, costs = configured.arch, configured.head, configured.shape, configured.costs
    solution = configured.solution
    return {
        "arch": arch.name,
        "depth": costs.depth,
        "width": costs.width,
        "stages": network_stages(arch, head, shape),
        "head": head.name,
        "resolution": shape.resolution,
        **({} if solution is None else {"solved_width": solution.width}),
    }


def cost_facts(configured: ConfiguredNetwork) -> dict[str, Any]:
    """The ``costs`` node, with the budget where there is one."""
    costs, budget, solution = configured.costs, configured.budget, configured.solution
    return {
        "params": costs.params,
        "conv_params": costs.conv_params,
        "macs": costs.macs,
        "activations": costs.activations,
        **({} if budget is None else {"budget_target": budget.target}),
        **({} if solution is None else {"budget_residual": solution.residual}),
    }


def metrics(history: Sequence[EpochResult], threshold_acc: float, val_images: int | None) -> dict[str, Any]:
    """The ``metrics`` node, of the last epoch that finished.

    Args:
        history: all finished epochs; may be empty.
        threshold_acc: what `epochs_to_threshold` waits for.
        val_images: how many images val_acc is a share of: what a difference can mean depends on it.
    """
    if not history:
        return {"epochs_run": 0}
    last = history[-1]
    return {
        "epochs_run": last.epoch,
        "train_loss": last.train_loss,
        "train_acc": last.train_acc,
        "epochs_to_threshold": epochs_to_threshold(history, threshold_acc),
        "val_loss": last.val_loss,
        "val_acc": last.val_acc,
        **known({"val_top5": last.val_top5}),
        "val_images": val_images,
    }


def training_times(history: Sequence[EpochResult]) -> dict[str, Any]:
    """Seconds of all training steps, and the mean speed; None where no epoch finished."""
    seconds = sum(result.train_seconds for result in history)
    images = sum(result.train_seconds * result.images_per_second for result in history)
    return {
        "train_seconds": seconds if history else None,
        "images_per_second": images / seconds if seconds else None,
    }


def epochs_to_threshold(history: Sequence[EpochResult], threshold_acc: float) -> int | None:
    """The first epoch whose training accuracy reached the threshold; None when none did.

    It tells a deep network that has not trained from one that trained and does not generalise.
    """
    return next((result.epoch for result in history if result.train_acc >= threshold_acc), None)


def failure_reason(error: Exception, device: str, batch_size: int) -> str:
    """One sentence for the record.

    Args:
        error: what ended the trial.
        device, batch_size: for the advice where memory ran out.
    """
    if _is_memory(error):
        error = OutOfMemory(device, batch_size)
    return _described(error)


def extra_failure(error: Exception) -> str:
    """Why something after the training failed, which takes more memory than a training step at most."""
    if _is_memory(error):
        return (
            "out of memory. A smaller measure.throughput_batch_size, or train.eval_batch_size for the test "
            "set, takes less"
        )
    return _described(error)


def _is_memory(error: Exception) -> bool:
    is_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_memory or "can't allocate memory" in str(error)


def _described(error: Exception) -> str:
    if isinstance(error, VggsweepError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what this training does not have, such as top-5 accuracy of ten classes."""
    return {name: value for name, value in values.items() if value is not None}
