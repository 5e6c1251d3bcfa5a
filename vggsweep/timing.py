"""How long a configuration would train, from a few real steps on random images."""

from __future__ import annotations

import os
import statistics
import time

import torch

from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.device import synchronize
from vggsweep.machine import threads_of_worker, usable_cores
from vggsweep.preparation import prepare_device, prepare_network, prepare_training
from vggsweep.training.cuda_graph import WARM_STEPS

WARMUP_STEPS = 2
COUNTED_STEPS = 5


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
