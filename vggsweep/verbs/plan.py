"""``vggsweep plan [OVERRIDES]``: what a sweep would run, what cannot exist and why, cost, predicted time."""

from __future__ import annotations

import argparse
import json
import logging
import random
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from rich.console import Console
from rich.table import Table

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.hydra_node import OURS
from vggsweep.configuration.idle import warn_of_idle_words
from vggsweep.configuration.line import read_line
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.data.catalog import training_size
from vggsweep.errors import ConfigError
from vggsweep.results.disk.choice import names_trial
from vggsweep.results.units import duration_text, setting_text, short_count
from vggsweep.sweep.spec.extent import seconds_left
from vggsweep.sweep.spec.likeness import trials_alike
from vggsweep.sweep.spec.preflight import checked_spec
from vggsweep.sweep.spec.search_space import draw_point
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import WarmStart
from vggsweep.sweep.status import trials_left

if TYPE_CHECKING:
    from vggsweep.results.scaling.forecast import Forecast

HELP = "what a sweep would run: configurations, infeasible ones and why, cost, predicted time"
EXAMPLE = """\
examples:
  vggsweep plan experiment=quickstart
  vggsweep plan 'arch.depth=range(3,8)' arch.width=8,16 --json
  vggsweep plan budget=macs budget.target=30e6 'arch.depth=range(5,15)'
  vggsweep plan experiment=quickstart arch.depth=8,16 --like quickstart --no-timing
"""
# A larger space is judged by this many random points.
MOST_POINTS = 1000
SHOWN = 20
# Parameters that the table shows anyway.
DIALS = frozenset({"arch.depth", "arch.width"})


@dataclass(frozen=True)
class PlannedConfiguration:
    """A configuration that a sweep may train, with its cost.

    Args:
        params: what the sweep varies.
        depth, width: of the network.
        params_count: its parameters.
        macs: of one image.
        train_images: images over all epochs.
        solved_width: the real width that meets the budget; None without one.
        budget_residual: cost over target, minus one; None without a budget.
    """

    params: Mapping[str, Any]
    depth: int
    width: int
    params_count: int
    macs: int
    train_images: int
    solved_width: float | None = None
    budget_residual: float | None = None


def prepare_words(words: Sequence[str]) -> list[str]:
    """The words without the ``-m`` of a line that was copied: a plan is always that of a sweep."""
    return [word for word in words if word not in ("-m", "--multirun")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("overrides", nargs="*", help="the overrides of vggsweep -m")
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument(
        "--like",
        metavar="SWEEP",
        help="predict from this earlier sweep (default: every one that trained alike)",
    )
    parser.add_argument("--no-timing", action="store_true", help="predict no time; imports no torch")
    parser.add_argument("--config-dir", type=Path, help="directory with your own options")


def run(arguments: argparse.Namespace) -> int:
    """Print the plan; nothing is trained and nothing is written."""
    if arguments.overrides and "=" not in (first := arguments.overrides[0]) and names_trial(first):
        raise ConfigError(
            f"{first} is a trial, which was trained already: a plan is of a sweep that is still to run. "
            f"`vggsweep summary {first}` shows its network."
        )
    line = read_line(arguments.overrides, extra_dir=arguments.config_dir, config_name="config")
    if line.sweeper != OURS:
        raise ConfigError(
            f"hydra/sweeper={line.sweeper} decides by itself what it runs; a plan is that of our own sweeper."
        )
    spec = checked_spec(line, extra_dir=arguments.config_dir, config_name="config", command="vggsweep plan")
    warn_of_idle_words(read_configuration(spec.base), line.parsed)
    points, is_sample = sample_points(spec)
    planned, reasons, typed = [], Counter[str](), []
    composer = spec.composer
    for point in points:
        try:
            configuration = read_configuration(composer.compose(spec.space.words(point)))
            check_configuration(configuration)
        except ConfigError as error:
            reasons[str(error)] += 1
            continue
        planned.append(_planned(point, configuration))
        typed.append(configuration)
    workers = spec.settings.n_workers
    n_trials = spec.settings.n_trials
    size = spec.space.size
    points_to_train = size if is_sample or size is None else len(planned)
    if spec.settings.fair_lr is not None:
        points_to_train = None  # as many trials as there may be: the search's, then those that compare
    trials = spec.extent.most(points_to_train)
    known = None if is_sample else taken_over(spec, planned)
    done, left = trials_left(spec, trials)
    left = left if done else max(0, left - (known or 0))
    expected = _expected(spec, planned, typed, arguments.like) if left else None
    is_told = expected is not None and _is_of_this_machine(expected, typed, arguments)
    seconds = None
    if planned and left and not arguments.no_timing and (arguments.json or not is_told):
        seconds = predict_seconds(planned, typed, workers)
    content = {
        "name": spec.name,
        "space_size": size,
        "n_trials": n_trials,
        "is_sample": is_sample,
        "configurations": [asdict(item) for item in planned],
        "taken_over": known,
        "done": done,
        "left": left,
        "infeasible": {"share": sum(reasons.values()) / len(points), "reasons": dict(reasons)},
        "predicted_seconds": None
        if seconds is None
        else {
            "per_trial": seconds,
            "sweep": seconds_left(left, seconds, (), workers),
        },
        "forecast": None if expected is None else _plain_forecast(expected, left, workers),
    }
    if arguments.json:
        print(json.dumps(content, indent=2))
        return 0
    if expected is not None and not is_told:  # one prediction of the time is enough: that of this machine
        expected = replace(expected, seconds=(), per_trial=None)
    _print(spec, content, planned, Console(highlight=False), expected)
    return 0


def _is_of_this_machine(
    expected: Forecast, typed: Sequence[Configuration], arguments: argparse.Namespace
) -> bool:
    """Whether earlier trials say how long training takes here; without torch, any machine's times do."""
    if expected.per_trial is None or arguments.no_timing:
        return expected.per_trial is not None
    from vggsweep.timing import machine_of

    return expected.machine == machine_of(typed[0])


def sample_points(spec: SweepSpec) -> tuple[list[dict[str, Any]], bool]:
    """All points of a small space, random ones of a large or endless one; and whether they are a sample."""
    size = spec.space.size
    if size is not None and size <= MOST_POINTS:
        return list(spec.space.points()), False
    logging.getLogger("optuna").setLevel(logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=spec.seed))
    return [draw_point(spec.space, study) for _ in range(MOST_POINTS // 5)], True


def taken_over(spec: SweepSpec, planned: Sequence[PlannedConfiguration]) -> int:
    """How many trials of all planned configurations `sweep.warm_start` has trained already."""
    known = WarmStart(spec.warm_start, spec.fingerprints)
    composer = spec.composer
    words = [
        [*spec.space.words(one.params), f"seed={seed}"]
        for one in planned
        for seed in range(spec.seed, spec.seed + spec.settings.replicates)
    ]
    plains = (composer.compose(line) for line in words if spec.warm_start)
    return sum(known.result_of(plain, spec.metrics) is not None for plain in plains)


def _planned(point: Mapping[str, Any], configuration: Configuration) -> PlannedConfiguration:
    network = configured_network(configuration)
    costs, solution = network.costs, network.solution
    return PlannedConfiguration(
        params=dict(point),
        depth=costs.depth,
        width=costs.width,
        params_count=costs.params,
        macs=costs.macs,
        train_images=training_size(configuration.dataset) * configuration.train.epochs,
        solved_width=None if solution is None else solution.width,
        budget_residual=None if solution is None else solution.residual,
    )


def _expected(
    spec: SweepSpec,
    planned: Sequence[PlannedConfiguration],
    typed: Sequence[Configuration],
    like: str | None,
) -> Forecast | None:
    """What earlier trials lead to expect of the planned ones; None where none was trained alike."""
    if (choice := trials_alike(spec, like)) is None or not planned:
        return None
    from vggsweep.results.findings.evidence import load_evidence  # loads pandas
    from vggsweep.results.scaling.fit import Size
    from vggsweep.results.scaling.forecast import forecast

    sizes = [
        Size(one.depth, one.solved_width or one.width, own.dataset.resolution, one.macs)
        for one, own in zip(planned, typed, strict=True)
    ]
    table = load_evidence(choice.sweeps, choice=choice, keeps_index=False).table
    try:
        return forecast(table, sizes, typed[0].train.epochs)
    except ConfigError:  # too few of them, or all of one size
        if like is not None:
            raise
        return None


def _plain_forecast(expected: Forecast, trials: int, workers: int) -> dict[str, Any]:
    return {
        "networks": len(expected.fit.data.networks),
        "accuracies": [asdict(one) for one in expected.accuracies],
        "seconds": [asdict(one) for one in expected.seconds],
        "per_trial": None if expected.per_trial is None else asdict(expected.per_trial),
        "sweep": None
        if expected.per_trial is None
        else seconds_left(trials, expected.per_trial.middle, (), workers),
        "machine": expected.machine or None,
        "cautions": list(expected.fit.data.cautions),
    }


def predict_seconds(
    planned: list[PlannedConfiguration], typed: list[Configuration], workers: int = 1
) -> float | None:
    """Mean training seconds of one trial, without pruning, from a few timed steps on this device."""
    from vggsweep.timing import mean_seconds  # loads torch

    return mean_seconds([(one.macs, one.train_images) for one in planned], typed, workers)


def _print(
    spec: SweepSpec,
    content: dict[str, Any],
    planned: list[PlannedConfiguration],
    console: Console,
    expected: Forecast | None,
) -> None:
    console.print(_headline(spec, content), soft_wrap=True, markup=False)
    for name, text in spec.space.in_words().items():
        console.print(f"  {name}: {text}", markup=False, soft_wrap=True)
    most = min(SHOWN, content["n_trials"]) if content["is_sample"] else SHOWN
    shown: Sequence[int] = range(len(planned))
    if len(planned) > most:
        shown = random.Random(spec.seed).sample(shown, most)
    title = f"{len(shown)} configurations that it may try" if content["is_sample"] else "configurations"
    if not content["is_sample"] and len(shown) < len(planned):
        title = f"{len(shown)} of {len(planned)} configurations, drawn at random"
    if expected is not None:
        from vggsweep.results.scaling.words import expected_words  # loads pandas
    table = Table(title=title, title_justify="left")
    has_budget = any(item.solved_width is not None for item in planned)
    # predictions need the room, and are of networks that differ in little else than depth and width
    is_told = expected is not None and all(DIALS.issuperset(item.params) for item in planned)
    for column in (*(() if is_told else ("parameters",)), "depth", "width", "params", "MACs"):
        is_words = column == "parameters"
        table.add_column(column, justify="left" if is_words else "right", overflow="fold")
    if has_budget:
        table.add_column("solved width", justify="right")
        table.add_column("residual", justify="right")
    if expected is not None:
        table.add_column("val_acc, 90 %", justify="right", no_wrap=True)
        if expected.seconds:
            table.add_column("training", justify="right", no_wrap=True)
    for at in sorted(shown, key=lambda at: planned[at].macs):
        item = planned[at]
        words = " ".join(f"{key}={setting_text(value)}" for key, value in item.params.items())
        costs = (short_count(item.params_count), short_count(item.macs))
        solved = _solved(item) if has_budget else ()
        told = () if expected is None else expected_words(expected, at)
        named = () if is_told else (words,)
        table.add_row(*named, str(item.depth), str(item.width), *costs, *solved, *told)
    console.print(table)
    for sentence in [] if expected is None else _forecast_sentences(spec, expected, content):
        console.print(sentence, markup=False, soft_wrap=True)
    infeasible = content["infeasible"]
    if infeasible["reasons"]:
        console.print(f"INFEASIBLE {infeasible['share']:.0%} of the points that were looked at:")
        for reason, count in Counter(infeasible["reasons"]).most_common(SHOWN):
            console.print(f"  {count} x {reason}", markup=False, soft_wrap=True)
    for sentence in _progress_sentences(spec, content):
        console.print(sentence, markup=False, soft_wrap=True)
    if content["taken_over"]:
        console.print(f"trials that sweep.warm_start takes over: {content['taken_over']}")
    if content["predicted_seconds"] is not None:
        predicted = content["predicted_seconds"]
        console.print(
            f"predicted: {duration_text(predicted['per_trial'])} of training per trial, "
            f"{duration_text(predicted['sweep'])} for {_what_is_left(content)}{_with_workers(spec)} if "
            "nothing is pruned, from a few steps timed now; starting and measuring are not counted",
            soft_wrap=True,
        )


def _forecast_sentences(spec: SweepSpec, expected: Forecast, content: Mapping[str, Any]) -> list[str]:
    from vggsweep.results.scaling.words import forecast_sentences  # loads pandas

    what = f"{_what_is_left(content)}{_with_workers(spec)}"
    return forecast_sentences(expected, content["forecast"]["sweep"], what)


def _headline(spec: SweepSpec, content: Mapping[str, Any]) -> str:
    """How many trials come of how large a space."""
    size, n_trials = content["space_size"], content["n_trials"]
    seeds = spec.settings.replicates
    each = f", {seeds} seeds each" if seeds > 1 else ""
    if (fresh := spec.settings.fair_lr) is not None:
        return (
            f"sweep {spec.name}: {n_trials} trials, every point of a space of {size:,} once, then each "
            f"network with {fresh} fresh seeds at its own learning rate and at the common one"
        )
    if size is None:
        return f"sweep {spec.name}: {n_trials} trials{each}; the sampler draws them from an endless space"
    if size * seeds <= n_trials:
        return f"sweep {spec.name}: every point of a space of {size:,} once{each}"
    return f"sweep {spec.name}: {n_trials} trials{each} of a space of {size:,} points"


def _progress_sentences(spec: SweepSpec, content: Mapping[str, Any]) -> list[str]:
    """That trials are done already, or all of them."""
    done, left = content["done"], content["left"]
    name = shlex.quote(spec.name)
    if not left and (done or content["taken_over"]):
        why = f"{done} trials of {spec.name} are done" if done else "sweep.warm_start knows every result"
        more = f" `vggsweep report {name}` reads them." if done else ""
        return [f"Nothing is left to train: {why}.{more}"]
    are = "is" if left == 1 else "are"
    return [f"{done} trials of {spec.name} are done, {left} {are} left."] if done else []


def _what_is_left(content: Mapping[str, Any]) -> str:
    return "what is left" if content["done"] else "the sweep"


def _with_workers(spec: SweepSpec) -> str:
    workers = spec.settings.n_workers
    return f" with {workers} workers" if workers > 1 else ""


def _solved(item: PlannedConfiguration) -> tuple[str, str]:
    if item.solved_width is None or item.budget_residual is None:
        return "", ""
    return f"{item.solved_width:.3f}", f"{item.budget_residual:+.2%}"
