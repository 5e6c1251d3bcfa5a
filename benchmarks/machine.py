"""What the benchmarks of this folder share: the machine's facts and peaks, medians, a table, a JSON file.

A figure is shown as its median with the lowest and the highest of the rounds; a fraction of the machine's
limit is a fraction of what the same process-wide settings reached in the same run, never of a data sheet.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("vggsweep", "torch", "torchvision", "hydra-core", "hydra-optuna-sweeper", "optuna", "SQLAlchemy")
CPU_MATMUL_SIDE = 2048
CUDA_MATMUL_SIDE = 8192
CPU_COPY_BYTES = 1 << 28
CUDA_COPY_BYTES = 1 << 30


@dataclass(frozen=True)
class Spread:
    """Some measurements of one thing.

    Args:
        median, lowest, highest: of all rounds.
        rounds: how many.
    """

    median: float
    lowest: float
    highest: float
    rounds: int

    def show(self, digits: int = 1) -> str:
        """``12.3 (11.9 – 12.8)``; a single round has no spread to show."""
        if self.rounds == 1:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.lowest:,.{digits}f} – {self.highest:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Median, lowest and highest."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """A ratio a round, so that whatever else the machine did then met both."""
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def facts(threads: int | None = None) -> dict[str, Any]:
    """Date, processor and versions, and how busy the machine was when the benchmark began."""
    return {
        "date": date.today().isoformat(),
        "processor": processor_name(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
        "threads": threads,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def show_facts(found: dict[str, Any]) -> None:
    """The facts in one line."""
    threads = "" if found["threads"] is None else f", {found['threads']} threads"
    print(
        f"{found['date']}, {found['processor']}, {found['cpus']} CPUs{threads}, "
        f"load {found['load']:.1f} at the start, Python {found['python']}, torch {found['versions']['torch']}"
    )


def processor_name() -> str:
    """What the CPU calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


# --- peaks


@dataclass(frozen=True)
class Peaks:
    """The machine's limits as torch reaches them.

    Args:
        fp32, bf16: GFLOP/s of a large square matrix product, 2 FLOPs a multiply-add; fp32 without TF32.
        copy: GB/s read and written by a copy of a large tensor.
    """

    fp32: float
    bf16: float
    copy: float


def measure_peaks(device_word: str = "cpu", *, tries: int = 5, side: int | None = None) -> Peaks:
    """The best of some tries of each; takes about a second on two CPU cores."""
    import torch

    device = torch.device(device_word)
    is_cuda = device.type == "cuda"
    if is_cuda:
        torch.cuda.set_device(device)
        torch.backends.cuda.matmul.allow_tf32 = False
    side = side or (CUDA_MATMUL_SIDE if is_cuda else CPU_MATMUL_SIDE)
    gflops = 2 * side**3 / 1e9
    a, b = torch.randn(2, side, side, device=device)
    low_a, low_b = a.bfloat16(), b.bfloat16()
    source = torch.ones((CUDA_COPY_BYTES if is_cuda else CPU_COPY_BYTES) // 4, device=device)
    target = torch.empty_like(source)

    def best(work: Callable[[], object]) -> float:
        return min(seconds(work, is_cuda=is_cuda) for _ in range(tries + 1))

    gigabytes = 2 * source.numel() * source.element_size() / 1e9
    return Peaks(
        fp32=gflops / best(lambda: a @ b),
        bf16=gflops / best(lambda: low_a @ low_b),
        copy=gigabytes / best(lambda: target.copy_(source)),
    )


def seconds(work: Callable[[], object], *, is_cuda: bool = False) -> float:
    """Wall seconds of one call, the device's work included."""
    import torch

    if is_cuda:
        torch.cuda.synchronize()
    started = time.perf_counter()
    work()
    if is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def training_flops(macs: int) -> int:
    """FLOPs of one training image: forward, gradient of the input, gradient of the weights; 2 a MAC.

    The first layer needs no gradient of its input, so that this is a little too much: half a percent
    for the chapter's small net.
    """
    return 3 * 2 * macs


# --- what is printed and written


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Columns as wide as their widest cell; the first to the left, the rest to the right."""
    cells = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, row in enumerate(cells):
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
        if number == 0:
            print("  ".join("-" * width for width in widths))


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """``--json FILE``, as every script has it."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured to this file")


def write_json(path: Path | None, result: dict[str, Any]) -> None:
    """Write a result where ``--json`` asked for it."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(result, indent=2, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    if isinstance(value, (Spread, Peaks)):
        return asdict(value)
    raise TypeError(type(value))
