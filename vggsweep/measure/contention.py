"""Whether something else used the device while it was measured."""

from __future__ import annotations

import os
import subprocess
import time
from types import TracebackType

import psutil  # type: ignore[import-untyped]
import torch

from vggsweep.device import cuda_uuid

# Cores that others may keep busy before a timing on the CPU counts as disturbed.
QUIET_CORES = 0.25
NVIDIA_SMI = ("nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader", "--id")
NVIDIA_SMI_SECONDS = 10


class ContentionWatch:
    """Watches the device during a measurement.

    After the block `is_contended` is True, False, or None where it cannot be known.

    Args:
        device: what is measured.

    >>> with ContentionWatch(torch.device("meta")) as watch:
    ...     pass
    >>> print(watch.is_contended)
    None
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.is_contended: bool | None = None
        self._start = (0.0, 0.0, 0.0)

    def __enter__(self) -> ContentionWatch:
        self._start = _cpu_seconds()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.device.type == "cuda":
            self.is_contended = _has_other_cuda_process(self.device)
        elif self.device.type == "cpu":
            wall, busy, own = (now - then for now, then in zip(_cpu_seconds(), self._start, strict=True))
            self.is_contended = (busy - own) / wall > QUIET_CORES


def _cpu_seconds() -> tuple[float, float, float]:
    """Wall time, busy seconds of all cores, and those of this process with its children."""
    times = psutil.cpu_times()
    busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
    # Linux counts a guest's time into user time as well.
    busy -= getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
    return time.perf_counter(), busy, sum(os.times()[:4])


def _has_other_cuda_process(device: torch.device) -> bool | None:
    """Whether nvidia-smi lists a process on this device that is not ours; None where it cannot be known."""
    try:
        done = subprocess.run(
            [*NVIDIA_SMI, cuda_uuid(device)],
            capture_output=True,
            text=True,
            check=True,
            timeout=NVIDIA_SMI_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    listed = set(done.stdout.split())
    own = str(os.getpid())
    # In a container nvidia-smi may know processes by other numbers, or by none: then ours is not there.
    return listed != {own} if own in listed else None
