"""Latency, throughput and memory of a network in evaluation mode."""

from __future__ import annotations

import contextlib
import ctypes
import math
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import torch
from torch import nn

from vggsweep.device import MIB, peak_device_memory_mb, reset_peak_device_memory, timed
from vggsweep.measure.settings import MeasureSettings

CLEAR_REFS, PROCESS_STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


@dataclass(frozen=True)
class Measurements:
    """What one network needs on one device in one precision.

    Args:
        latency_ms_p50, latency_ms_p95: milliseconds a call at ``latency_batch_size`` images.
        throughput: images a second at ``throughput_batch_size``, median over the calls.
        latency_batch_size, throughput_batch_size: images a call.
        runs: calls counted for the latency.
    """

    latency_ms_p50: float
    latency_ms_p95: float
    throughput: float
    latency_batch_size: int
    throughput_batch_size: int
    runs: int


def measure_inference(
    network: nn.Module,
    shape: tuple[int, int, int],
    settings: MeasureSettings,
    autocast: Callable[[], AbstractContextManager[object]],
    *,
    channels_last: bool,
) -> Measurements:
    """Time forward passes over random images.

    Args:
        network: on its device; left in evaluation mode.
        shape: channels, height and width of one image.
        settings: batch sizes, warm-up and repeats.
        autocast: makes the context in which the network computes.
        channels_last: memory format of the images.
    """
    network.eval()
    latencies = _time_calls(network, shape, settings.latency_batch_size, settings, autocast, channels_last)
    batch = settings.throughput_batch_size
    calls = _time_calls(network, shape, batch, settings, autocast, channels_last)
    return Measurements(
        latency_ms_p50=1e3 * statistics.median(latencies),
        latency_ms_p95=1e3 * percentile(latencies, 0.95),
        throughput=batch / statistics.median(calls),
        latency_batch_size=settings.latency_batch_size,
        throughput_batch_size=batch,
        runs=len(latencies),
    )


def _time_calls(
    network: nn.Module,
    shape: tuple[int, int, int],
    batch: int,
    settings: MeasureSettings,
    autocast: Callable[[], AbstractContextManager[object]],
    channels_last: bool,
) -> list[float]:
    """Seconds of each counted call: CUDA events on a GPU, the monotonic clock elsewhere."""
    device = next(network.parameters()).device
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    # A generator of its own: measuring must not move the random state that training draws from.
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(batch, *shape, generator=generator)
    images = images.to(device).contiguous(memory_format=memory_format)
    with torch.inference_mode(), autocast():
        return time_calls(lambda: network(images), settings, device)


def time_calls(call: Callable[[], object], settings: MeasureSettings, device: torch.device) -> list[float]:
    """Seconds of each counted call of a function that computes on a device."""
    for _ in range(settings.warmup_runs):
        timed(call, device)
    seconds: list[float] = []
    started = time.perf_counter()
    while len(seconds) < settings.min_runs or time.perf_counter() - started < settings.min_seconds:
        seconds.append(timed(call, device))
    return seconds


def percentile(values: list[float], share: float) -> float:
    """Nearest-rank percentile, which is a value that was really seen."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]


def reset_peak_memory(device: torch.device) -> bool:
    """Start a new peak of memory.

    Returns:
        Whether it did. A CPU's peak is the process's, and only Linux can start it anew; elsewhere what an
        earlier trial of this process needed stays in it.
    """
    if device.type == "cuda":
        reset_peak_device_memory(device)
        return True
    try:
        _give_back_freed_memory()
        CLEAR_REFS.write_text("5")  # https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html
    except OSError:
        return False
    return True


def _give_back_freed_memory() -> None:
    """Return what an earlier trial freed to the system; `keep_freed_memory` told glibc to keep it."""
    with contextlib.suppress(OSError, AttributeError):  # musl has no such function
        ctypes.CDLL(None).malloc_trim(0)


def peak_memory_mb(device: torch.device) -> float:
    """Largest memory since the last reset, in MiB: the device's tensors, or on the CPU the process."""
    if device.type == "cuda":
        return peak_device_memory_mb(device)
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = PROCESS_STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1024
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset) / MIB
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / MIB if sys.platform == "darwin" else peak / 1024
