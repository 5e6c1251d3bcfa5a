"""How long a configuration would train, from a few real steps on random images."""

from __future__ import annotations

import os
import statistics
import time

import torch

from vggsweep.arch.build import build_network
from vggsweep.arch.settings import CustomSettings
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.device import configure_kernels, resolve_device, resolve_precision, synchronize
from vggsweep.machine import usable_cores
from vggsweep.sweep.engine.seat import threads_of_worker
from vggsweep.training.allocator import keep_freed_memory
from vggsweep.training.cuda_graph import WARM_STEPS, choose_recorder
from vggsweep.training.loop import Training

WARMUP_STEPS = 2
COUNTED_STEPS = 5


def seconds_per_image(configuration: Configuration, workers: int = 1) -> float:
    """Median wall seconds of one training step ÷ its images, data and evaluation left out.

    Args:
        configuration: to train.
        workers: that share this machine's cores.
    """
    train = configuration.train
    device = resolve_device(configuration.device)
    precision = resolve_precision(train.precision, device)
    threads = train.threads
    if threads is None and workers > 1:
        threads = threads_of_worker(workers, usable_cores(), os.environ)
    configure_kernels(device, precision, deterministic=train.deterministic, threads=threads)
    if device.type == "cpu" and train.keep_freed_memory:
        keep_freed_memory()
    configured = configured_network(configuration)
    shape = configured.shape
    memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
    network = build_network(configured.arch, configured.head, shape)
    network = network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
    is_known = not isinstance(configuration.arch, CustomSettings)
    recorder = choose_recorder(train, device, precision, macs=configured.costs.macs, is_known=is_known)
    training = Training(network, configuration.optimizer, configuration.scheduler, train, precision, recorder)
    train_step = training.graph or training.eager
    warm_steps = WARMUP_STEPS if recorder is None else WARMUP_STEPS + WARM_STEPS
    size = (train.batch_size, shape.channels, shape.resolution, shape.resolution)
    x_NCHW = torch.rand(size, device=device).contiguous(memory_format=memory_format)
    y_N = torch.randint(shape.num_classes, (train.batch_size,), device=device)
    network.train()
    seconds = []
    for step in range(warm_steps + COUNTED_STEPS):
        started = time.perf_counter()
        train_step(x_NCHW, y_N, configuration.optimizer.lr)
        synchronize(device)
        if step >= warm_steps:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / train.batch_size
