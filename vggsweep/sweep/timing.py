"""How long a configuration would train, from a few real steps on random images."""

from __future__ import annotations

import statistics
import time

import torch
import torch.nn.functional as F

from vggsweep.arch.build import build_network
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration
from vggsweep.training.allocator import keep_freed_memory
from vggsweep.training.device import autocast, configure_kernels, resolve_device, resolve_precision
from vggsweep.training.optimizers import build_optimizer

WARMUP_STEPS = 2
COUNTED_STEPS = 5


def seconds_per_image(configuration: Configuration) -> float:
    """Median wall seconds of one training step ÷ its images, data and evaluation left out."""
    train = configuration.train
    device = resolve_device(configuration.device)
    precision = resolve_precision(train.precision, device)
    configure_kernels(device, precision, deterministic=train.deterministic, threads=train.threads)
    if device.type == "cpu" and train.keep_freed_memory:
        keep_freed_memory()
    configured = configured_network(configuration)
    shape = configured.shape
    memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
    network = build_network(configured.arch, configured.head, shape)
    network = network.to(device, memory_format=memory_format)  # type: ignore[call-overload]
    optimizer = build_optimizer(configuration.optimizer, network)
    size = (train.batch_size, shape.channels, shape.resolution, shape.resolution)
    x_NCHW = torch.rand(size, device=device).contiguous(memory_format=memory_format)
    y_N = torch.randint(shape.num_classes, (train.batch_size,), device=device)
    network.train()
    seconds = []
    for step in range(WARMUP_STEPS + COUNTED_STEPS):
        started = time.perf_counter()
        with autocast(device, precision):
            scores_NK = network(x_NCHW)
        torch.autograd.backward(F.cross_entropy(scores_NK.float(), y_N))
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if step >= WARMUP_STEPS:
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / train.batch_size
