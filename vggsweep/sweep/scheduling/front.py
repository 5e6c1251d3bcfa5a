"""The trials that none beats, and whose weights a sweep keeps."""

from __future__ import annotations

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import RecordError
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import read_record
from vggsweep.results.dominance import non_dominated
from vggsweep.results.tables.table import DECIDES_IMAGES
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.trial_attrs import attrs_of, counted

# Swept fields that decide which images validate; of folders the fingerprint says so.
DATA_FIELDS = tuple(f"dataset.{name}" for name in DECIDES_IMAGES) + ("dataset",)


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The best trial, or those that none dominates; empty where none completed.

    Accuracies are compared on the same validation images only: where a sweep varies its data, each has its
    best. Replicates, which share their value, are there as one: the first that completed.
    """
    complete = counted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    signs = [1 if one is StudyDirection.MINIMIZE else -1 for one in study.directions]
    firsts: dict[int | None, FrozenTrial] = {}
    fields: dict[object, list[FrozenTrial]] = {}
    for trial in complete:
        attrs = attrs_of(trial)
        assert attrs is not None, "only trials of ours are counted"
        if firsts.setdefault(attrs.first, trial) is trial:
            chosen = {name: value for name, value in (attrs.swept or {}).items() if name in DATA_FIELDS}
            fields.setdefault((attrs.data, str(chosen)), []).append(trial)
    best: list[FrozenTrial] = []
    for trials in fields.values():
        losses = [
            tuple(sign * value for sign, value in zip(signs, one.values, strict=True)) for one in trials
        ]
        if len(signs) == 1:
            best.append(trials[losses.index(min(losses))])
        else:
            best += [one for one, is_best in zip(trials, non_dominated(losses), strict=True) if is_best]
    return best


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
    families = {_family(trial) for trial in best_trials(study)}
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
