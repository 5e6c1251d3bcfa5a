"""Every benchmark of this folder, one after the other: its table on the screen, its JSON in one folder.

    python benchmarks/all.py --out bench            # or: make bench BENCH=bench
    python benchmarks/all.py --only startup growth

The GPU suite runs where torch finds a CUDA device, and is left out elsewhere.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machine import facts, print_table

HERE = Path(__file__).parent
# What runs by which name, in this order; sizes are each script's own defaults unless they stand here.
RUNS: dict[str, tuple[str, ...]] = {
    "chapter": ("chapter_loop.py", "--workload", "chapter"),
    "chapter_32": ("chapter_loop.py", "--workload", "chapter_32"),
    "lean": ("chapter_loop.py", "--workload", "lean"),
    "startup": ("startup.py",),
    "sweep_overhead": ("sweep_overhead.py",),
    "idle_share": ("idle_share.py",),
    "worker_scaling": ("worker_scaling.py",),
    "growth": ("growth.py",),
    "search_replay": ("search_replay.py",),
    "fit_coverage": ("fit_coverage.py",),
    "table_time": ("table_time.py",),
    "augmentation": ("augmentation.py",),
    "family_steps": ("family_steps.py",),
    "latency_widths": ("latency_widths.py",),
    "gpu_suite": ("gpu_suite.py",),
}


def command(name: str, out: Path) -> list[str]:
    """The line of one benchmark."""
    script, *words = RUNS[name]
    return [sys.executable, str(HERE / script), *words, "--json", str(out / f"{name}.json")]


def reason_to_leave_out(name: str) -> str | None:
    """Why a benchmark does not run on this machine; None where it does."""
    if name == "gpu_suite":
        import torch

        if not torch.cuda.is_available():
            return "no CUDA device"
    return None


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Every benchmark, one after the other.",
        epilog="example: python benchmarks/all.py --out bench --only chapter startup",
    )
    parser.add_argument("--out", type=Path, default=Path("bench"), help="folder of the JSON files (bench)")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=list(RUNS), metavar="NAME")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    rows: list[list[str]] = []
    summary: dict[str, Any] = {"facts": facts(), "runs": {}}
    for name in arguments.only:
        left_out = reason_to_leave_out(name)
        seconds = 0.0
        if left_out is None:
            print(f"\n== {name}", flush=True)
            started = time.perf_counter()
            done = subprocess.run(command(name, out), env=environment, cwd=out)
            seconds = time.perf_counter() - started
            left_out = None if done.returncode == 0 else f"failed ({done.returncode})"
        state = left_out or "done"
        rows.append([name, state, f"{seconds:.0f}"])
        summary["runs"][name] = {"state": state, "seconds": seconds}
        (out / "all.json").write_text(json.dumps(summary, indent=2) + "\n")
    print(f"\n== all, JSON in {out}")
    print_table(["benchmark", "state", "seconds"], rows)
    if any(row[1].startswith("failed") for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
