"""What a pruner saves and what it costs, replayed over learning curves that were all trained to the end.

    python benchmarks/pruning_replay.py                       # reads benchmarks/learning_curves.csv
    python benchmarks/pruning_replay.py --live                # two real sweeps of 16 trials, some minutes
    python benchmarks/pruning_replay.py --collect outputs/learning_curves

A live comparison of two sweeps compares their luck. Here every configuration of one finite depth x width
space was trained in full, with several seeds (the command stands in benchmarks/README.md); a replay lets
them arrive in a random order, one seed each, and asks the very functions that a sweep asks, epoch by
epoch, whether a trial goes on. All pruners see the same orders, so that their ratios are paired.

    time ÷          epochs' seconds of the sweep without a pruner ÷ with it
    strict          hypervolume of the finished trials' front (accuracy against log10 MACs), as a share of the
                    front of all; the reference point is the worst accuracy and the largest cost of the space
    from 0          the same with the reference point at accuracy 0, which counts the area that both share
    .99 sooner      time until .99 of the latter is reached: without a pruner ÷ with it
    best acc        accuracy of the best finished trial minus that of the best of all

The seconds of an epoch are a configuration's least over seeds and epochs, so that whatever else the
machine did while the curves were trained does not count.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.configuration.sweep_settings import ParetoSettings, PrunerSettings
from vggsweep.results.disk.history import read_history
from vggsweep.results.statistics.front import is_non_dominated
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.pruning.pareto import is_stopped, rungs
from vggsweep.sweep.spec.pruners import optuna_pruner

CURVES = Path(__file__).parent / "learning_curves.csv"
FIELDS = ("depth", "width", "seed", "macs", "epoch", "train_acc", "val_acc", "train_seconds")
# What is replayed: a label, and the words that choose the pruner in a sweep.
TWO_OBJECTIVES = {
    "pareto": ["pruner=pareto"],
    "pareto, rungs x3": ["pruner=pareto", "pruner.rung_factor=3"],
    "pareto, eta 2": ["pruner=pareto", "pruner.eta=2"],
    "pareto, the paper's rule": ["pruner=pareto", "pruner.keep_front=false"],
    "pareto, first rung 3": ["pruner=pareto", "pruner.first_rung=3"],
    "pareto, first rung 5": ["pruner=pareto", "pruner.first_rung=5"],
}
ONE_OBJECTIVE = {
    "pareto": ["pruner=pareto"],
    "successive_halving": ["pruner=successive_halving"],
    "hyperband": ["pruner=hyperband"],
    "median": ["pruner=median"],
}


@dataclass(frozen=True)
class Curve:
    """One configuration trained to its last epoch with one seed.

    Args:
        macs: of one image.
        val_acc: after each epoch.
        epoch_seconds: of one epoch.
    """

    macs: int
    val_acc: tuple[float, ...]
    epoch_seconds: float


# A configuration's curves, one a seed.
Space = list[list[Curve]]


@dataclass(frozen=True)
class Replay:
    """One sweep as it would have gone.

    Args:
        seconds: at which each trial ended.
        points: (accuracy, MACs) of each finished trial, None where it was stopped.
    """

    seconds: list[float]
    points: list[tuple[float, int] | None]


# Told the trial's curve and its epoch (from 1), says whether it ends there; one a replay, as it remembers.
Rule = Callable[[int, Curve, int], bool]


def no_rule(_trial: int, _curve: Curve, _epoch: int) -> bool:
    """Without a pruner."""
    return False


def pareto_rule(settings: ParetoSettings, epochs: int, *, with_cost: bool) -> Rule:
    """`vggsweep.sweep.pruning.pareto`, fed as `PruningCallback` feeds it."""
    reached: dict[int, list[list[float]]] = defaultdict(list)
    looks = set(rungs(settings, epochs))

    def is_ended(_trial: int, curve: Curve, epoch: int) -> bool:
        if epoch not in looks:
            return False
        losses = [1.0 - curve.val_acc[epoch - 1]] + ([float(curve.macs)] if with_cost else [])
        reached[epoch].append(losses)
        return is_stopped(settings, reached[epoch])

    return is_ended


def optuna_rule(settings: PrunerSettings, epochs: int) -> Rule:
    """One of Optuna's own pruners, asked through a study in memory."""
    study = optuna.create_study(
        study_name="replay",  # Hyperband draws a trial's bracket from the name and the number
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna_pruner(settings, epochs),
    )
    trials: dict[int, optuna.Trial] = {}

    def is_ended(number: int, curve: Curve, epoch: int) -> bool:
        if number not in trials:
            trials[number] = study.ask()
        trial = trials[number]
        value = curve.val_acc[epoch - 1]
        if epoch == epochs:
            study.tell(trial, value)
            return False
        trial.report(value, epoch)
        if trial.should_prune():
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            return True
        return False

    return is_ended


def replay(order: Sequence[Curve], rule: Rule) -> Replay:
    """Train the curves one after the other under a rule."""
    clock, seconds, points = 0.0, [], []
    for number, curve in enumerate(order):
        point: tuple[float, int] | None = (curve.val_acc[-1], curve.macs)
        for epoch in range(1, len(curve.val_acc) + 1):
            clock += curve.epoch_seconds
            if rule(number, curve, epoch) and epoch < len(curve.val_acc):
                point = None
                break
        seconds.append(clock)
        points.append(point)
    return Replay(seconds, points)


def hypervolumes(replayed: Replay, worst_acc: float, largest_macs: int) -> list[float]:
    """The hypervolume of the finished trials' front after each trial."""
    found: list[tuple[float, float]] = []
    volumes = []
    for point in replayed.points:
        if point is not None:
            found.append((-point[0], np.log10(point[1])))
        volumes.append(_hypervolume(found, -worst_acc, float(np.log10(largest_macs))))
    return volumes


def _hypervolume(points: list[tuple[float, float]], first: float, second: float) -> float:
    """Area that two losses dominate up to a reference point."""
    if not points:
        return 0.0
    losses = np.array(points)
    front = losses[is_non_dominated(losses)]
    area, height = 0.0, second
    for loss, cost in front[np.lexsort((front[:, 1], front[:, 0]))]:
        area += max(0.0, first - loss) * max(0.0, height - cost)
        height = min(height, cost)
    return area


def orders(space: Space, count: int) -> Iterator[list[Curve]]:
    """Random arrivals, one randomly chosen seed a configuration."""
    for seed in range(count):
        draw = random.Random(seed)
        order = [draw.choice(seeds) for seeds in space]
        draw.shuffle(order)
        yield order


@dataclass(frozen=True)
class Row:
    """A pruner against none: median over the orders, with the 2.5th and 97.5th percentile."""

    pruner: str
    time_ratio: tuple[float, float, float]
    hypervolume: tuple[float, float, float] | None
    from_zero: tuple[float, float, float] | None
    sooner: tuple[float, float, float] | None
    best_acc: tuple[float, float, float]


def compare(space: Space, label: str, make_rule: Callable[[], Rule], count: int, *, with_cost: bool) -> Row:
    """Replay one pruner and no pruner over the same orders."""
    times, shares, wide, sooner, best = [], [], [], [], []
    for order in orders(space, count):
        worst = min(curve.val_acc[-1] for curve in order)
        largest = max(curve.macs for curve in order)
        full, pruned = replay(order, no_rule), replay(order, make_rule())
        times.append(full.seconds[-1] / pruned.seconds[-1])
        best.append(
            max(point[0] for point in pruned.points if point is not None)
            - max(point[0] for point in full.points if point is not None)
        )
        if not with_cost:
            continue
        strict = [hypervolumes(one, worst, largest)[-1] for one in (full, pruned)]
        shares.append(strict[1] / strict[0])
        whole, partial = (hypervolumes(one, 0.0, largest) for one in (full, pruned))
        wide.append(partial[-1] / whole[-1])
        goal = 0.99 * whole[-1]
        reached = [
            next((s for s, v in zip(one.seconds, volumes, strict=True) if v >= goal), None)
            for one, volumes in ((full, whole), (pruned, partial))
        ]
        # A pruned sweep that never comes so far takes for ever.
        sooner.append(reached[0] / reached[1] if reached[0] and reached[1] else 0.0)
    return Row(
        label, _interval(times), _interval(shares) if shares else None,
        _interval(wide) if wide else None, _interval(sooner) if sooner else None, _interval(best),
    )  # fmt: skip


def _interval(values: list[float]) -> tuple[float, float, float]:
    low, high = np.percentile(values, [2.5, 97.5])
    return statistics.median(values), float(low), float(high)


def pruner_settings(words: Sequence[str]) -> PrunerSettings:
    """The settings that a sweep with these words would have."""
    return read_configuration(resolved(compose(list(words)))).pruner


def rule_maker(words: Sequence[str], epochs: int, *, with_cost: bool) -> Callable[[], Rule]:
    """Makes a fresh rule for each order."""
    settings = pruner_settings(words)
    if isinstance(settings, ParetoSettings):
        return lambda: pareto_rule(settings, epochs, with_cost=with_cost)
    return lambda: optuna_rule(settings, epochs)


def read_curves(path: Path) -> Space:
    """The space from a CSV of `collect`."""
    rows: dict[tuple[str, str], dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            rows[row["depth"], row["width"]][row["seed"]].append(row)
    space = []
    for seeds in rows.values():
        least = min(float(row["train_seconds"]) for curve in seeds.values() for row in curve)
        space.append(
            [
                Curve(int(curve[0]["macs"]), tuple(float(row["val_acc"]) for row in curve), least)
                for curve in seeds.values()
            ]
        )
    return space


def collect(sweeps: Sequence[Path], path: Path) -> int:
    """Write the learning curves of the sweeps' COMPLETE trials to a CSV; returns their number."""
    complete = []
    for sweep in sweeps:
        records, damaged = read_records(sweep)
        if damaged:
            raise SystemExit("\n".join(map(str, damaged)))
        complete += [(directory, record) for directory, record in records if record.state == "COMPLETE"]
    # One curve a configuration and seed, however many sweeps trained it.
    curves = {
        (record.network["depth"], record.network["width"], record.configuration["seed"]): (directory, record)
        for directory, record in complete
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        for _, (directory, record) in sorted(curves.items()):
            network = record.network
            for row in read_history(directory / "history.csv"):
                writer.writerow(
                    [
                        network["depth"],
                        network["width"],
                        record.configuration["seed"],
                        record.costs["macs"],
                        int(row["epoch"]),
                        *(f"{row[name]:.5g}" for name in FIELDS[5:]),
                    ]
                )
    return len(curves)


LIVE_SWEEP = (
    "arch.depth=4,6,8,10 arch.width=4,6,8,12 objective=acc_vs_macs train.epochs=9 measure=none n_trials=16"
).split()


def check_live(folder: Path) -> None:
    """Two real sweeps over the same 16 configurations in the same order, without a pruner and with ours."""
    found = {}
    for pruner in ("none", "pareto"):
        words = ["-m", f"sweep.name=live_{pruner}", f"pruner={pruner}", *LIVE_SWEEP]
        subprocess.run([sys.executable, "-m", "vggsweep", *words], cwd=folder, check=True)
        found[pruner], _ = read_records(folder / "outputs" / f"live_{pruner}")
    points = {
        name: [
            (record.metrics["val_acc"], record.costs["macs"]) if record.state == "COMPLETE" else None
            for _, record in records
        ]
        for name, records in found.items()
    }
    seconds = {
        name: sum(record.timings["train_seconds"] for _, record in records) for name, records in found.items()
    }
    everything = [point for point in points["none"] if point is not None]
    worst, largest = min(acc for acc, _ in everything), max(macs for _, macs in everything)
    volume = {name: hypervolumes(Replay([], found), worst, largest)[-1] for name, found in points.items()}
    stopped = points["pareto"].count(None)
    print(
        f"\nlive on fashion_mnist_mini: {stopped} of {len(points['pareto'])} trials stopped early, "
        f"training time ÷ {seconds['none'] / seconds['pareto']:.2f} "
        f"({seconds['none']:.0f} s → {seconds['pareto']:.0f} s), "
        f"hypervolume {volume['pareto'] / volume['none']:.3f} of the full sweep's"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--curves", type=Path, default=CURVES)
    parser.add_argument(
        "--collect", type=Path, nargs="+", metavar="SWEEP", help="make the curves from sweeps"
    )
    parser.add_argument("--orders", type=int, default=300, help="random orders (Optuna's pruners: a third)")
    parser.add_argument("--json", type=Path, help="write the result here too")
    parser.add_argument("--live", action="store_true", help="two real sweeps instead of a replay")
    arguments = parser.parse_args()
    if arguments.live:
        with tempfile.TemporaryDirectory() as folder:
            check_live(Path(folder))
        return
    if arguments.collect:
        print(f"{collect(arguments.collect, arguments.curves)} learning curves in {arguments.curves}")
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    optuna.logging.disable_default_handler()
    space = read_curves(arguments.curves)
    epochs = len(space[0][0].val_acc)
    seeds = sum(map(len, space))
    print(f"{len(space)} configurations, {seeds} curves of {epochs} epochs, {arguments.orders} orders")
    print("median (2.5 % … 97.5 % of the orders)\n")
    results = {}
    for title, pruners, with_cost in (
        ("accuracy against MACs", TWO_OBJECTIVES, True),
        ("accuracy alone", ONE_OBJECTIVE, False),
    ):
        rows = []
        for label, words in pruners.items():
            count = arguments.orders if "pruner=pareto" in words else max(1, arguments.orders // 3)
            make = rule_maker(words, epochs, with_cost=with_cost)
            rows.append(compare(space, label, make, count, with_cost=with_cost))
        results[title] = [row.__dict__ for row in rows]
        print_rows(title, rows)
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def print_rows(title: str, rows: Sequence[Row]) -> None:
    """One table as Markdown."""
    print(f"| {title} | time ÷ | strict | from 0 | .99 sooner | best acc |\n{'| --- ' * 6}|")
    for row in rows:
        cells = [
            _cell(row.time_ratio, ".2f"),
            _cell(row.hypervolume, ".3f"),
            _cell(row.from_zero, ".3f"),
            _cell(row.sooner, ".2f"),
            _cell(row.best_acc, "+.4f"),
        ]
        print(f"| {row.pruner} | {' | '.join(cells)} |")
    print()


def _cell(interval: tuple[float, float, float] | None, form: str) -> str:
    if interval is None:
        return ""
    middle, low, high = interval
    return f"{middle:{form}} ({low:{form}} … {high:{form}})"


if __name__ == "__main__":
    main()
