"""The second half of a sweep with ``sweep.fair_lr``: the next network to compare, its rate and its seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.statistics.best_rates import best_rates
from vggsweep.sweep.spec.fair_rates import RATE
from vggsweep.sweep.spec.search_space import Params, point_key
from vggsweep.sweep.storage.trial_attrs import attrs_of, is_duplicate, is_ours

Done = tuple[tuple[tuple[str, str], ...], float, int]


@dataclass(frozen=True)
class Comparison:
    """A trial of the comparison.

    Args:
        network: values of all swept fields but the rate.
        rate: the common one or the network's own.
        seed: one that the search did not use.
    """

    network: Params
    rate: float
    seed: int


def is_searching(trials: Sequence[FrozenTrial]) -> bool:
    """Whether a trial of the search has no result yet."""
    return any(RATE in trial.params and trial.state is TrialState.RUNNING for trial in trials)


def next_comparison(
    trials: Sequence[FrozenTrial], common_rate: float, first_seed: int, seeds: int
) -> Comparison | None:
    """The next trial of the comparison, all networks with one seed before any has the next; None at the end.

    Args:
        trials: of the study, its search finished.
        common_rate: ``optimizer.lr`` of the configuration.
        first_seed: of the search.
        seeds: fresh ones for each network and rate.
    """
    networks: dict[tuple[tuple[str, str], ...], Params] = {}
    points = []
    done: set[Done] = set()
    for trial in trials:
        if not is_ours(trial) or is_duplicate(trial):
            continue
        network = {name: value for name, value in trial.params.items() if name != RATE}
        key = point_key(network)
        if RATE in trial.params:
            if trial.state is TrialState.COMPLETE:
                networks.setdefault(key, network)
                points.append((key, float(trial.params[RATE]), float(trial.values[0])))
        else:
            done.add((key, *_rate_and_seed(trial)))
    own = {key: best.rate for key, best in best_rates(points).items()}
    for seed in range(first_seed + 1, first_seed + 1 + seeds):
        for key, network in networks.items():
            for rate in (common_rate, own[key]):
                if (key, rate, seed) not in done:
                    return Comparison(network, rate, seed)
    return None


def _rate_and_seed(trial: FrozenTrial) -> tuple[float, int]:
    attrs = attrs_of(trial)
    assert attrs is not None, "only trials of ours are looked at"
    said: dict[str, Any] = dict(word.split("=", 1) for word in attrs.words)
    return float(said[RATE]), int(said["seed"])
