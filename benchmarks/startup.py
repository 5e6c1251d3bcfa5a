"""Milliseconds until something happens: the help, the first step of a first trial, of the next trial.

    python benchmarks/startup.py --json result.json

In turns, each in a process of its own from the start of Python on:

    python          `python -c pass`, which everything below contains
    torch           `python -c "import torch"`, which every training contains
    help            `vggsweep --help`
    first trial     `vggsweep …`: until the first training step of its trial has ended
    first of sweep  `vggsweep -m …`: until the first training step of its first trial has ended

and within the same sweep, in the worker that is warm then:

    next trial      from the moment at which a trial's record is on the disk until the first training step of
                    the next trial has ended: told, asked, composed, checked, marked, owned, built, loaded,
                    trained one step. Two of its parts are shown too: `until build` (the sweep's own work) and
                    `build to step` (network, images, optimizer and the step itself)
    a step          the third training step of the same trials
    warm start      `next trial` less `a step`: what a trial waits before it trains

A process per trial, as a plain launcher has it, pays `first trial` for every trial; the last column of the
table is the ratio to it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from machine import add_json_option, facts, print_table, show_facts, spread, write_json

ROOT = Path(__file__).parents[1]
WORDS = ("device=cpu", "measure=none", "train.epochs=1", "dataset.limit=640", "arch.depth=8")
DATASETS = ("fashion_mnist_mini", "fashion_mnist")


def stamped(arguments: Sequence[str], answer: Path) -> None:
    """Run the real command here, and write down when what happened in its trials."""
    import vggsweep.cli
    import vggsweep.preparation
    import vggsweep.trial
    from vggsweep.training.loop import Listener, Training

    stamps: list[dict[str, float]] = []
    build_network, write_record = vggsweep.trial.prepare_network, vggsweep.trial.write_record

    def build(*args: Any) -> Any:
        stamps.append({"build": time.time()})
        return build_network(*args)

    def write(*args: Any) -> None:
        write_record(*args)
        stamps[-1]["recorded"] = time.time()

    class Stamping:
        def __init__(self, listener: Listener) -> None:
            self.listener = listener
            self.epoch_ended = listener.epoch_ended

        def step_ended(self, epoch: int, step: int, images: int) -> None:
            if (epoch, step) in ((1, 1), (1, 2), (1, 3)):
                stamps[-1][f"step {step}"] = time.time()
            self.listener.step_ended(epoch, step, images)

    class Stamped(Training):
        def run(self, *args: Any, listener: Listener, **rest: Any) -> None:
            super().run(*args, listener=Stamping(listener), **rest)

    vggsweep.trial.prepare_network = build
    vggsweep.trial.write_record = write
    vggsweep.preparation.Training = Stamped  # type: ignore[misc]
    sys.argv = ["vggsweep", *arguments]
    try:
        vggsweep.cli.main()
    except SystemExit as done:
        if done.code:
            raise
    answer.write_text(json.dumps(stamps))


def whole_process(arguments: Sequence[str], environment: dict[str, str]) -> float:
    """Wall milliseconds of a Python process."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - started)


def trials(
    words: Sequence[str], environment: dict[str, str], folder: Path
) -> tuple[float, list[dict[str, float]]]:
    """When a command was started, and the stamps of its trials, in an empty directory."""
    with tempfile.TemporaryDirectory(dir=folder, prefix="startup-") as place:
        answer = Path(place) / "stamps.json"
        command = [sys.executable, __file__, "--alone", str(answer), *words]
        started = time.time()
        done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
        if done.returncode != 0 or not answer.exists():
            sys.exit(f"{' '.join(words)} failed:\n{done.stdout}\n{done.stderr}")
        return started, json.loads(answer.read_text())


def has(dataset: str) -> bool:
    """Whether a data set is on this machine."""
    from vggsweep.configuration.compose import compose
    from vggsweep.configuration.schema import read_configuration, resolved
    from vggsweep.data.reading import read_images
    from vggsweep.errors import VggsweepError

    try:
        read_images(read_configuration(resolved(compose([f"dataset={dataset}"]))).dataset, "train")
    except VggsweepError:
        return False
    return True


def compare(
    datasets: Sequence[str], rounds: int, n_trials: int, threads: int, folder: Path, words: Sequence[str]
) -> dict[str, Any]:
    """Everything in turns."""
    result = facts(threads)
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": path}
    found: dict[str, list[float]] = {}

    def add(name: str, *milliseconds: float) -> None:
        found.setdefault(name, []).extend(milliseconds)

    for turn in range(rounds):
        print(f"  round {turn + 1}/{rounds}", file=sys.stderr)
        add("python", whole_process(["-c", "pass"], environment))
        add("torch", whole_process(["-c", "import torch"], environment))
        add("help", whole_process(["-m", "vggsweep", "--help"], environment))
        for dataset in datasets:
            own = (*WORDS, f"dataset={dataset}", *words)
            started, (only,) = trials(own, environment, folder)
            add(f"first trial, {dataset}", 1e3 * (only["step 1"] - started))
            # Every trial has another network, as in any sweep of depth against width.
            sweep = ("-m", f"arch.width=range(8,{8 + n_trials})", f"n_trials={n_trials}")
            started, stamps = trials((*own, *sweep), environment, folder)
            add(f"first of sweep, {dataset}", 1e3 * (stamps[0]["step 1"] - started))
            pairs = list(itertools.pairwise(stamps))
            gaps = [1e3 * (b["step 1"] - a["recorded"]) for a, b in pairs]
            add(f"next trial, {dataset}", statistics.median(gaps))
            until_build = [1e3 * (b["build"] - a["recorded"]) for a, b in pairs]
            add(f"  until build, {dataset}", statistics.median(until_build))
            build_to_step = [1e3 * (b["step 1"] - b["build"]) for _, b in pairs]
            add(f"  build to step, {dataset}", statistics.median(build_to_step))
            add(f"  a step, {dataset}", statistics.median(1e3 * (b["step 3"] - b["step 2"]) for b in stamps))
            waits = [1e3 * (b["step 1"] - a["recorded"] - b["step 3"] + b["step 2"]) for a, b in pairs]
            add(f"warm start, {dataset}", statistics.median(waits))
    return result | {"words": [*WORDS, *words], "trials": n_trials, "milliseconds": found}


def show(result: dict[str, Any]) -> None:
    """A row a figure."""
    show_facts(result)
    print(f"{' '.join(result['words'])}; sweeps of {result['trials']} trials, median of each\n")
    rows = []
    for name, values in result["milliseconds"].items():
        whole = result["milliseconds"].get(f"first trial, {name.partition(', ')[2]}")
        ratio = "" if whole is None else f"{statistics.median(values) / statistics.median(whole):.3f}"
        rows.append([name, spread(values).show(), ratio])
    print_table(["", "ms", "÷ first trial"], rows)


def main() -> None:
    if sys.argv[1:2] == ["--alone"]:
        stamped(sys.argv[3:], Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(
        description="Milliseconds to the help, to the first step of a first trial and of the next one.",
        epilog="example: python benchmarks/startup.py --repeats 5 arch.depth=13",
    )
    parser.add_argument("overrides", nargs="*", help="further overrides of all trials")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--trials", type=int, default=8, help="trials of a sweep (default: 8)")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="CPU threads")
    parser.add_argument("--folder", type=Path, default=Path(), help="a directory on the disk to measure")
    add_json_option(parser)
    arguments = parser.parse_intermixed_args()
    datasets = [dataset for dataset in DATASETS if has(dataset)]
    result = compare(
        datasets,
        arguments.repeats,
        arguments.trials,
        arguments.threads,
        arguments.folder.resolve(),
        arguments.overrides,
    )
    show(result)
    write_json(arguments.json, result)


if __name__ == "__main__":
    main()
