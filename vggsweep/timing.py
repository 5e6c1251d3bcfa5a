"""How long a configuration would train, from a few real steps on random images."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Sequence

import numpy as np
import torch

from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.device import device_name, synchronize
from vggsweep.machine import threads_of_worker, usable_cores
from vggsweep.preparation import prepare_device, prepare_network, prepare_training
from vggsweep.training.cuda_graph import WARM_STEPS

WARMUP_STEPS = 2
COUNTED_STEPS = 5


def machine_of(configuration: Configuration) -> str:
    """Device and precision that it would be trained with here, as a forecast names them."""
    device, precision = prepare_device(configuration)
    return f"{device_name(device)}, {precision}"


def mean_seconds(
    sizes: Sequence[tuple[int, int]], configurations: Sequence[Configuration], workers: int = 1
) -> float | None:
    """Mean training seconds of some configurations, without pruning, from a few timed steps on this device.

    Of several workers on a CPU each has its share of the cores, and so has a timed step. The smallest, the
    middle and the largest network are timed; the others lie on the line through (MACs, seconds an image),
    fitted by least squares.

    Args:
        sizes: MACs of one image, and images over all epochs, of each.
        configurations: as many.
        workers: that share this machine's cores.

    Returns:
        Seconds; None if none of the three can be trained.
    """
    order = sorted(range(len(sizes)), key=lambda index: sizes[index][0])
    timed = {at: _timed(configurations[at], workers) for at in {order[0], order[len(order) // 2], order[-1]}}
    points = [(sizes[at][0], second) for at, second in timed.items() if second is not None]
    if not points:
        return None
    macs, seconds = np.array(points, dtype=float).T
    slope, base = np.polyfit(macs, seconds, 1) if len(set(macs)) > 1 else (0.0, seconds.mean())
    return float(np.mean([max(base + slope * macs_, seconds.min()) * images for macs_, images in sizes]))


def _timed(configuration: Configuration, workers: int) -> float | None:
    try:
        return seconds_per_image(configuration, workers)
    except Exception as error:  # out of memory, or a user's network that raises: the plan is still of use
        print(f"{configuration.arch.name} cannot be timed: {type(error).__name__}: {error}", file=sys.stderr)
        return None


def seconds_per_image(configuration: Configuration, workers: int = 1) -> float:
    """Median wall seconds of one training step ÷ its images, data and evaluation left out.

    Args:
        configuration: to train.
        workers: that share this machine's cores.
    """
    train = configuration.train
    threads = threads_of_worker(workers, usable_cores(), os.environ) if workers > 1 else None
    device, precision = prepare_device(configuration, threads=threads)
    configured = configured_network(configuration)
    shape = configured.shape
    network = prepare_network(configuration, configured, device)
    alike = (1,) * shape.num_classes  # no weight of a class changes how long a step takes
    training = prepare_training(configuration, network, precision, configured.costs.macs, class_counts=alike)
    train_step = training.graph or training.eager
    warm_steps = WARMUP_STEPS if training.graph is None else WARMUP_STEPS + WARM_STEPS
    memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
    images = -(-train.batch_size // train.nproc)  # of one process; what they tell each other is left out
    size = (images, shape.channels, shape.resolution, shape.resolution)
    x_NCHW = torch.rand(size, device=device).contiguous(memory_format=memory_format)
    y_N = torch.randint(shape.num_classes, (images,), device=device)
    network.train()
    seconds = []
    for step in range(warm_steps + COUNTED_STEPS):
        started = time.perf_counter()
        train_step(x_NCHW, y_N, configuration.optimizer.lr)
        synchronize(device)
        if step >= warm_steps:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / train.batch_size
