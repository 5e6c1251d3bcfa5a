"""What grows when a sweep, its data, its images or its age grow.

python benchmarks/growth.py
python benchmarks/growth.py --studies 10 100 1000 10000 --lives 1000 --json result.json

study        milliseconds around a trial (see sweep_overhead.py: the objective is a formula) of the next
             30 trials in a study that already holds so many. The trials that it holds are put into the
             study directly, marked as a sweep's own are, with no directories.
images x10   seconds of an epoch with 10 times the images (the subset that ships with vggsweep lent ten
             times over, so that nothing has to be on the machine); 10.0 is linear
pixels x4    seconds of an epoch at twice the resolution: `dataset.resolution=64` against 32; the MACs of
             convolutions grow by 4
lives        resident memory of one worker that trains so many tiny networks one after the other: at the
             first tenth, at the end, and the slope over the last half in KiB a trial, by least squares;
             beside it what Python allocates to hold the study's trials, which every worker does
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import add_json_option, facts, print_table, ratios, show_facts, spread, write_json

ROOT = Path(__file__).parents[1]
MEASURED_TRIALS = 30
SPACE = ("optimizer.lr=interval(0.001,0.1)", "optimizer.weight_decay=interval(0.0,0.001)")
LEAN = ("arch.depth=6", "arch.width=8", "device=cpu", "measure=none")
# Two convolutions on 64 images: a trial that is nearly nothing but its surroundings.
TINY = (
    "arch.num_blocks=2",
    "arch.depth=2",
    "dataset.limit=64",
    "train.epochs=1",
    "train.batch_size=64",
    "measure=none",
    "device=cpu",
)


# --- children, each in a process and a directory of its own


def sweep_in_grown_study(held: int) -> dict[str, Any]:
    """The formula's sweep, continued in a study that holds so many trials."""
    import sweep_overhead

    sweep_overhead.vggsweep(2, "sweep.name=grown")
    if held > 2:
        _fill(held - 2)
    sweep_overhead.calls.clear()
    sweep_overhead.vggsweep(held + MEASURED_TRIALS, "sweep.name=grown")
    gaps = [1e3 * (later - earlier) for earlier, later in itertools.pairwise(sweep_overhead.calls)]
    return {"milliseconds": gaps}


def _fill(count: int) -> None:
    """Copies of the study's first trial at other points, with results."""
    import optuna
    from optuna.trial import TrialState, create_trial

    from vggsweep.sweep.storage.trial_attrs import ATTRS

    study = optuna.load_study(study_name=None, storage="sqlite:///outputs/grown/study.db")
    like = study.trials[0]
    draw = random.Random(0)
    made = []
    for number in range(count):
        params = {name: draw.uniform(d.low, d.high) for name, d in like.distributions.items()}
        attrs = like.user_attrs[ATTRS] | {
            "configuration_hash": f"{number:064x}",
            "words": [f"{name}={value}" for name, value in params.items()],
            "swept": params,
        }
        made.append(
            create_trial(
                state=TrialState.COMPLETE,
                params=params,
                distributions=like.distributions,
                user_attrs={ATTRS: attrs},
                value=draw.random(),
            )
        )
    study.add_trials(made)


def epoch_seconds(words: Sequence[str], *, copies: int = 1) -> dict[str, Any]:
    """Training seconds of the second epoch; ``copies`` of the images stand in for more of them."""
    import vggsweep.cli
    import vggsweep.data.reading as reading

    if copies > 1:
        read = reading.mini.read_mini

        def read_many(split: Any) -> Any:
            import dataclasses

            import numpy as np

            images = read(split)
            if split != "train":
                return images
            return dataclasses.replace(
                images,
                images=np.concatenate([images.images] * copies),
                labels=np.concatenate([images.labels] * copies),
            )

        reading.mini.read_mini = read_many
    _run(vggsweep.cli.main, [*LEAN, "train.epochs=2", "sweep.name=epochs", *words])
    (record,) = Path("outputs/epochs/trials").glob("*/history.csv")
    header, *rows = (line.split(",") for line in record.read_text().splitlines())
    return {"seconds": float(rows[-1][header.index("train_seconds")])}


def live_long(trials: int) -> dict[str, Any]:
    """Resident memory after each tiny trial of one worker, in MiB, and the study's own bytes a trial."""
    import psutil

    import vggsweep.cli
    import vggsweep.trial

    process = psutil.Process()
    resident: list[float] = []
    write_record = vggsweep.trial.write_record

    def write(*args: Any) -> None:
        write_record(*args)
        resident.append(process.memory_info().rss / 2**20)

    vggsweep.trial.write_record = write
    space = ("arch.width=range(4,9)", *SPACE)
    _run(vggsweep.cli.main, ["-m", *TINY, *space, f"n_trials={trials}", "sweep.name=lives"])
    return {"resident_mb": resident, "study_bytes": _study_bytes() / trials}


def _study_bytes() -> int:
    """What Python allocates to hold all trials of the study that was just made."""
    import gc
    import tracemalloc

    import optuna

    def read() -> Any:
        return optuna.load_study(study_name="lives", storage="sqlite:///outputs/lives/study.db").trials

    read()  # what the database's library keeps for its next question is not the study's
    gc.collect()
    tracemalloc.start()
    trials = read()
    gc.collect()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert trials
    return held


def _run(main: Any, words: Sequence[str]) -> None:
    sys.argv = ["vggsweep", *words]
    try:
        main()
    except SystemExit as done:
        if done.code:
            raise


def child(what: str, value: str, answer: Path) -> None:
    """Do one thing here and write down what came of it."""
    match what:
        case "study":
            result = sweep_in_grown_study(int(value))
        case "images":
            result = epoch_seconds([], copies=int(value))
        case "resolution":
            result = epoch_seconds([f"dataset.resolution={value}"])
        case "lives":
            result = live_long(int(value))
        case _:
            raise AssertionError(what)
    answer.write_text(json.dumps(result))


# --- the parent


def measure(what: str, value: int, threads: int, folder: Path) -> dict[str, Any]:
    """One child in an empty directory."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
    with tempfile.TemporaryDirectory(dir=folder, prefix="growth-") as place:
        answer = Path(place) / "answer.json"
        command = [sys.executable, __file__, "--child", what, str(value), str(answer)]
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
        if done.returncode != 0 or not answer.exists():
            sys.exit(f"{what} {value} failed:\n{done.stdout}\n{done.stderr}")
        result: dict[str, Any] = json.loads(answer.read_text())
    print(f"  {what} {value} done", file=sys.stderr)
    return result


def compare(studies: Sequence[int], lives: int, rounds: int, threads: int, folder: Path) -> dict[str, Any]:
    """Everything in turns, the long life last."""
    result = facts(threads)
    overhead: dict[int, list[float]] = {held: [] for held in studies}
    epochs: dict[str, list[float]] = {}
    for _ in range(rounds):
        for held in studies:
            overhead[held].append(statistics.median(measure("study", held, threads, folder)["milliseconds"]))
        for what, values in (("images", (1, 10)), ("resolution", (32, 64))):
            for value in values:
                seconds = measure(what, value, threads, folder)["seconds"]
                epochs.setdefault(f"{what} {value}", []).append(seconds)
    life = measure("lives", lives, threads, folder) if lives else {"resident_mb": [], "study_bytes": 0.0}
    return result | {"milliseconds_a_trial": overhead, "epoch_seconds": epochs} | life


def slope(values: Sequence[float]) -> float:
    """Growth a step of the line of least squares."""
    return statistics.linear_regression(range(len(values)), values).slope


def show(result: dict[str, Any]) -> None:
    """Three tables."""
    show_facts(result)
    overhead = result["milliseconds_a_trial"]
    print()
    least = next(iter(overhead.values()))
    print_table(
        ["trials in the study", "ms a trial", "÷ first row"],
        [[f"{n:,}", spread(v).show(), spread(ratios(v, least)).show(2)] for n, v in overhead.items()],
    )
    print()
    epochs = result["epoch_seconds"]
    rows = []
    for grown, base in (("images 10", "images 1"), ("resolution 64", "resolution 32")):
        ratio = spread(ratios(epochs[grown], epochs[base])).show(2)
        rows.append([grown, spread(epochs[grown]).show(2), base, spread(epochs[base]).show(2), ratio])
    print_table(["grown", "seconds an epoch", "from", "seconds", "÷"], rows)
    resident = result["resident_mb"]
    if resident:
        print()
        half = resident[len(resident) // 2 :]
        row = [
            f"{len(resident):,}",
            f"{resident[len(resident) // 10]:.1f}",
            f"{resident[-1]:.1f}",
            f"{1024 * slope(half):+.2f}",
            f"{result['study_bytes'] / 1024:.2f}",
        ]
        print_table(
            [
                "trials of one worker",
                "MiB at a tenth",
                "MiB at the end",
                "KiB a trial, last half",
                "of the study, KiB a trial",
            ],
            [row],
        )


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], Path(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(
        description="What grows with trials, images, resolution and a worker's age.",
        epilog="example: python benchmarks/growth.py --studies 10 10000 --lives 0",
    )
    parser.add_argument(
        "--studies", type=int, nargs="+", default=[10, 100, 1_000], help="trials held (default: 10 100 1000)"
    )
    parser.add_argument("--lives", type=int, default=200, help="tiny trials of one worker; 0 leaves it out")
    parser.add_argument("--repeats", type=int, default=1, help="rounds (default: 1)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument("--folder", type=Path, default=Path(), help="a directory on the disk to measure")
    add_json_option(parser)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    result = compare(arguments.studies, arguments.lives, arguments.repeats, arguments.threads, folder)
    show(result)
    write_json(arguments.json, result)


if __name__ == "__main__":
    main()
