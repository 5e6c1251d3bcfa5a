"""The device: which one a trial runs on, in which precision, with which kernels, and what it can tell.

All of ``torch.cuda`` that vggsweep uses is here and in `vggsweep.training.cuda_graph`.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Literal

import torch

from vggsweep.errors import ConfigError
from vggsweep.machine import usable_cores

ResolvedPrecision = Literal["fp32", "bf16", "fp16"]
MIB = 2**20
AUTOCAST_TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
# The first compute capability with bf16 units (Ampere).
BF16_CAPABILITY = (8, 0)
# torch counts the machine's cores; more threads than a container's quota only wait for each other
DEFAULT_THREADS = (
    torch.get_num_threads()
    if os.environ.get("OMP_NUM_THREADS")
    else min(torch.get_num_threads(), usable_cores())
)


def resolve_device(word: str) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` means on this machine.

    Raises:
        ConfigError: this machine has no such device.
    """
    if word == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda:0")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    device = torch.device(word)
    if device.type == "cuda":
        count = cuda_device_count()
        index = device.index or 0
        if index >= count:
            there = ", ".join(f"cuda:{i}" for i in range(count)) or "no CUDA device"
            raise ConfigError(f"device={word}: torch finds {there} here. Use device=auto or device=cpu.")
        return torch.device("cuda", index)
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device=mps: torch finds no Metal device here. Use device=auto or device=cpu.")
    return device


def devices_of_ranks(device: torch.device, nproc: int) -> list[torch.device]:
    """The devices of so many processes that train together: CUDA devices from this one on, or one CPU.

    Raises:
        ConfigError: there are not so many, or the processes could not speak with each other.
    """
    if nproc > 1 and sys.platform == "win32":
        raise ConfigError(
            f"train.nproc={nproc}: on Windows a process cannot be given the pipe in which the others of its "
            "trial speak. Use train.nproc=1, or Linux in WSL."
        )
    if nproc == 1 or device.type == "cpu":
        return [device] * nproc
    if device.type == "mps":
        raise ConfigError(
            f"train.nproc={nproc} needs CUDA devices or the CPU; Metal devices cannot train together. "
            "Use train.nproc=1 or device=cpu."
        )
    first, count = device.index or 0, cuda_device_count()
    if first + nproc > count:
        there = ", ".join(f"cuda:{i}" for i in range(count))
        raise ConfigError(
            f"train.nproc={nproc} needs {nproc} CUDA devices from cuda:{first} on, and torch finds {there}. "
            f"Use train.nproc={max(1, count - first)}, or device=cpu."
        )
    return [torch.device("cuda", first + rank) for rank in range(nproc)]


def resolve_precision(
    precision: Literal["auto"] | ResolvedPrecision, device: torch.device
) -> ResolvedPrecision:
    """The precision that a trial computes in; ``auto`` is bf16 where the device has units for it.

    Raises:
        ConfigError: fp16 on a device without gradient scaling.
    """
    if precision == "auto":
        return "bf16" if has_bf16_units(device) else "fp32"
    if precision == "fp16" and device.type != "cuda":
        raise ConfigError(
            f"train.precision=fp16 needs a CUDA device for its gradient scaling, and this run is on "
            f"{device.type}. Use train.precision=auto."
        )
    return precision


def has_bf16_units(device: torch.device) -> bool:
    """Whether the device multiplies bf16 in hardware (emulation is slower than fp32)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= BF16_CAPABILITY
    if device.type == "cpu":
        return bool(cpu_flags() & {"avx512_bf16", "amx_bf16"})
    return False


def cpu_flags() -> frozenset[str]:
    """The instruction-set flags that Linux reports; empty elsewhere."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return frozenset()
    for line in info.read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def device_name(device: torch.device) -> str:
    """What the device calls itself, such as ``NVIDIA H100`` or ``AMD EPYC 9R14``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    info = Path("/proc/cpuinfo")
    if device.type == "cpu" and info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def autocast(device: torch.device, precision: ResolvedPrecision) -> AbstractContextManager[object]:
    """The context in which a forward pass computes in this precision."""
    if precision == "fp32":
        return nullcontext()
    return torch.autocast(device.type, AUTOCAST_TYPES[precision])


def configure_kernels(
    device: torch.device, precision: ResolvedPrecision, *, deterministic: bool, threads: int | None
) -> None:
    """Set every process-wide switch that a trial depends on, whatever the trial before left.

    Args:
        device: where the trial runs.
        precision: ``fp32`` means true fp32 (no TF32); below it, the few fp32 products left may use TF32.
        deterministic: only deterministic kernels; a kernel without one warns.
        threads: CPU threads, or None for torch's choice at start-up.
    """
    torch.set_num_threads(threads or DEFAULT_THREADS)
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
    if device.type != "cuda":
        return
    torch.cuda.set_device(device)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    with warnings.catch_warnings():
        # The older spelling sets the newer one too. The other way round torch.compile, which reads the
        # older one, raises.
        warnings.simplefilter("ignore")
        torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
        torch.backends.cudnn.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.deterministic = deterministic
    # Shapes are the same at every step, so a search for the fastest kernel pays at once.
    torch.backends.cudnn.benchmark = not deterministic


@contextmanager
def settings_restored() -> Iterator[None]:
    """Within the block a training may set torch as it needs; afterwards the caller's settings hold again.

    Random states, the number of threads, determinism and TF32.
    """
    devices = range(torch.cuda.device_count() if torch.cuda.is_initialized() else 0)  # type: ignore[no-untyped-call]
    threads = torch.get_num_threads()
    is_deterministic = torch.are_deterministic_algorithms_enabled()
    only_warns = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the spelling: see `configure_kernels`
        switches = (cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32)
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(is_deterministic, warn_only=only_warns)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cudnn.deterministic, cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = switches


def cuda_device_count() -> int:
    """CUDA devices that this process may use."""
    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def cuda_uuid(device: torch.device) -> str:
    """The name by which ``nvidia-smi`` knows a CUDA device, such as ``GPU-4c4dc7f2-…``."""
    return f"GPU-{torch.cuda.get_device_properties(device).uuid}"


def free_device_memory(device: torch.device) -> int:
    """Bytes of a CUDA device's memory that no process holds."""
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


def reset_peak_device_memory(device: torch.device) -> None:
    """Start a new high-water mark of the memory of this process's tensors on a CUDA device."""
    torch.cuda.reset_peak_memory_stats(device)


def peak_device_memory_mb(device: torch.device) -> float:
    """Most memory that this process's tensors took on a CUDA device since the last reset, in MiB."""
    return torch.cuda.max_memory_allocated(device) / MIB


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all work that is queued on it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds that the device takes for some work: CUDA's own events on a GPU, else the monotonic clock."""
    if device.type == "cuda":
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1e3
    started = time.perf_counter()
    work()
    synchronize(device)
    return time.perf_counter() - started


def random_states(device: torch.device) -> dict[str, torch.Tensor]:
    """Read torch's generators; nothing in a trial draws from Python's or NumPy's."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_states(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put torch's generators back where `random_states` found them."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
    if device.type == "mps" and "mps" in states:
        torch.mps.set_rng_state(states["mps"])
