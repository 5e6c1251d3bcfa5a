"""Whole-process time of `vggsweep table`, with Optuna's own table of an equal study beside it.

    python benchmarks/table_time.py --rounds 5

For each number of trials a sweep directory with so many records is made, and a SQLite study with the same
trials: the parameters as parameters, `val_acc` as the value, every other column of the table as a user
attribute. Then, in turns, each in a process of its own from the start of Python to its end:

    cold      `vggsweep table --csv` without an index: every record is read
    indexed   the same with the index that the cold one left
    terminal  `vggsweep table`, indexed
    frame     `vggsweep.load_sweep`, indexed: the same rows as a pandas DataFrame
    optuna    `optuna.load_study(…).trials_dataframe()`

Files are in the page cache throughout; a disk that has to be read comes on top of `cold` and `optuna`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
from machine import add_json_option, facts, write_json

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import resolved
from vggsweep.results.disk.index import INDEX_NAME
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import row

SIZES = (100, 1_000, 10_000)
CONTENDERS = ("cold", "indexed", "terminal", "frame", "optuna")
SEED = 0
FRAME = "import vggsweep; print(len(vggsweep.load_sweep('sweep')))"
OPTUNA = """
import optuna
optuna.logging.set_verbosity(optuna.logging.WARNING)
print(len(optuna.load_study(study_name="sweep", storage="sqlite:///study.db").trials_dataframe()))
"""


def records(count: int) -> list[Record]:
    """Trials of a depth-width sweep as the trainer writes them, with made-up results."""
    plain = resolved(compose(["space=depth_width"]))
    draw = random.Random(SEED)
    template = Record("sweep", 0, "COMPLETE", None, "0" * 64, plain, overrides=("space=depth_width",))
    made = []
    for number in range(count):
        depth, width, momentum = draw.randint(4, 16), draw.randint(4, 64), draw.uniform(0.5, 0.99)
        made.append(
            replace(
                template,
                trial=number,
                network={
                    "arch": "vgg_scaled",
                    "depth": depth,
                    "width": width,
                    "stages": f"1x{width}-2x{2 * width}",
                    "head": "gap",
                    "resolution": 32,
                },
                costs={
                    "params": 9 * depth * width**2,
                    "conv_params": 9 * depth * width**2 - 10,
                    "macs": 9_000 * depth * width**2,
                    "activations": 1024 * depth * width,
                },
                metrics={name: draw.random() for name in ("train_loss", "train_acc", "val_loss", "val_acc")}
                | {"epochs_run": 5},
                measurements={
                    name: draw.random()
                    for name in ("latency_ms_p50", "latency_ms_p95", "throughput", "peak_memory_mb")
                },
                timings={name: draw.random() for name in ("train_seconds", "images_per_second")},
                environment={"device_name": "a CPU", "precision": "fp32", "threads": 2},
                swept={"arch.depth": depth, "arch.width": width, "optimizer.momentum": momentum},
            )
        )
    return made


def make_sweep(count: int, folder: Path) -> None:
    """The directory and the study of one size, under ``folder``."""
    made = records(count)
    sweep = folder / "outputs" / "sweep"
    for record in made:
        directory = sweep / "trials" / f"{record.trial:05d}"
        directory.mkdir(parents=True)
        # write_record would sync each file to the disk
        (directory / "record.json").write_text(json.dumps(vars(record), indent=2))
    make_study(made, sweep, folder / "study.db")


def make_study(made: Sequence[Record], sweep: Path, path: Path) -> None:
    """A study of the same trials.

    Optuna writes the first; the others are rows like its own, with their own values: through Optuna, ten
    thousand trials of this many attributes take a quarter of an hour.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name="sweep", storage=f"sqlite:///{path}", direction="maximize")
    study.add_trial(
        optuna.trial.create_trial(
            params=dict(made[0].swept),
            distributions={
                "arch.depth": optuna.distributions.IntDistribution(4, 16),
                "arch.width": optuna.distributions.IntDistribution(4, 64),
                "optimizer.momentum": optuna.distributions.FloatDistribution(0.5, 0.99),
            },
            value=made[0].metrics["val_acc"],
            user_attrs=_attributes(made[0], sweep),
        )
    )
    with sqlite3.connect(path) as database:
        for record in made[1:]:
            values = {
                "trial_params": dict(record.swept),
                "trial_values": {0: record.metrics["val_acc"]},
                "trial_user_attributes": {k: json.dumps(v) for k, v in _attributes(record, sweep).items()},
            }
            database.execute(
                "INSERT INTO trials SELECT ?, ?, study_id, state, datetime_start, datetime_complete "
                "FROM trials WHERE number = 0",
                (record.trial + 1, record.trial),
            )
            for table, (key, value, further) in TRIAL_TABLES.items():
                database.executemany(
                    f"INSERT INTO {table} (trial_id, {key}, {value}{further}) "
                    f"SELECT ?, {key}, ?{further} FROM {table} WHERE trial_id = 1 AND {key} = ?",
                    [(record.trial + 1, new, name) for name, new in values[table].items()],
                )


# Optuna's tables of one trial: the columns of name and value, and what is the same in every trial.
TRIAL_TABLES = {
    "trial_params": ("param_name", "param_value", ", distribution_json"),
    "trial_values": ("objective", "value", ", value_type"),
    "trial_user_attributes": ("key", "value_json", ""),
}


def _attributes(record: Record, sweep: Path) -> dict[str, Any]:
    named = ("val_acc", "depth", "width", "trial", "state", *record.swept)
    return {k: v for k, v in row(record, sweep).items() if v is not None and k not in named}


def command(contender: str) -> list[str]:
    if contender == "optuna":
        return [sys.executable, "-c", OPTUNA]
    if contender == "frame":
        return [sys.executable, "-c", FRAME]
    return [
        sys.executable,
        "-m",
        "vggsweep",
        "table",
        "sweep",
        *([] if contender == "terminal" else ["--csv"]),
    ]


@dataclass(frozen=True)
class Run:
    """One process.

    Args:
        wall: seconds from its start to its end.
        cpu: processor seconds of it, which other work on the machine stretches less.
    """

    wall: float
    cpu: float


def timed(contender: str, folder: Path) -> Run:
    """One run of a contender."""
    index = folder / "outputs" / "sweep" / INDEX_NAME
    if contender == "cold":
        index.unlink(missing_ok=True)
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(command(contender), cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{contender} ended with {done.returncode}:\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Run(seconds, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def compare(count: int, rounds: int, say: Callable[[str], None]) -> dict[str, list[Run]]:
    """The runs of each contender, in turns."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say(f"making {count} trials")
        make_sweep(count, folder)
        seconds: dict[str, list[Run]] = {contender: [] for contender in CONTENDERS}
        for turn in range(rounds):
            for contender in CONTENDERS:
                seconds[contender].append(timed(contender, folder))
            say(f"{count} trials, round {turn + 1} of {rounds}")
    return seconds


def show(results: dict[int, dict[str, list[Run]]]) -> None:
    packages = ", ".join(f"{name} {version(name)}" for name in ("optuna", "pandas", "sqlalchemy"))
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, {packages}")
    print(
        "Wall seconds, median (lowest – highest), then processor seconds, median; "
        "last, the median of optuna ÷ indexed in wall and in processor seconds.\n"
    )
    print("| trials | " + " | ".join(CONTENDERS) + " | ratio |")
    print("| ---: " * (len(CONTENDERS) + 2) + "|")
    for count, runs in results.items():
        cells = [_cell(one) for one in runs.values()]
        pairs = list(zip(runs["optuna"], runs["indexed"], strict=True))
        wall = statistics.median(other.wall / ours.wall for other, ours in pairs)
        cpu = statistics.median(other.cpu / ours.cpu for other, ours in pairs)
        print(f"| {count:,} | {' | '.join(cells)} | {wall:.0f}, {cpu:.0f} |")


def _cell(runs: Sequence[Run]) -> str:
    walls = [one.wall for one in runs]
    cpu = statistics.median(one.cpu for one in runs)
    return f"{statistics.median(walls):.2f} ({min(walls):.2f} – {max(walls):.2f}), {cpu:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Whole-process time of `vggsweep table` beside Optuna's trials_dataframe.",
        epilog="example: python benchmarks/table_time.py --sizes 100 1000",
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="N", help="numbers of trials")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender (default: 5)")
    add_json_option(parser)
    arguments = parser.parse_args()

    def say(text: str) -> None:
        print(f"  {text}", file=sys.stderr, flush=True)

    result = facts()
    runs = {count: compare(count, arguments.rounds, say) for count in arguments.sizes}
    show(runs)
    plain = {n: {name: [asdict(run) for run in own] for name, own in of.items()} for n, of in runs.items()}
    write_json(arguments.json, result | {"runs": plain})


if __name__ == "__main__":
    main()
