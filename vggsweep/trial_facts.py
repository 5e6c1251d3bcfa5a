"""What a trial's record says, from what happened: the nodes of ``record.json`` as plain values."""

from __future__ import annotations

import hashlib
import statistics
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import nn

from vggsweep.arch.describe import network_stages
from vggsweep.configuration.network import ConfiguredNetwork, input_shape
from vggsweep.configuration.schema import Configuration
from vggsweep.device import ResolvedPrecision, autocast
from vggsweep.errors import OutOfMemory, VggsweepError
from vggsweep.identity import Identity
from vggsweep.measure.contention import ContentionWatch
from vggsweep.measure.speed import measure_inference
from vggsweep.results.disk.answers import Answers
from vggsweep.training.class_balance import balanced_accuracy
from vggsweep.training.loop import EpochResult, Training, evaluate

# Classes that a note names.
MOST_NAMED = 8


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
        "channels": shape.channels,
        "num_classes": shape.num_classes,
        **known({"batch_norm": getattr(arch, "batch_norm", None)}),
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


def metrics(
    history: Sequence[EpochResult],
    threshold_acc: float,
    val_images: int | None,
    *,
    chance: tuple[float, float] | None = None,
) -> dict[str, Any]:
    """The ``metrics`` node, of the last epoch that finished.

    Args:
        history: all finished epochs; may be empty.
        threshold_acc: what `epochs_to_threshold` waits for.
        val_images: how many images val_acc is a share of: what a difference can mean depends on it.
        chance: accuracy and loss of guessing on them.
    """
    if not history:
        return {"epochs_run": 0}
    last = history[-1]
    scores = [result.averaged_val_acc for result in history if result.averaged_val_acc is not None]
    return {
        "epochs_run": last.epoch,
        "train_loss": last.train_loss,
        "train_acc": last.train_acc,
        "epochs_to_threshold": epochs_to_threshold(history, threshold_acc),
        "val_loss": last.val_loss,
        "val_acc": last.val_acc,
        **known({"val_top5": last.val_top5, "averaged_val_acc": scores[-1] if scores else None}),
        "val_images": val_images,
        **(dict(zip(("chance_acc", "chance_loss"), chance, strict=True)) if chance is not None else {}),
    }


def class_metrics(hits: Sequence[int], images: Sequence[int], names: Sequence[str]) -> dict[str, Any]:
    """What the ``metrics`` node says of classes, in the order of their labels.

    Args:
        hits, images: of each class, over the validation images after the last epoch; empty where no epoch
            finished, or a release that did not count them wrote the checkpoint.
        names: of the classes.

    >>> class_metrics((9, 1, 0), (10, 2, 0), ("cat", "dog", "eel"))["class_acc"]
    [0.9, 0.5, None]
    """
    balanced_acc = balanced_accuracy(hits, images)
    if balanced_acc is None:
        return {}
    shares = [hit / count if count else None for hit, count in zip(hits, images, strict=True)]
    facts = {"class_acc": shares, "class_images": list(images), "class_names": list(names)}
    return {"balanced_acc": balanced_acc, **facts}


def unseen_classes(training: Training | None, names: Sequence[str]) -> list[str]:
    """A note on classes of which no validation image is: no accuracy says how well they are told."""
    images = training.validated[1] if training is not None else ()
    unseen = [name for name, count in zip(names, images, strict=False) if not count]
    if not unseen:
        return []
    some = ", ".join(unseen[:MOST_NAMED]) + (", …" if len(unseen) > MOST_NAMED else "")
    whom = "it" if len(unseen) == 1 else "them"
    what = f"no validation image shows {len(unseen)} of {len(names)} classes ({some})"
    return [f"{what}: accuracies say nothing of {whom}"]


def kept_answers(training: Training | None, validation: str, identity: Identity) -> Answers | None:
    """Which validation images the network got right after its last epoch, for ``answers.json``.

    Args:
        training: as far as it came.
        validation: which images of the data set validate (`vggsweep.data.loading.LoadedData`).
        identity: of the trial, with the fingerprint of the data set.

    Returns:
        None where no epoch finished, or a release that kept none wrote the last epoch's checkpoint.
    """
    if training is None or training.answers is None:
        return None
    split = hashlib.sha256(f"{identity.data}:{validation}".encode()).hexdigest()
    return Answers(training.answers.numpy().astype(bool), split)


def inference_speed(
    configuration: Configuration, network: nn.Module, precision: ResolvedPrecision, device: torch.device
) -> dict[str, Any]:
    """Latency and throughput, and whether other work ran on the device meanwhile."""
    shape = input_shape(configuration)
    with ContentionWatch(device) as watch:
        measured = measure_inference(
            network,
            (shape.channels, shape.resolution, shape.resolution),
            configuration.measure,
            lambda: autocast(device, precision),
            channels_last=configuration.train.channels_last,
        )
    return asdict(measured) | {"contended": watch.is_contended}


def training_times(history: Sequence[EpochResult]) -> dict[str, Any]:
    """Seconds of all training steps, and the speed of an epoch; None where no epoch finished.

    The speed is the median over the epochs after the first, in which kernels are chosen and graphs are
    captured: on an H100 that epoch took 8 s in a fresh process and each later one .05 s.
    """
    speeds = [result.images_per_second for result in history[1:] or history]
    return {
        "train_seconds": sum(result.train_seconds for result in history) if history else None,
        "images_per_second": statistics.median(speeds) if speeds else None,
    }


def epochs_to_threshold(history: Sequence[EpochResult], threshold_acc: float) -> int | None:
    """The first epoch whose training accuracy reached the threshold; None when none did.

    It tells a deep network that has not trained from one that trained and does not generalise.
    """
    return next((result.epoch for result in history if result.train_acc >= threshold_acc), None)


def failure_reason(error: Exception, device: str, configuration: Configuration) -> str:
    """One sentence for the record.

    Args:
        error: what ended the trial, with its traceback.
        device, configuration: for the advice where memory ran out.
    """
    if _is_memory(error):
        error = out_of_memory(error, device, configuration)
    return _described(error)


def _is_memory(error: Exception) -> bool:
    is_memory = isinstance(error, (torch.OutOfMemoryError, MemoryError))
    return is_memory or "can't allocate memory" in str(error)


def _described(error: Exception) -> str:
    if isinstance(error, VggsweepError):
        return str(error)
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"


def out_of_memory(error: BaseException, device: str, configuration: Configuration) -> OutOfMemory:
    """The advice for where memory ran out: each part of a trial has a batch size of its own."""
    train, measure = configuration.train, configuration.measure
    codes = {frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__)}
    if evaluate.__code__ in codes:
        return OutOfMemory(device, train.eval_batch_size, "train.eval_batch_size", "validation or test")
    if measure_inference.__code__ in codes:
        size = measure.throughput_batch_size
        return OutOfMemory(device, size, "measure.throughput_batch_size", "measurement")
    return OutOfMemory(device, train.batch_size)


def known(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what this training does not have, such as top-5 accuracy of ten classes."""
    return {name: value for name, value in values.items() if value is not None}
