"""What others' multi-objective pruners and multi-fidelity optimizers find, replayed over the same curves.

    python -m venv contenders && contenders/bin/pip install -e . optunahub neural-pipeline-search
    contenders/bin/python benchmarks/search_contenders.py
    contenders/bin/python benchmarks/search_contenders.py --registry FOLDER   # a copy of optunahub-registry

In an environment of its own, as NePS asks for versions that others do not go with. What cannot be imported is
left out with a sentence. OptunaHub's package is downloaded by `optunahub` unless a copy is named. See
`search_replay.py` for the curves, the shares and the seconds; ours stands in the same tables.

NePS' `moasha` and `primo` (without a prior) are asked and told one evaluation after the other. A network is
trained on from where it was left, and what is asked for a second time costs nothing, which flatters them.
They minimise one minus what our pruner compares (the final accuracy at the last epoch), and log10 MACs;
numbers of the space are positions on an integer axis.
"""

from __future__ import annotations

import argparse
import json
import random
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
from optuna.distributions import IntDistribution
from optuna.trial import TrialState
from search_replay import (
    CURVES,
    GOALS,
    SAMPLERS,
    Network,
    Replay,
    Rule,
    Space,
    pareto_rule,
    print_rows,
    pruner_row,
    read_set,
    replay,
    sampler_row,
    score_at,
    settings_of,
)

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.sweep.spec.search_space import point_key

EPOCHS = "epochs"
# Some seconds for each proposal's model: replayed a third as often.
SLOW = "neps primo"


def multi_metric_rule(hub: ModuleType, base: optuna.pruners.BasePruner, space: Space) -> Rule:
    """OptunaHub's pruner by Pareto ranks, told our score and the MACs after each epoch."""
    metrics = {"score": "maximize", "macs": "minimize"}
    study = optuna.create_study(
        directions=list(metrics.values()),
        sampler=optuna.samplers.RandomSampler(seed=0),
        pruner=hub.MultiMetricPruner(base, metric_directions=metrics, joint=True),
    )
    trials: dict[int, Any] = {}

    def is_ended(number: int, network: Network, curve: list[dict[str, float]], epoch: int) -> bool:
        if number not in trials:
            trials[number] = hub.MultiMetricPrunerTrial(study.ask())
        trial = trials[number]
        if epoch == space.epochs:
            study.tell(trial.number, [curve[-1]["val_acc"], float(network.macs)])
            return False
        trial.report({"score": score_at(curve, epoch), "macs": float(network.macs)}, epoch)
        if trial.should_prune():
            study.tell(trial.number, state=TrialState.PRUNED)
            return True
        return False

    return is_ended


def neps_replay(make: Callable[[Any], Any], space: Space, seed: int) -> Replay:
    """One search of NePS': an entry for each evaluation, also for one that trains a network further."""
    import neps
    import torch

    draw = random.Random(seed)
    curves = [draw.choice(network.curves) for network in space.networks]
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    axes: dict[str, Any] = {EPOCHS: neps.HPOInteger(1, space.epochs, is_fidelity=True)}
    for name, distribution in space.ordered.items():
        axes[name] = (
            neps.HPOInteger(distribution.low, distribution.high)
            if isinstance(distribution, IntDistribution)
            else neps.HPOCategorical(space.values[name])
        )
    asker = neps.AskAndTell(make(neps.SearchSpace(axes)))
    trained = [0] * len(space.networks)
    asked, clock, seconds, finished, share = 0, 0.0, [], [], []
    while asked < len(space.networks) * space.epochs and (not share or share[-1] < GOALS[-1]):
        trial = asker.ask()
        point = {
            name: space.values[name][trial.config[name]]
            if isinstance(distribution, IntDistribution)
            else trial.config[name]
            for name, distribution in space.ordered.items()
        }
        epochs = int(trial.config[EPOCHS])
        asked += epochs
        index = space.by_point.get(point_key(point))
        if index is None:  # no network has this combination
            asker.tell(trial, {"objective_to_minimize": [1.0, float(space.losses[:, 1].max())]})
            continue
        network, curve = space.networks[index], curves[index]
        clock += max(0, epochs - trained[index]) * network.epoch_seconds
        trained[index] = max(epochs, trained[index])
        reached = curve[-1]["val_acc"] if epochs == space.epochs else score_at(curve, epochs)
        asker.tell(trial, {"objective_to_minimize": [1.0 - reached, float(np.log10(network.macs))]})
        seconds.append(clock)
        finished.append(index if epochs == space.epochs else None)
        share.append(space.share([one for one in finished if one is not None]))
    return Replay(seconds, finished, share)


def hub_package(registry: Path | None) -> ModuleType | None:
    """OptunaHub's pruner; None, and a sentence, where it cannot be had."""
    try:
        import optunahub

        if registry is not None:
            return optunahub.load_local_module(
                "pruners/multi_metric_pruner", registry_root=str(registry / "package")
            )
        return optunahub.load_module("pruners/multi_metric_pruner")
    except Exception as error:  # not installed, or its registry is out of reach: whatever the reason
        print(f"multi_metric_pruner is left out: {type(error).__name__}: {error}")
        return None


def neps_optimizers() -> dict[str, Callable[[Any], Any]]:
    """NePS' by name, from a space; none, and a sentence, where it cannot be imported."""
    try:
        from neps.optimizers import algorithms
    except ImportError as error:
        print(f"moasha and primo are left out: {error}")
        return {}
    return {"neps moasha": algorithms.moasha, "neps primo": partial(algorithms.primo, prior_centers={})}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--sets", nargs="+", help="names under benchmarks/curves; all of them by default")
    parser.add_argument("--orders", type=int, default=300, help="replays of each pruner")
    parser.add_argument("--searches", type=int, default=20, help="replays of each search")
    parser.add_argument("--registry", type=Path, help="folder of a copy of optunahub-registry")
    parser.add_argument("--json", type=Path, help="write the result here too")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    hub, searches = hub_package(arguments.registry), neps_optimizers()
    default = settings_of(["pruner=pareto"])
    assert isinstance(default, ParetoSettings)
    results: dict[str, Any] = {}
    for path in sorted(CURVES.glob("*.csv")):
        if arguments.sets and path.stem not in arguments.sets:
            continue
        space = read_set(path)
        rules: dict[str, Callable[[], Rule]] = {"pareto": partial(pareto_rule, default, space)}
        if hub is not None:
            median = optuna.pruners.MedianPruner(n_startup_trials=3)  # as in its own example
            careful = optuna.pruners.PercentilePruner(67.0, n_startup_trials=3)
            rules["multi_metric_pruner, median"] = partial(multi_metric_rule, hub, median, space)
            rules["multi_metric_pruner, best 2/3"] = partial(multi_metric_rule, hub, careful, space)
        orders, seeds = range(arguments.orders), range(arguments.searches)
        pruned = [
            pruner_row(space, name, [replay(space, seed, make()) for seed in orders])
            for name, make in rules.items()
        ]
        print_rows(f"{path.stem}: pruners", pruned)
        found = [
            sampler_row(
                f"{name} + pareto",
                [replay(space, seed, rules["pareto"](), SAMPLERS[name], enough=GOALS[-1]) for seed in seeds],
            )
            for name in ("tpe", "known_cost")
        ]
        found += [
            sampler_row(name, [neps_replay(make, space, seed) for seed in seeds[:: 3 if name == SLOW else 1]])
            for name, make in searches.items()
        ]
        print_rows(f"{path.stem}: searches", found)
        results[path.stem] = {"pruners": pruned, "searches": found}
        if arguments.json:
            arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
