"""Seconds that a sweep spends on a trial besides training it: vggsweep against the stock Optuna plugin.

    python benchmarks/sweep_overhead.py --json result.json

Every contender sweeps the same two real parameters with TPE, one trial at a time in its own process; all
take turns. The objective is a formula of the two parameters, so what is left is the sweep's own work.
Counted is the time from one objective's call to the next within one sweep; start and end are not.

    vggsweep       hydra/sweeper=vggsweep as a person runs it. Only the network, the images and the epochs
                   are replaced: a trial is asked for, composed, checked, marked, owned, logged, its
                   history.csv and record.json written with fsync, told, and its line shown
    vggsweep, all  the same with `objective=acc_vs_macs pruner=pareto`
    stock          hydra/sweeper=optuna with the basic launcher, as it comes: a configuration of these two
                   fields, and a study in memory, which ends with the process
    stock, SQLite  the same with a study that can be continued, as ours can
    stock, groups  the same with vggsweep's configuration (15 groups) to compose for each trial
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

SPACE = ("optimizer.lr=interval(0.001,0.1)", "optimizer.weight_decay=interval(0.0,0.001)")
STOCK = ("hydra/sweeper=optuna", "hydra/sweeper/sampler=tpe", "hydra.sweeper.direction=maximize")
PACKAGES = ("vggsweep", "hydra-core", "hydra-optuna-sweeper", "optuna", "SQLAlchemy")

# One time stamp a trial, taken when its objective is called.
calls: list[float] = []


def objective(lr: float, weight_decay: float) -> float:
    """An accuracy without a training; its best point lies inside the space."""
    calls.append(time.perf_counter())
    return 1.0 - 50 * (lr - 0.03) ** 2 - 1e4 * (weight_decay - 4e-4) ** 2


# --- contenders, each in a process of its own


def vggsweep(trials: int, *words: str) -> None:
    """The real command, with a formula in place of network, images and epochs."""
    import torch

    import vggsweep.cli
    import vggsweep.trial
    from vggsweep.training.loop import EpochResult

    class NoImages:
        loader = "resident"
        note = None
        chance = (0.1, 2.3)
        num_images = 1
        class_names = class_counts = ()
        validated = ""
        train = validation = property(lambda self: self)

        def __enter__(self) -> NoImages:
            return self

        def __exit__(self, *_: object) -> None:
            pass

    class Formula:
        def __init__(self, network: Any, optimizer: Any, *_: object) -> None:
            self.evaluated_network = network
            self.optimizer = optimizer
            self.history: list[EpochResult] = []
            self.graph = self.answers = None
            self.validated = ((), ())

        def run(self, *_: object, listener: Any, **__: object) -> None:
            acc = objective(self.optimizer.lr, self.optimizer.weight_decay)
            result = EpochResult(1, self.optimizer.lr, 1.0, acc, 1.0, acc, 1e-3, 1e3)
            self.history.append(result)
            listener.epoch_ended(result)

    vggsweep.trial.prepare_network = lambda *_: torch.nn.Identity()  # type: ignore[assignment]
    vggsweep.trial.prepare_data = lambda *_, **__: NoImages()  # type: ignore[assignment]
    vggsweep.trial.prepare_training = lambda configuration, network, *_: Formula(  # type: ignore[assignment]
        network, configuration.optimizer
    )
    fixed = ("device=cpu", "measure=none", "train.epochs=1", "scheduler=constant", "seed=0")
    sys.argv = ["vggsweep", "-m", *fixed, *SPACE, f"n_trials={trials}", *words]
    try:
        vggsweep.cli.main()
    except SystemExit as done:
        if done.code:
            raise


def stock(trials: int, *, storage: bool, config_dir: Path) -> None:
    """The stock plugin around the formula."""
    import hydra
    from omegaconf import DictConfig

    def task(config: DictConfig) -> float:
        return objective(config.optimizer.lr, config.optimizer.weight_decay)

    study = ("hydra.sweeper.storage=sqlite:///study.db", "hydra.sweeper.study_name=stock") if storage else ()
    seed = ("hydra.sweeper.sampler.seed=0",)
    words = (*STOCK, *seed, f"hydra.sweeper.n_trials={trials}", *study, *SPACE)
    sys.argv = ["stock", "-m", *words]
    hydra.main(config_path=str(config_dir), config_name="config", version_base=None)(task)()


def run_contender(name: str, trials: int) -> None:
    """Run one contender here, in the current directory."""
    if name == "vggsweep":
        vggsweep(trials)
    elif name == "vggsweep, all":
        vggsweep(trials, "objective=acc_vs_macs", "pruner=pareto")
    elif name == "stock, groups":
        from vggsweep.configuration.locate import config_dir

        stock(trials, storage=True, config_dir=config_dir())
    else:
        folder = Path("conf")
        folder.mkdir()
        (folder / "config.yaml").write_text("optimizer:\n  lr: 0.01\n  weight_decay: 0.0\n")
        stock(trials, storage=name == "stock, SQLite", config_dir=folder.resolve())


CONTENDERS = ("vggsweep", "vggsweep, all", "stock", "stock, SQLite", "stock, groups")


# --- side by side


def milliseconds_a_trial(name: str, trials: int, folder: Path) -> list[float]:
    """One contender in a fresh process and an empty directory: ms between its objective's calls."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="overhead-") as place:
        answer = Path(place) / "calls.json"
        command = [sys.executable, __file__, "--alone", name, "--trials", str(trials)]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
        if done.returncode != 0 or not answer.exists():
            sys.exit(f"{name} failed:\n{done.stdout}\n{done.stderr}")
        stamps = json.loads(answer.read_text())
    assert len(stamps) == trials, f"{name} called the objective {len(stamps)} times"
    return [1e3 * (later - earlier) for earlier, later in itertools.pairwise(stamps)]


def compare(names: Sequence[str], trials: int, rounds: int, folder: Path) -> dict[str, Any]:
    """All contenders in turns; the order turns round in every second round."""
    gaps: dict[str, list[list[float]]] = {name: [] for name in names}
    for turn in range(rounds):
        for name in names if turn % 2 == 0 else reversed(names):
            gaps[name].append(milliseconds_a_trial(name, trials, folder))
            median = statistics.median(gaps[name][-1])
            print(f"  round {turn + 1}/{rounds}  {name:14}{median:8.1f} ms", file=sys.stderr, flush=True)
    return {
        "date": date.today().isoformat(),
        "processor": platform.processor() or platform.machine(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {package: version(package) for package in PACKAGES},
        "trials": trials,
        "rounds": rounds,
        "milliseconds": gaps,
    }


def show(result: dict[str, Any]) -> None:
    """A row a contender: median, lowest and highest of the rounds' medians; mean and p95 of all trials."""
    gaps = result["milliseconds"]
    medians = {name: [statistics.median(one) for one in rows] for name, rows in gaps.items()}
    print(f"{result['trials']} trials a run, {result['rounds']} rounds, {result['date']}")
    print(", ".join(f"{name} {number}" for name, number in result["versions"].items()))
    columns = f"{'lowest':>9}{'highest':>9}{'mean':>9}{'p95':>9}{'÷ stock':>9}{'÷ SQLite':>10}"
    print(f"\n{'':14}{'ms a trial':>11}{columns}")
    for name, rows in medians.items():
        every = sorted(gap for one in gaps[name] for gap in one)
        ratio, ratio_kept = (_ratio(rows, medians.get(other)) for other in ("stock", "stock, SQLite"))
        print(
            f"{name:14}{statistics.median(rows):11.1f}{min(rows):9.1f}{max(rows):9.1f}"
            f"{statistics.fmean(every):9.1f}{every[int(0.95 * len(every))]:9.1f}{ratio:>9}{ratio_kept:>10}"
        )


def _ratio(rows: Sequence[float], others: Sequence[float] | None) -> str:
    """The median of one round's ratio, so that other load on the machine meets both."""
    if others is None:
        return "–"
    return f"{statistics.median(one / other for one, other in zip(rows, others, strict=True)):.2f}"


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="vggsweep against the stock Optuna plugin: milliseconds around a trial.",
        epilog="example: python benchmarks/sweep_overhead.py --repeats 3 --only vggsweep stock",
    )
    parser.add_argument("--trials", type=int, default=50, help="trials of each run (default: 50)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--folder", type=Path, default=Path(), help="a directory on the disk to measure")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything measured to this file")
    parser.add_argument("--alone", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    if arguments.alone is not None:
        run_contender(arguments.alone, arguments.trials)
        Path("calls.json").write_text(json.dumps(calls))
        return
    result = compare(arguments.only, arguments.trials, arguments.repeats, arguments.folder)
    show(result)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
