"""What samplers and pruners find and what they cost, replayed over learning curves trained to the end.

    python benchmarks/search_replay.py                            # every set under benchmarks/curves
    python benchmarks/search_replay.py --sets cifar10 --part pruners
    python benchmarks/search_replay.py --collect outputs/NAME --set NAME

A live comparison of two sweeps compares their luck. Here every configuration of a finite space was trained in
full with several seeds (the commands stand in benchmarks/README.md). A replay takes one seed of each, asks a
sampler for one configuration after the other, and asks the very functions that a sweep asks, epoch by epoch,
whether its training goes on. All contenders see the same seeds, so that their differences are paired.

    share           hypervolume of the finished trials' front, accuracy against log10 MACs, as a share of the
                    whole space's. Strict: the reference point is the space's worst accuracy and largest cost.
                    Judged by each configuration's mean over its seeds, so that luck does not count.
    saved           part of the epochs' seconds that a pruner saves, all configurations in random order
    of oracle       the same divided by what one saves that knows the front and stops all else after one epoch
    trials, seconds until a share of the hypervolume is reached

An epoch's seconds are a configuration's least over seeds and epochs. Those of the committed sets were
measured afterwards, with nothing else at work.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.configuration.sweep_settings import ParetoSettings, PrunerSettings
from vggsweep.results.disk.history import read_history
from vggsweep.results.dominance import non_dominated
from vggsweep.results.statistics.hypervolume import dominated_area
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.pruning.callback import rungs, score_of
from vggsweep.sweep.pruning.pareto import is_stopped, standard_error
from vggsweep.sweep.search.belief import Belief
from vggsweep.sweep.search.candidates import Candidates
from vggsweep.sweep.search.known_cost import KnownCostSampler
from vggsweep.sweep.search.plateau import IN_A_ROW, gain_chances
from vggsweep.sweep.spec.objectives import metrics_of
from vggsweep.sweep.spec.pruners import optuna_pruner
from vggsweep.sweep.spec.search_space import SearchSpace, point_key
from vggsweep.sweep.storage.trial_attrs import RUNG

CURVES = Path(__file__).parent / "curves"
EPOCH_FIELDS = ("epoch", "train_acc", "val_acc", "averaged_val_acc", "train_seconds")
FIELDS = ("seed", "macs", "val_images", *EPOCH_FIELDS)
METRICS = metrics_of("acc_vs_macs")
# Shares of the hypervolume that samplers are timed to.
GOALS = (0.9, 0.97)


@dataclass(frozen=True)
class Network:
    """One configuration, trained to its last epoch with several seeds.

    Args:
        point: its parameters.
        macs: of one image.
        curves: one a seed; each an epoch's figures by name, epoch after epoch.
    """

    point: dict[str, Any]
    macs: int
    curves: list[list[dict[str, float]]]

    @cached_property
    def epoch_seconds(self) -> float:
        return min(epoch["train_seconds"] for curve in self.curves for epoch in curve)

    @cached_property
    def accuracy(self) -> float:
        """At the end, as the mean over seeds."""
        return float(np.mean([curve[-1]["val_acc"] for curve in self.curves]))


@dataclass(frozen=True)
class Space:
    """All networks of one set, the images that their accuracies are of, and their epochs."""

    networks: list[Network]
    val_images: int
    epochs: int

    @cached_property
    def values(self) -> dict[str, list[Any]]:
        """Of each parameter, ascending."""
        return {name: sorted({one.point[name] for one in self.networks}) for name in self.networks[0].point}

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """As a sweep over `choice(...)` has them."""
        return {name: CategoricalDistribution(values) for name, values in self.values.items()}

    @cached_property
    def ordered(self) -> dict[str, BaseDistribution]:
        """The same with positions in place of numbers, so that a sampler sees that they have an order."""
        return {
            name: self.distributions[name]
            if isinstance(values[0], str)
            else IntDistribution(0, len(values) - 1)
            for name, values in self.values.items()
        }

    @cached_property
    def by_point(self) -> dict[tuple[tuple[str, str], ...], int]:
        return {point_key(one.point): index for index, one in enumerate(self.networks)}

    @cached_property
    def losses(self) -> np.ndarray:
        return np.array([[-one.accuracy, np.log10(one.macs)] for one in self.networks])

    def share(self, indices: Sequence[int]) -> float:
        """Of the whole space's strict hypervolume."""
        reference = self.losses.max(axis=0)
        return dominated_area(self.losses[list(indices)], reference) / dominated_area(self.losses, reference)

    def least(self, goal: float, weights: np.ndarray) -> float:
        """The least weight of networks that reach a share: what even a search that knew all would need.

        Args:
            goal: share of the strict hypervolume.
            weights: of each network, above 0.
        """
        reference = self.losses.max(axis=0)
        enough = goal * dominated_area(self.losses, reference)
        heights, costs = reference[0] - self.losses[:, 0], self.losses[:, 1]
        order = np.lexsort((-heights, costs))
        # of each network that a front may end with: areas up to its cost, and the least weight for each
        fronts: dict[int, list[tuple[float, float]]] = {}
        best = float("inf")
        for at in order:
            found = [(0.0, float(weights[at]))] + [
                (area + (costs[at] - costs[one]) * heights[one], weight + weights[at])
                for one, labels in fronts.items()
                if heights[one] < heights[at]
                for area, weight in labels
            ]
            kept: list[tuple[float, float]] = []
            for area, weight in sorted(found, key=lambda label: (label[1], -label[0])):
                if not kept or area > kept[-1][0]:
                    kept.append((float(area), float(weight)))
            fronts[int(at)] = kept
            whole = (reference[1] - costs[at]) * heights[at]
            best = min([best, *(weight for area, weight in kept if area + whole >= enough)])
        return best

    def oracle(self, rung: int = 1, *, must_have_come: bool = False) -> float:
        """The part of the seconds that is saved by stopping all but the front after an epoch.

        Args:
            rung: that epoch.
            must_have_come: a network is stopped only where one that beats it came earlier; on average over
                all orders, as one of n that beat it is the first of them and it in n of n + 1 orders.
        """
        seconds = np.array([one.epoch_seconds for one in self.networks])
        beats = (self.losses[:, None] <= self.losses[None]).all(axis=2)
        counts = (beats & (self.losses[:, None] != self.losses[None]).any(axis=2)).sum(axis=0)
        stopped = counts / (counts + 1) if must_have_come else counts > 0
        return float((seconds * stopped).sum() * (self.epochs - rung) / (seconds.sum() * self.epochs))


# Told a trial's network, its curve and its epoch (from 1), says whether it ends there; one a replay.
Rule = Callable[[int, Network, list[dict[str, float]], int], bool]


def no_rule(_trial: int, _network: Network, _curve: list[dict[str, float]], _epoch: int) -> bool:
    """Without a pruner."""
    return False


def score_at(curve: list[dict[str, float]], epoch: int) -> float:
    """What a sweep's pruner compares."""
    found = score_of(SimpleNamespace(**curve[epoch - 1]))  # type: ignore[arg-type]
    assert found is not None
    return found


def pareto_rule(settings: ParetoSettings, space: Space, *, with_cost: bool = True) -> Rule:
    """`vggsweep.sweep.pruning`, fed as `PruningCallback` feeds it."""
    reached: dict[int, list[tuple[float, float]]] = defaultdict(list)
    looks = set(rungs(settings, space.epochs))

    def is_ended(_trial: int, network: Network, curve: list[dict[str, float]], epoch: int) -> bool:
        if epoch not in looks:
            return False
        score, cost = score_at(curve, epoch), float(network.macs) if with_cost else 0.0
        before = list(reached[epoch])
        reached[epoch].append((score, cost))
        return is_stopped(score, cost, before, settings.margin * standard_error(score, space.val_images))

    return is_ended


def halving_rule(space: Space, value: Callable[[list[dict[str, float]], int], float], eta: int = 3) -> Rule:
    """The rule of Schmucker et al. 2021 with the rung's front kept: what ``pareto`` was in release 0.1."""
    reached: dict[int, list[tuple[float, float]]] = defaultdict(list)

    def is_ended(_trial: int, network: Network, curve: list[dict[str, float]], epoch: int) -> bool:
        if epoch not in (1, 2, 4, 8):
            return False
        reached[epoch].append((1 - value(curve, epoch), float(network.macs)))
        points = reached[epoch]
        if len(points) < eta:
            return False
        left, better = list(range(len(points))), 0
        while True:  # front after front, until the one that the trial is on
            front = [
                at for at, flag in zip(left, non_dominated([points[at] for at in left]), strict=True) if flag
            ]
            if len(points) - 1 in front:
                break
            better += len(front)
            left = [at for at in left if at not in front]
        return better > 0 and better >= len(points) // eta

    return is_ended


def optuna_rule(settings: PrunerSettings, space: Space) -> Rule:
    """One of Optuna's own pruners, asked through a study in memory."""
    study = optuna.create_study(
        study_name="replay",  # Hyperband draws a trial's bracket from the name and the number
        direction="maximize",
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=optuna_pruner(settings, space.epochs),
    )
    trials: dict[int, optuna.Trial] = {}
    looks = set(rungs(settings, space.epochs))

    def is_ended(number: int, _network: Network, curve: list[dict[str, float]], epoch: int) -> bool:
        trial = trials.setdefault(number, study.ask()) if number not in trials else trials[number]
        if epoch == space.epochs:
            study.tell(trial, curve[-1]["val_acc"])
            return False
        if epoch not in looks:
            return False
        trial.report(score_at(curve, epoch), epoch)
        if trial.should_prune():
            study.tell(trial, state=TrialState.PRUNED)
            return True
        return False

    return is_ended


@dataclass(frozen=True)
class Replay:
    """One sweep as it would have gone.

    Args:
        seconds: at which each trial ended.
        finished: positions of the networks that were trained to the end, None where one was stopped.
        share: of the strict hypervolume after each trial.
    """

    seconds: list[float]
    finished: list[int | None]
    share: list[float]

    def until(self, share: float) -> tuple[float, float]:
        """Trials and seconds until a share; infinite where it is never reached."""
        at = next((number for number, value in enumerate(self.share) if value >= share), None)
        return (float("inf"), float("inf")) if at is None else (at + 1.0, self.seconds[at])


class Sampler:
    """Proposes networks of a space one after the other, as a sweep would: nothing twice.

    Args:
        space: to search.
        make: an Optuna sampler from a seed.
        seed: of the sampler, and of what is drawn when it repeats itself.
        is_ordered: numbers are shown to it as numbers, not as choices.
    """

    def __init__(
        self,
        space: Space,
        make: Callable[[Space, int], optuna.samplers.BaseSampler],
        seed: int,
        *,
        is_ordered: bool = False,
    ) -> None:
        self.space = space
        self.distributions = space.ordered if is_ordered else space.distributions
        self.study = optuna.create_study(
            directions=["maximize", "minimize"], sampler=make(space, seed), study_name="replay"
        )
        self.random = random.Random(seed)
        self.told: dict[int, tuple[list[float] | None, TrialState]] = {}

    def ask(self) -> tuple[int, optuna.Trial]:
        """A network that was not proposed before, and its trial."""
        for _ in range(3):
            trial = self.study.ask(self.distributions)
            index = self.space.by_point.get(point_key(self._point(trial.params)))
            if index is not None and index not in self.told:
                return index, trial
            values, state = self.told[index] if index is not None else (None, TrialState.PRUNED)
            self.study.tell(trial, values, state=state)
        index = self.random.choice([i for i in range(len(self.space.networks)) if i not in self.told])
        point = self.space.networks[index].point
        self.study.enqueue_trial(
            {
                name: self.space.values[name].index(value) if self._is_position(name) else value
                for name, value in point.items()
            }
        )
        return index, self.study.ask(self.distributions)

    def _is_position(self, name: str) -> bool:
        return isinstance(self.distributions[name], IntDistribution)

    def _point(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: self.space.values[name][value] if self._is_position(name) else value
            for name, value in params.items()
        }

    def tell(self, index: int, trial: optuna.Trial, values: list[float] | None) -> None:
        """What became of it; None for a stopped one."""
        state = TrialState.COMPLETE if values is not None else TrialState.PRUNED
        self.told[index] = (values, state)
        self.study.tell(trial, values, state=state)


def replay(
    space: Space,
    seed: int,
    rule: Rule,
    make: Callable[[Space, int], optuna.samplers.BaseSampler] | None = None,
    watch: Callable[[Sampler, int], None] | None = None,
    *,
    is_ordered: bool = False,
    enough: float = float("inf"),
) -> Replay:
    """One sweep: a sampler's order, or a random one, under a pruner's rule; to a share, or to the end."""
    draw = random.Random(seed)
    curves = [draw.choice(network.curves) for network in space.networks]
    order = list(range(len(space.networks)))
    draw.shuffle(order)
    sampler = Sampler(space, make, seed, is_ordered=is_ordered) if make is not None else None
    clock, seconds, finished, share = 0.0, [], [], []
    for number in range(len(order)):
        index, trial = sampler.ask() if sampler is not None else (order[number], None)
        if sampler is not None and watch is not None:
            watch(sampler, index)
        network, curve = space.networks[index], curves[index]
        is_ended = False
        for epoch in range(1, space.epochs + 1):
            clock += network.epoch_seconds
            if trial is not None and epoch < space.epochs:
                trial.set_user_attr(f"{RUNG}{epoch}", {"score": score_at(curve, epoch)})
            if rule(number, network, curve, epoch) and epoch < space.epochs:
                is_ended = True
                break
        if sampler is not None and trial is not None:
            sampler.tell(index, trial, None if is_ended else [curve[-1]["val_acc"], float(network.macs)])
        seconds.append(clock)
        finished.append(None if is_ended else index)
        share.append(space.share([one for one in finished if one is not None]))
        if share[-1] >= enough:
            break
    return Replay(seconds, finished, share)


class Recalling(KnownCostSampler):
    """Ours, which keeps what it believed when it last proposed."""

    last: Belief | None = None

    def believe(self, trials: Sequence[FrozenTrial]) -> Belief | None:
        self.last = super().believe(trials)
        return self.last


def known_cost(space: Space, seed: int) -> Recalling:
    """Ours, told the costs by arithmetic as in a sweep; a combination that no network has is infeasible."""
    macs = {point_key(one.point): one.macs for one in space.networks}

    class Costs:
        def of(self, point: Mapping[str, Any]) -> Any:
            key = point_key(point)
            return SimpleNamespace(macs=macs[key]) if key in macs else None

    candidates = Candidates(SearchSpace(space.distributions), Costs(), "macs", seed)  # type: ignore[arg-type]
    return Recalling(candidates, METRICS[1], space.distributions, seed)


SAMPLERS: dict[str, Callable[[Space, int], optuna.samplers.BaseSampler]] = {
    "random": lambda _, seed: optuna.samplers.RandomSampler(seed=seed),
    "nsgaii": lambda _, seed: optuna.samplers.NSGAIISampler(seed=seed),
    "tpe, as the stock sweeper": lambda _, seed: optuna.samplers.TPESampler(
        seed=seed, multivariate=False, constant_liar=False
    ),
    "tpe": lambda _, seed: optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
    "gp": lambda _, seed: optuna.samplers.GPSampler(seed=seed),
    "known_cost": known_cost,
}
# Optuna's own see numbers as choices, as `choice(4,6,8)` says; here as numbers, as `range(4,9,2)` does.
ORDERED = " (numbers)"
SAMPLERS |= {name + ORDERED: SAMPLERS[name] for name in ("tpe", "gp")}
SLOW = ("gp", "gp" + ORDERED)


def settings_of(words: Sequence[str]) -> PrunerSettings:
    """The settings that a sweep with these words would have."""
    return read_configuration(resolved(compose(list(words)))).pruner


def pruners(space: Space) -> dict[str, Callable[[], Rule]]:
    """Contenders with two objectives, by name; each makes a fresh rule."""
    found: dict[str, Callable[[], Rule]] = {}
    for margin in (0.0, 0.5, 0.75, 1.0, 1.5):
        for first in (1, None):
            rung = "null" if first is None else first
            settings = settings_of(["pruner=pareto", f"pruner.margin={margin}", f"pruner.first_rung={rung}"])
            assert isinstance(settings, ParetoSettings)
            name = f"pareto, margin {margin:g}, rungs {' '.join(map(str, rungs(settings, space.epochs)))}"
            found[name] = partial(pareto_rule, settings, space)
    found["best 1/3 by dominance, val_acc (release 0.1)"] = lambda: halving_rule(
        space, lambda curve, epoch: curve[epoch - 1]["val_acc"]
    )
    found["best 1/3 by dominance, the score"] = lambda: halving_rule(space, score_at)
    return found


def compare_pruners(space: Space, count: int) -> list[dict[str, Any]]:
    """All networks in random orders under each pruner."""
    return [
        pruner_row(space, name, [replay(space, seed, make()) for seed in range(count)])
        for name, make in pruners(space).items()
    ]


def pruner_row(space: Space, name: str, replays: Sequence[Replay]) -> dict[str, Any]:
    """What a pruner kept of the front and saved of the seconds."""
    full = float(sum(one.epoch_seconds for one in space.networks) * space.epochs)
    saved = np.array([1 - one.seconds[-1] / full for one in replays])
    return {
        "pruner": name,
        "share": interval([one.share[-1] for one in replays]),
        "saved": interval(saved),
        "of oracle": interval(saved / space.oracle()),
    }


def compare_single(space: Space, count: int) -> list[dict[str, Any]]:
    """Accuracy alone: what the single-objective pruners save, and what the best network they keep lacks."""
    rows = []
    full = float(sum(one.epoch_seconds for one in space.networks) * space.epochs)
    best = max(one.accuracy for one in space.networks)
    for name in ("pareto", "successive_halving", "hyperband", "median"):
        settings = settings_of([f"pruner={name}"])
        saved, lost = [], []
        for seed in range(count):
            rule = (
                pareto_rule(settings, space, with_cost=False)
                if isinstance(settings, ParetoSettings)
                else optuna_rule(settings, space)
            )
            one = replay(space, seed, rule)
            saved.append(1 - one.seconds[-1] / full)
            lost.append(best - max(space.networks[at].accuracy for at in one.finished if at is not None))
        rows.append({"pruner": name, "saved": interval(saved), "lost acc": interval(lost)})
    return rows


def compare_samplers(space: Space, count: int) -> list[dict[str, Any]]:
    """Trials and seconds of each sampler, without a pruner and with ours at its defaults."""
    rows = []
    default = settings_of(["pruner=pareto"])
    assert isinstance(default, ParetoSettings)
    for with_pruner in (False, True):
        for name, make in SAMPLERS.items():
            if with_pruner and name not in ("tpe", "tpe" + ORDERED, "known_cost"):
                continue
            number = max(1, count // 10) if name in SLOW else count
            replays = [
                replay(
                    space,
                    seed,
                    pareto_rule(default, space) if with_pruner else no_rule,
                    make,
                    is_ordered=name.endswith(ORDERED),
                    enough=GOALS[-1],
                )
                for seed in range(number)
            ]
            rows.append(sampler_row(name + (" + pareto" if with_pruner else ""), replays))
    return rows


def sampler_row(name: str, replays: Sequence[Replay]) -> dict[str, Any]:
    """Trials and seconds until .9 and .97 of the hypervolume."""
    row: dict[str, Any] = {"sampler": name}
    for goal in GOALS:
        trials, seconds = zip(*(one.until(goal) for one in replays), strict=True)
        row[f"trials to {goal:g}"] = interval(trials)
        row[f"seconds to {goal:g}"] = interval(seconds)
    return row | {"replays": len(replays)}


@dataclass(frozen=True)
class Watched:
    """A sweep of ours over the whole space, with what it believed before each trial and what was so.

    Args:
        replay: of the sweep.
        beliefs: before each trial; None while too few had finished.
        gains: before each trial, what share of the hypervolume each candidate of the belief would add.
    """

    replay: Replay
    beliefs: list[Belief | None]
    gains: list[np.ndarray]


def watched(space: Space, seed: int, rule: Rule) -> Watched:
    """Replay a sweep of ours and keep what it believed."""
    beliefs: list[Belief | None] = []

    def watch(sampler: Sampler, _index: int) -> None:
        own = sampler.study.sampler
        assert isinstance(own, Recalling)
        beliefs.append(own.last)
        own.last = None
        places.append([space.by_point[point_key(point)] for point in own.candidates.points])

    places: list[list[int]] = []
    one = replay(space, seed, rule, known_cost, watch=watch)
    gains = []
    for number, (belief, place) in enumerate(zip(beliefs, places, strict=True)):
        finished = [at for at in one.finished[:number] if at is not None]
        before = space.share(finished)
        left = [place[at] for at in belief.left_M] if belief is not None else []
        gains.append(np.array([space.share([*finished, at]) / before - 1 for at in left]))
    return Watched(one, beliefs, gains)


def compare_plateau(space: Space, count: int) -> list[dict[str, Any]]:
    """How well the chances are calibrated, and what stopping at a plateau saves and loses.

    The chance is that of the most promising network, which `sweep.stop=plateau` compares with its risk; it
    came true where that network adds more than the share, whether the sweep then proposed it or not.
    """
    default = settings_of(["pruner=pareto"])
    assert isinstance(default, ParetoSettings)
    rows: list[dict[str, Any]] = []
    replays = [watched(space, seed, pareto_rule(default, space)) for seed in range(count)]
    for share in (0.005, 0.01, 0.02):
        said = [
            [None if belief is None else gain_chances(belief, share) for belief in one.beliefs]
            for one in replays
        ]
        pairs = [
            (float(chances.max()), bool(gains[np.argmax(chances)] > share))
            for one, own in zip(replays, said, strict=True)
            for chances, gains in zip(own, one.gains, strict=True)
            if chances is not None
        ]
        rows += [{"share": share, "": line} for line in calibration(pairs)]
        for risk in (0.02, 0.05, 0.1, 0.2):
            kept, lost = [], []
            for one, own in zip(replays, said, strict=True):
                low = [chances is not None and chances.max() < risk for chances in own]
                ends = (n for n in range(IN_A_ROW, len(low)) if all(low[n + 1 - IN_A_ROW : n + 1]))
                at = next(ends, len(low))
                kept.append(1 - at / len(low))
                lost.append(1 - one.replay.share[at - 1] / one.replay.share[-1])
            rows.append(
                {
                    "share": share,
                    "": f"risk {risk:g}: saves {_cell(interval(kept))} of the trials, loses "
                    f"{_cell(interval(lost))} of the hypervolume, {np.mean(lost):.4f} on average",
                }
            )
    return rows


def calibration(pairs: Sequence[tuple[float, bool]]) -> list[str]:
    """How often chances came true, by what was said."""
    said_N, came_N = np.array([a for a, _ in pairs]), np.array([b for _, b in pairs])
    lines = []
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.8), (0.8, 1.01)):
        inside = (said_N >= low) & (said_N < high)
        if inside.any():
            lines.append(
                f"said {low:g} to {min(high, 1):g}: on average {said_N[inside].mean():.3f}, "
                f"came true in {came_N[inside].mean():.3f} of {inside.sum()}"
            )
    return lines


def overhead(counts: Sequence[int] = (10, 100, 1000), repeats: int = 5) -> list[dict[str, Any]]:
    """Milliseconds of one suggestion with so many finished trials in the study, costs counted before."""
    names = {"arch.depth": IntDistribution(4, 40), "arch.width": IntDistribution(4, 64)}
    rows = []
    for count in counts:
        row: dict[str, Any] = {"finished trials": count}
        for name in ("tpe", "gp", "known_cost"):
            study = optuna.create_study(directions=["maximize", "minimize"])
            draw = random.Random(0)
            for _ in range(count):
                point = {"arch.depth": draw.randint(4, 40), "arch.width": draw.randint(4, 64)}
                macs = point["arch.depth"] * point["arch.width"] ** 2
                accuracy = 0.7 + 0.03 * np.log10(macs) + draw.gauss(0, 0.003)
                study.add_trial(
                    create_trial(params=point, distributions=names, values=[accuracy, float(macs)])
                )
            if name == "known_cost":
                costs = SimpleNamespace(
                    of=lambda point: SimpleNamespace(macs=point["arch.depth"] * point["arch.width"] ** 2)
                )
                candidates = Candidates(SearchSpace(names), costs, "macs", 0)  # type: ignore[arg-type]
                study.sampler = KnownCostSampler(candidates, METRICS[1], names, 0)
            else:
                study.sampler = SAMPLERS[name](None, 0)  # type: ignore[arg-type]
            seconds = []
            for _ in range(repeats + 1):
                began = time.perf_counter()
                trial = study.ask(names)
                seconds.append(time.perf_counter() - began)
                study.tell(trial, state=TrialState.FAIL)
            row[f"{name}, ms"] = interval(1000 * np.array(seconds[1:]))
        rows.append(row)
    return rows


def interval(values: Sequence[float] | np.ndarray) -> tuple[float, float, float]:
    """Median, and the 5th and 95th percentile (of the replays, nearest rank, as some are infinite)."""
    low, middle, high = np.percentile(np.asarray(values, float), [5, 50, 95], method="nearest")
    return float(middle), float(low), float(high)


def read_set(path: Path) -> Space:
    """A space from a CSV of `collect`."""
    rows: dict[tuple[tuple[str, Any], ...], dict[str, list[dict[str, str]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names = [name for name in reader.fieldnames or () if name not in FIELDS]
        for row in reader:
            rows[tuple((name, _number(row[name])) for name in names)][row["seed"]].append(row)
    networks = [
        Network(
            dict(point),
            int(next(iter(seeds.values()))[0]["macs"]),
            [
                [{name: float(row[name]) for name in EPOCH_FIELDS} for row in curve]
                for curve in seeds.values()
            ],
        )
        for point, seeds in rows.items()
    ]
    first = next(iter(next(iter(rows.values())).values()))[0]
    return Space(networks, int(first["val_images"]), len(networks[0].curves[0]))


def _number(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def collect(sweeps: Sequence[Path], path: Path) -> int:
    """Write the learning curves of the sweeps' COMPLETE trials to a CSV; returns their number."""
    curves = {}
    for sweep in sweeps:
        records, damaged = read_records(sweep)
        if damaged:
            raise SystemExit("\n".join(map(str, damaged)))
        for directory, record in records:
            if record.state == "COMPLETE":
                key = (*sorted(record.swept.items()), ("seed", record.configuration["seed"]))
                curves[key] = (record, read_history(directory / "history.csv"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        names = [name for name, _ in next(iter(curves))][:-1]
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, *FIELDS])
        for key, (record, history) in sorted(curves.items(), key=lambda item: str(item[0])):
            own = [value for _, value in key]
            for row in history:
                figures = [f"{row.get(name, float('nan')):.5g}" for name in EPOCH_FIELDS[1:]]
                writer.writerow(
                    [*own, record.costs["macs"], record.metrics["val_images"], int(row["epoch"]), *figures]
                )
    return len(curves)


def print_rows(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """One table as Markdown."""
    names = list(rows[0])
    print(f"\n**{title}**\n\n| {' | '.join(names)} |\n|{' --- |' * len(names)}")
    for row in rows:
        print(f"| {' | '.join(_cell(row[name]) for name in names)} |")


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        form = (
            ".0f"
            if max(abs(one) for one in value) >= 10
            else ".3g"
            if float(value[0]).is_integer()
            else ".3f"
        )
        middle, low, high = (format(one, form) for one in value)
        return f"{middle} ({low} … {high})"
    return str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="+", help="names under benchmarks/curves; all of them by default")
    parser.add_argument("--part", choices=("pruners", "single", "samplers", "plateau", "overhead"), nargs="+")
    parser.add_argument("--orders", type=int, default=300, help="replays of each pruner and cheap sampler")
    parser.add_argument("--json", type=Path, help="write the result here too")
    parser.add_argument("--collect", type=Path, nargs="+", metavar="SWEEP", help="make a set from sweeps")
    parser.add_argument("--set", help="its name")
    arguments = parser.parse_args()
    if arguments.collect:
        path = CURVES / f"{arguments.set}.csv"
        print(f"{collect(arguments.collect, path)} learning curves in {path}")
        return
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
    results: dict[str, Any] = {}
    if not arguments.part or "overhead" in arguments.part:
        results["overhead"] = overhead()
        print_rows("a suggestion", results["overhead"])
    for path in sorted(CURVES.glob("*.csv")):
        if arguments.sets and path.stem not in arguments.sets:
            continue
        space = read_set(path)
        seeds = sum(len(one.curves) for one in space.networks)
        print(f"\n## {path.stem}: {len(space.networks)} networks, {seeds} curves of {space.epochs} epochs")
        first = rungs(settings_of(["pruner=pareto"]), space.epochs)[0]
        print(
            f"\nThe oracle saves {space.oracle():.2f} of the seconds; after {first} epochs in place of one "
            f"{space.oracle(first):.2f}, and where one that beats a network must have come before it "
            f"{space.oracle(first, must_have_come=True):.2f}."
        )
        seconds = np.array([one.epoch_seconds for one in space.networks]) * space.epochs
        print(
            f"Who knew all beforehand would reach {GOALS[-1]:g} of the hypervolume with "
            f"{space.least(GOALS[-1], np.ones(len(seconds))):.0f} networks, or in "
            f"{space.least(GOALS[-1], seconds):.0f} s; the whole space takes {seconds.sum():.0f} s."
        )
        parts: dict[str, Callable[[Space, int], list[dict[str, Any]]]] = {
            "pruners": compare_pruners,
            "single": compare_single,
            "samplers": compare_samplers,
            "plateau": compare_plateau,
        }
        for part, compare in parts.items():
            if arguments.part and part not in arguments.part:
                continue
            rows = compare(space, arguments.orders)
            results.setdefault(path.stem, {})[part] = rows
            print_rows(part, rows)
            if arguments.json:
                arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
