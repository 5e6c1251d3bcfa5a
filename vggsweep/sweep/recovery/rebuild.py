"""A study made anew from what lies in a sweep's directory: the records are the truth of its results.

Every trial keeps its number, state, values, parameters and attributes, so that a sampler learns from it and
the same command continues. Numbers of which nothing is left are there as failed trials without parameters,
which nothing counts or shows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.words import parse
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.sweep_file import SavedSpec
from vggsweep.results.disk.yaml_text import read_yaml
from vggsweep.sweep.pruning.pareto import recorded_scores
from vggsweep.sweep.spec.objectives import BY_COLUMNS, VAL_ACC, Metric, mean_values, objective_values
from vggsweep.sweep.spec.saved_spec import saved_space
from vggsweep.sweep.spec.search_space import SearchSpace
from vggsweep.sweep.storage.trial_attrs import (
    REASON,
    WAITING,
    TrialAttrs,
    attrs_of,
    reason_of,
    rung_attributes,
    told_state,
)


@dataclass(frozen=True)
class Plan:
    """What a study is made of, besides records.

    Args:
        metrics: the objective.
        distributions: the space; empty for single runs, and where nobody knows it any more.
        words: overrides that each trial has.
        known: the trials of a study that is damaged or old, by number.
    """

    metrics: tuple[Metric, ...] = (VAL_ACC,)
    distributions: Mapping[str, BaseDistribution] = field(default_factory=dict)
    words: tuple[str, ...] = ()
    known: Sequence[FrozenTrial] = ()

    @classmethod
    def of(cls, saved: SavedSpec | None, known: Sequence[FrozenTrial] = ()) -> Plan:
        """As a sweep's ``sweep.yaml`` says it, where there is one."""
        if saved is None:
            return cls(known=known)
        return cls(BY_COLUMNS[saved.objective], saved_space(saved), saved.words, known)


def rebuilt_trials(directory: SweepDirectory, plan: Plan) -> list[FrozenTrial]:
    """Every trial from 0 to the last one of which something is left."""
    begun = set(directory.begun_trials())
    end = max([len(plan.known) - 1, *begun], default=-1) + 1
    trials: list[FrozenTrial] = []
    firsts: dict[str, int] = {}
    for number in range(end):
        trial = plan.known[number] if number < len(plan.known) else None
        if number in begun:
            place = directory.trial(number)
            record = readable_record(place.record)
            if record is not None and record.trial == number:
                trial = _finished(record, place, plan, trial, firsts)
            elif trial is None and (attrs := _mark_of_begun(place, plan, firsts, number)):
                trial = _trial(
                    plan, attrs.swept or {}, state=TrialState.RUNNING, user_attrs=attrs.attributes()
                )
        trials.append(trial or create_trial(state=TrialState.FAIL))
    return _with_means(trials)


def _finished(
    record: Record, directory: TrialDirectory, plan: Plan, known: FrozenTrial | None, firsts: dict[str, int]
) -> FrozenTrial:
    if known is not None and known.state.name == record.state:
        before = attrs_of(known)
        if before is not None and before.identity.fits(record.identity):
            return known
    attrs = TrialAttrs(
        record.configuration_hash,
        _own_words(record.overrides, plan),
        dict(record.swept) or None,  # single runs sweep nothing
        _first(record.configuration, record.trial, firsts),
        record.data_fingerprint,
    )
    attributes = attrs.attributes()
    values = objective_values(plan.metrics, record) if record.state == "COMPLETE" else None
    state = told_state(record, values)
    if state is TrialState.FAIL:
        attributes[REASON] = reason_of(record)
    if values is not None and _replicates(record.configuration) > 1:
        attributes[WAITING] = values
    scores = recorded_scores(directory.history, record.identity)
    node = record.configuration.get("pruner")
    if isinstance(node, Mapping) and node.get("name") == "pareto":
        attributes |= rung_attributes(scores, record)
        scores = {}
    trial = _trial(
        plan, record.swept, state=state, values=values, user_attrs=attributes, intermediate_values=scores
    )
    trial.datetime_start = _local(record.timings.get("started")) or trial.datetime_start
    ended = _local(record.timings.get("ended"))
    trial.datetime_complete = max(filter(None, (ended, trial.datetime_start)), default=None)
    return trial


def _trial(plan: Plan, swept: Mapping[str, Any], **content: Any) -> FrozenTrial:
    params = _params(swept, plan)
    distributions = {name: plan.distributions[name] for name in params}
    return create_trial(params=params, distributions=distributions, **content)


def _params(swept: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """A trial's point as the space spells it; nothing where it does not lie in the space."""
    space = SearchSpace(plan.distributions)
    fixed = {}
    for name, distribution in plan.distributions.items():
        key = name.lstrip("+")
        fixed[name] = space.match_value(name, swept.get(key))
        may_be_none = isinstance(distribution, CategoricalDistribution) and None in distribution.choices
        if key not in swept or (fixed[name] is None and not may_be_none):
            return {}
    return fixed


def _own_words(overrides: Sequence[str], plan: Plan) -> tuple[str, ...]:
    """The overrides beyond those that all trials have."""
    left = list(plan.words)
    own = []
    for word in overrides:
        if word in left:
            left.remove(word)
        else:
            own.append(word)
    return tuple(own)


def _first(configuration: Mapping[str, Any], number: int, firsts: dict[str, int]) -> int:
    """The number of the first replicate of a configuration."""
    if _replicates(configuration) == 1:
        return number
    return firsts.setdefault(configuration_hash({**configuration, "seed": None}), number)


def _replicates(configuration: Mapping[str, Any]) -> int:
    sweep = configuration.get("sweep")
    count = sweep.get("replicates") if isinstance(sweep, Mapping) else None
    return count if isinstance(count, int) else 1


def _with_means(trials: list[FrozenTrial]) -> list[FrozenTrial]:
    """Replicates with the mean of their family, as the sampler is told it."""
    families: dict[int | None, list[FrozenTrial]] = {}
    for trial in trials:
        if WAITING in trial.user_attrs and (attrs := attrs_of(trial)) is not None:
            families.setdefault(attrs.first, []).append(trial)
    for family in families.values():
        means = mean_values(trial.user_attrs[WAITING] for trial in family)
        for trial in family:
            if trial.state is TrialState.COMPLETE:
                trial.values = means
    return trials


def _mark_of_begun(
    directory: TrialDirectory, plan: Plan, firsts: dict[str, int], number: int
) -> TrialAttrs | None:
    """The mark of a trial that was begun and has no record; None if it does not say what it was."""
    plain = read_yaml(directory.config)
    try:
        words = _own_words(list(map(str, read_yaml(directory.overrides))), plan)
        values = {one.get_key_element().lstrip("+"): one.value() for one in parse(words)}
        swept = {name.lstrip("+"): values.get(name.lstrip("+")) for name in plan.distributions}
        first = _first(plain, number, firsts)
        return TrialAttrs(configuration_hash(plain), words, swept if plan.distributions else None, first)
    except (ValueError, TypeError, KeyError, AttributeError, ConfigError):
        return None


def _local(text: object) -> datetime | None:
    """Optuna's clock: local time without its zone."""
    try:
        return datetime.fromisoformat(str(text)).replace(tzinfo=UTC).astimezone().replace(tzinfo=None)
    except ValueError:
        return None


def add_all(study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
    """Write trials into an empty study; each gets the number that it has in the sequence."""
    for trial in trials:
        study._storage.create_new_trial(study._study_id, template_trial=trial)
