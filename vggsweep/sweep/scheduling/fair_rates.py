"""The second half of a sweep with ``sweep.fair_lr``: the next network to compare, its rate and its seed."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.best_rates import FairFacts, RatedTrial, best_rates, own_rates
from vggsweep.sweep.spec.fair_rates import RATE
from vggsweep.sweep.spec.objectives import mean_values
from vggsweep.sweep.spec.search_space import Params, point_key
from vggsweep.sweep.storage.trial_attrs import attrs_of, is_duplicate, is_ours

Key = tuple[tuple[str, str], ...]


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
    return any(
        trial.state is TrialState.RUNNING and is_ours(trial) and _fresh_seed(trial) is None
        for trial in trials
    )


def next_comparison(
    trials: Sequence[FrozenTrial], common_rate: float, first_seed: int, seeds: int
) -> Comparison | None:
    """Choose the next trial of the comparison; None at the end.

    All networks are trained with one seed before any is with the next. What a trial is for is read from its
    words and swept values, which a study that was made anew from records has too.

    Args:
        trials: of the study, its search finished.
        common_rate: ``optimizer.lr`` of the configuration.
        first_seed: of the search.
        seeds: fresh ones for each network and rate.
    """
    networks: dict[Key, Params] = {}
    points = []
    done: set[tuple[Key, float, int]] = set()
    for trial in trials:
        if not is_ours(trial) or is_duplicate(trial):
            continue
        attrs = attrs_of(trial)
        assert attrs is not None, "trials of ours have them"
        swept = dict(attrs.swept or {})
        if RATE not in swept:  # a single run that shares the study
            continue
        rate = float(swept.pop(RATE))
        key, seed = point_key(swept), _fresh_seed(trial)
        if seed is not None:
            done.add((key, rate, seed))
        elif trial.state is TrialState.COMPLETE and RATE in trial.params:
            networks.setdefault(key, {name: one for name, one in trial.params.items() if name != RATE})
            points.append((key, rate, float(trial.values[0])))
    own = {key: best.rate for key, best in best_rates(points).items()}
    for seed in range(first_seed + 1, first_seed + 1 + seeds):
        for key, network in networks.items():
            for rate in (common_rate, own[key]):
                if (key, rate, seed) not in done:
                    return Comparison(network, rate, seed)
    return None


def trials_at_own_rates(trials: Sequence[FrozenTrial], fair: FairFacts) -> list[FrozenTrial] | None:
    """The COMPLETE trials at each network's own rate; None where the comparison has not begun.

    Args:
        trials: of the study that count.
        fair: what the sweep compares.
    """
    ours = [trial for trial in trials if RATE in _swept(trial)]
    rated = [
        RatedTrial(
            _network(trial),
            float(_swept(trial)[RATE]),
            fair.seed if (seed := _fresh_seed(trial)) is None else seed,
            float(trial.values[0]) if trial.state is TrialState.COMPLETE else None,
        )
        for trial in ours
    ]
    found = own_rates(rated, fair)
    if found is None or not found.has_compared:
        return None
    pairs = zip(ours, found.is_own, strict=True)
    return [trial for trial, is_own in pairs if is_own and trial.state is TrialState.COMPLETE]


def compares(trial: FrozenTrial) -> bool:
    """Whether a trial is one of the comparison, with a fresh seed."""
    return _fresh_seed(trial) is not None


def averaged(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """The first trial of each network with the mean values of all, in copies."""
    networks: dict[tuple[object, ...], list[FrozenTrial]] = {}
    for trial in trials:
        networks.setdefault(_network(trial), []).append(trial)
    means = []
    for first, *others in networks.values():
        mean = copy(first)
        mean.values = mean_values(trial.values for trial in (first, *others))
        means.append(mean)
    return means


def _swept(trial: FrozenTrial) -> Params:
    attrs = attrs_of(trial)
    return dict(attrs.swept or {}) if attrs is not None else {}


def _network(trial: FrozenTrial) -> tuple[object, ...]:
    """What trials of one network at several rates share."""
    attrs = attrs_of(trial)
    swept = {name: value for name, value in _swept(trial).items() if name != RATE}
    return point_key(swept), attrs.data if attrs is not None else None


def _fresh_seed(trial: FrozenTrial) -> int | None:
    """The seed of a trial of the comparison; None for one of the search, which has the sweep's."""
    attrs = attrs_of(trial)
    words = () if attrs is None else attrs.words
    return next((int(word.removeprefix("seed=")) for word in words if word.startswith("seed=")), None)
