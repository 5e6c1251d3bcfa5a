"""The Optuna study of a sweep: it allocates every trial number and remembers every result."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import SweepError, VggsweepError
from vggsweep.identity import Identity
from vggsweep.results.layout import SweepDirectory
from vggsweep.results.record import Record
from vggsweep.sweep.database import PatientDatabase, open_database
from vggsweep.sweep.marks import REASON, STATES, mark_of, reason_of
from vggsweep.sweep.rebuild import Plan, add_all, numbers_on_disk, rebuilt_trials
from vggsweep.sweep.saved import read_saved
from vggsweep.sweep.storage import SweepStorage

log = logging.getLogger("vggsweep.storage")


class NoStudyYet(SweepError):
    """The sweep's command was stopped, or is still about to begin, before its first trial."""


def open_study(
    directory: SweepDirectory,
    *,
    directions: Sequence[StudyDirection] = (StudyDirection.MAXIMIZE,),
    storage: str | None = None,
    sampler: optuna.samplers.BaseSampler | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    """Create or open the study of a sweep.

    Args:
        directory: the sweep's directory, which exists.
        directions: one an objective.
        storage: a database URL, or None for ``study.db`` in the directory.
        sampler: who suggests; irrelevant where nobody asks for suggestions.
        pruner: who stops trials early; irrelevant where nobody reports epochs.
    """
    backend = _open_own(directory, storage)
    try:
        return optuna.create_study(
            study_name=_name_in(backend, directory, storage),
            storage=SweepStorage(backend),
            directions=list(directions),
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
    except VggsweepError:
        raise
    except Exception as error:
        raise SweepError(
            f"{backend.what}: the study cannot be opened: {error}{_way_out(directory, storage)}"
        ) from error


def read_study(directory: SweepDirectory, storage: str | None = None) -> optuna.Study:
    """Open a study to look at it; one that is lost or damaged is made from the records, in memory.

    Raises:
        SweepError: there is none, and no record either.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    try:
        # Opening a file that is not there would make one.
        if storage is None and not (directory.study.is_file() and directory.study.stat().st_size):
            raise KeyError(directory.name)
        backend = open_database(directory, storage)
        name = _name_in(backend, directory, storage)
        return optuna.load_study(study_name=name, storage=SweepStorage(backend))
    except Exception as error:
        if numbers_on_disk(directory):
            log.warning(
                "%s has no study that can be read; this is told from its records. "
                "`vggsweep repair %s` makes it anew.",
                directory.path,
                shlex.quote(directory.name),
            )
            return study_of_records(directory)
        if isinstance(error, KeyError):
            raise NoStudyYet(
                f"{directory.path} has no study yet: its command was stopped before the first trial. "
                "The same command begins it."
            ) from None
        if isinstance(error, VggsweepError):
            raise
        raise SweepError(f"{directory.path}: the study cannot be opened: {error}") from error


def study_of_records(directory: SweepDirectory) -> optuna.Study:
    """A study in memory, from what lies in the directory."""
    saved = read_saved(directory)
    plan = Plan() if saved is None else Plan(saved.metrics, saved.distributions, saved.words)
    study = optuna.create_study(
        study_name=directory.name, directions=[metric.direction for metric in plan.metrics]
    )
    add_all(study, rebuilt_trials(directory, plan))
    return study


def _open_own(directory: SweepDirectory, storage: str | None) -> PatientDatabase:
    logging.getLogger("optuna").setLevel(logging.WARNING)
    try:
        return open_database(directory, storage)
    except SweepError as error:
        raise SweepError(f"{error}{_way_out(directory, storage)}") from error


def _way_out(directory: SweepDirectory, storage: str | None) -> str:
    if storage is not None or not numbers_on_disk(directory):
        return ""
    return f" `vggsweep repair {shlex.quote(directory.name)}` makes it anew from the records."


def _name_in(backend: PatientDatabase, directory: SweepDirectory, storage: str | None) -> str:
    """The study's name: the directory's, or the one that it had before it was renamed or copied.

    A server holds the studies of many sweeps, a directory's own file only its own.
    """
    if storage is not None:
        return directory.name
    studies = {study.study_name: study._study_id for study in backend.get_all_studies()}
    if len(studies) > 1:  # by a release that did not look for the earlier name
        studies = {name: id_ for name, id_ in studies.items() if backend.get_n_trials(id_)}
    if directory.name in studies or not studies:
        return directory.name
    if len(studies) > 1:
        raise SweepError(
            f"{directory.study} holds the studies of several sweeps: {', '.join(sorted(studies))}."
            f"{_way_out(directory, storage)}"
        )
    return next(iter(studies))


def storage_of(study: optuna.Study) -> SweepStorage:
    """The storage of a study that `open_study` or `read_study` opened."""
    assert isinstance(study._storage, SweepStorage)
    return study._storage


def close_study(study: optuna.Study) -> None:
    """Let go of a study's database; one that was made from records has none."""
    if isinstance(study._storage, SweepStorage):
        study._storage.close()


def database_of(study: optuna.Study) -> PatientDatabase:
    """The database behind a study that `open_study` or `read_study` opened."""
    backend = storage_of(study)._backend
    assert isinstance(backend, PatientDatabase)
    return backend


def add_trial(
    study: optuna.Study,
    attributes: Mapping[str, Any],
    *,
    state: TrialState = TrialState.RUNNING,
    params: Mapping[str, Any] | None = None,
    distributions: Mapping[str, BaseDistribution] | None = None,
    system_attributes: Mapping[str, Any] | None = None,
    values: Sequence[float] | None = None,
) -> int:
    """Add a trial that no sampler suggested, whole in one transaction.

    A kill leaves no number without its attributes.

    Returns:
        The trial's number.
    """
    template = optuna.trial.create_trial(
        state=state,
        values=None if values is None else list(values),
        params=dict(params or {}),
        distributions=dict(distributions or {}),
        user_attrs=dict(attributes),
        system_attrs=dict(system_attributes or {}),
    )
    trial_id = study._storage.create_new_trial(study._study_id, template_trial=template)
    return study._storage.get_trial_number_from_id(trial_id)


def trials_of(study: optuna.Study, identities: Sequence[Identity], state: TrialState) -> list[FrozenTrial]:
    """This configuration's trials, on this data, in one state: RUNNING are those that nobody finished."""
    found = []
    for trial in study.get_trials(deepcopy=False, states=(state,)):
        mark = mark_of(trial)
        if mark is not None and any(mark.identity.fits(identity) for identity in identities):
            found.append(trial)
    return found


def tell(study: optuna.Study, number: int, record: Record, values: Sequence[float] | None) -> None:
    """Tell the study what a record says; telling the same again changes nothing.

    Args:
        study: where the trial is RUNNING or finished.
        number: the trial's.
        record: its result.
        values: the objectives' values when the record is COMPLETE.
    """
    state = STATES[record.state]
    if state is TrialState.FAIL:
        trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
        with suppress(UpdateFinishedTrialError):
            study._storage.set_trial_user_attr(trial_id, REASON, reason_of(record))
    study.tell(number, values if state is TrialState.COMPLETE else None, state=state, skip_if_finished=True)
