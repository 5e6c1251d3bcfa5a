"""Wall-clock seconds of one fixed sweep with 1, 2 and 4 workers.

    python benchmarks/worker_scaling.py [--trials 16] [--epochs 4] [--repeats 1] [--device cuda] [--json FILE]

Every worker has one CPU thread, so that a second worker brings a second core. A run's time is from the
command to its end, with the start of all processes; the contenders take turns.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import add_json_option, facts, write_json

COUNTS = (1, 2, 4)


def seconds(workers: int, trials: int, epochs: int, device: str) -> float:
    """Wall-clock seconds of the sweep from its command to its end."""
    words = [sys.executable, "-m", "vggsweep", "-m", f"n_workers={workers}", f"n_trials={trials}"]
    words += [f"arch.width=range(8,{8 + trials})", "arch.depth=6", "measure=none", f"device={device}"]
    words += ["train.threads=1", f"train.epochs={epochs}", "sweep.name=scaling"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(done.stdout + done.stderr)
        return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS, help="numbers of workers")
    add_json_option(parser)
    options = parser.parse_args()
    machine = facts()
    runs: dict[int, list[float]] = {count: [] for count in options.counts}
    for _ in range(options.repeats):
        for count in options.counts:
            runs[count].append(seconds(count, options.trials, options.epochs, options.device))
    alone = statistics.median(runs[options.counts[0]])
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'workers':>7} {'seconds':>8} {'times faster':>12}")
    for count, values in runs.items():
        middle = statistics.median(values)
        print(f"{count:7} {middle:8.1f} {alone / middle:12.2f}")
    write_json(options.json, {"facts": machine, "options": vars(options) | {"json": None}, "seconds": runs})


if __name__ == "__main__":
    main()
