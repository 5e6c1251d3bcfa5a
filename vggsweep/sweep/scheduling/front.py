"""The trials that none beats, and whose weights a sweep keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import RecordError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import read_record, readable_record
from vggsweep.results.dominance import non_dominated
from vggsweep.results.tables.table import DECIDES_IMAGES
from vggsweep.sweep.scheduling.fair_rates import averaged, compares, trials_at_own_rates
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.trial_attrs import attrs_of, counted

# Swept fields that decide which images validate; of folders the fingerprint says so.
DATA_FIELDS = tuple(f"dataset.{name}" for name in DECIDES_IMAGES) + ("dataset",)


@dataclass(frozen=True)
class Best:
    """The best trials of a study, each for its configuration.

    Args:
        trials: the best one, or those that none dominates; their values are means over seeds.
        rule: what was averaged, in words; empty where each configuration has one seed.
    """

    trials: tuple[FrozenTrial, ...]
    rule: str = ""


def best_trials(
    study: optuna.Study, fair: FairFacts | None = None, directory: SweepDirectory | None = None
) -> Best:
    """The best configuration, or those that none dominates; none where no trial completed.

    Accuracies are compared on the same validation images only: where a sweep varies its data, each has its
    best. Replicates, which share their value, are there as one: the first that completed. Where each
    network's learning rate was searched and fresh seeds are compared, those at own rates count, seeds
    averaged: the best trial of a search is the luckiest.

    Args:
        study: of the sweep.
        fair: what it compares, of a sweep with `sweep.fair_lr`.
        directory: its records, which say which of equals is the cheapest; None takes the first.
    """
    complete = counted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    own = trials_at_own_rates(complete, fair) if fair is not None else None
    if own is not None:
        return Best(
            _undominated(study, averaged(own), directory),
            "each network at its own learning rate, seeds averaged",
        )
    firsts: dict[int | None, FrozenTrial] = {}
    for trial in complete:
        firsts.setdefault(_family(trial), trial)
    rule = "seeds averaged" if len(firsts) < len(complete) else ""
    return Best(_undominated(study, list(firsts.values()), directory), rule)


def _undominated(
    study: optuna.Study, trials: Sequence[FrozenTrial], directory: SweepDirectory | None
) -> tuple[FrozenTrial, ...]:
    """Those that no other one on the same images beats; of equals for one objective the cheapest."""
    signs = [1 if one is StudyDirection.MINIMIZE else -1 for one in study.directions]
    fields: dict[object, list[FrozenTrial]] = {}
    for trial in trials:
        attrs = attrs_of(trial)
        assert attrs is not None, "only trials of ours are counted"
        chosen = {name: value for name, value in (attrs.swept or {}).items() if name in DATA_FIELDS}
        fields.setdefault((attrs.data, str(chosen)), []).append(trial)
    best: list[FrozenTrial] = []
    for field in fields.values():
        losses = [tuple(sign * value for sign, value in zip(signs, one.values, strict=True)) for one in field]
        if len(signs) == 1:
            least = min(losses)
            equals = [one for one, loss in zip(field, losses, strict=True) if loss == least]
            if directory is not None and len(equals) > 1:
                equals.sort(key=lambda one: _macs(directory.trial(one.number)))  # stable: then the first
            best.append(equals[0])
        else:
            best += [one for one, is_best in zip(field, non_dominated(losses), strict=True) if is_best]
    return tuple(best)


def _macs(directory: TrialDirectory) -> float:
    """Of a trial's network, as `vggsweep.results.disk.best` orders equals; infinite where nothing says it."""
    record = readable_record(directory.record)
    macs = record.costs.get("macs") if record is not None else None
    return float("inf") if macs is None else float(macs)


def drop_weights_off_front(spec: SweepSpec, study: optuna.Study) -> None:
    """Remove weights of finished trials that the front has left, where ``sweep.keep=front``.

    All seeds of a configuration on the front keep theirs, and so does every trial with the best accuracy.
    Call it under the study's lock. A kill before the last file is gone costs disk space until the next call.

    Args:
        spec: of the sweep.
        study: its study; what it does not know as COMPLETE is left alone.
    """
    if spec.settings.keep != "front":
        return
    complete = counted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    families = {_family(trial) for trial in best_trials(study, spec.fair, spec.directory).trials}
    if spec.fair is not None:  # means move with each fresh seed, so that all of them stay
        own = trials_at_own_rates(complete, spec.fair)
        families |= {_family(trial) for trial in (filter(compares, complete) if own is None else own)}
    highest = max((trial.values[0] for trial in complete), default=None)
    for trial in complete:
        directory = spec.directory.trial(trial.number)
        is_kept = _family(trial) in families or trial.values[0] == highest
        if not is_kept and directory.weights.is_file() and not _is_asked_for(directory):
            directory.weights.unlink(missing_ok=True)


def _family(trial: FrozenTrial) -> int | None:
    attrs = attrs_of(trial)
    assert attrs is not None, "only trials of ours are counted"
    return attrs.first


def _is_asked_for(directory: TrialDirectory) -> bool:
    """Whether a person asked for these weights: by ``train.keep_weights=true``, or later by the verb."""
    if directory.retrained.record.is_file():
        return True
    try:
        return bool(read_record(directory.record).configuration["train"]["keep_weights"])
    except (RecordError, LookupError, TypeError):  # nothing says that nobody did
        return True
