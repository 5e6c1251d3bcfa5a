"""The Optuna study of a sweep: it allocates every trial number and remembers every result."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import SweepError, VggsweepError
from vggsweep.identity import Identity
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.storage.buffered import BufferedStorage
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, open_database
from vggsweep.sweep.storage.trial_attrs import ATTRS, REASON, TrialAttrs, of_identity, reason_of, told_state

log = logging.getLogger("vggsweep.storage")


def open_study(
    directory: SweepDirectory,
    *,
    directions: Sequence[StudyDirection] = (StudyDirection.MAXIMIZE,),
    storage: str | None = None,
    pruner: optuna.pruners.BasePruner | None = None,
) -> optuna.Study:
    """Create or open the study of a sweep.

    Args:
        directory: the sweep's directory, which exists.
        directions: one an objective.
        storage: a database URL, or None for ``study.db`` in the directory.
        pruner: who stops trials early; irrelevant where nobody reports epochs.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    try:
        backend = open_database(directory, storage)
    except SweepError as error:
        raise SweepError(f"{error}{_way_out(directory, storage)}") from error
    try:
        return optuna.create_study(
            study_name=study_name(backend, directory, storage),
            storage=BufferedStorage(backend),
            directions=list(directions),
            pruner=pruner,
            load_if_exists=True,
        )
    except VggsweepError:
        raise
    except Exception as error:
        raise SweepError(
            f"{backend.what}: the study cannot be opened: {error}{_way_out(directory, storage)}"
        ) from error


def _way_out(directory: SweepDirectory, storage: str | None) -> str:
    if storage is not None or not directory.begun_trials():
        return ""
    return f" `vggsweep repair {shlex.quote(directory.name)}` makes it anew from the records."


def study_name(backend: RetryingRDBStorage, directory: SweepDirectory, storage: str | None) -> str:
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


def storage_of(study: optuna.Study) -> BufferedStorage:
    """The storage of a study that `open_study` or `read_study` opened."""
    assert isinstance(study._storage, BufferedStorage)
    return study._storage


def close_study(study: optuna.Study) -> None:
    """Let go of a study's database; one that was made from records has none."""
    if isinstance(study._storage, BufferedStorage):
        study._storage.close()


def database_of(study: optuna.Study) -> RetryingRDBStorage:
    """The database behind a study that `open_study` or `read_study` opened."""
    backend = storage_of(study)._backend
    assert isinstance(backend, RetryingRDBStorage)
    return backend


def write_attrs(study: optuna.Study, trial: FrozenTrial, attrs: TrialAttrs) -> None:
    """Write what a trial is over what it was taken for."""
    study._storage.set_trial_user_attr(trial._trial_id, ATTRS, asdict(attrs))


def trials_of(study: optuna.Study, identities: Sequence[Identity], state: TrialState) -> list[FrozenTrial]:
    """This configuration's trials, on this data, in one state: RUNNING are those that nobody finished."""
    return list(of_identity(study.get_trials(deepcopy=False, states=(state,)), identities))


def tell(study: optuna.Study, number: int, record: Record, values: Sequence[float] | None) -> None:
    """Tell the study what a record says; telling the same again changes nothing.

    Args:
        study: where the trial is RUNNING or finished.
        number: the trial's.
        record: its result.
        values: the objectives' values; a COMPLETE record that lacks one is told as FAIL.
    """
    state = told_state(record, values)
    with suppress(UpdateFinishedTrialError):  # told, but the database broke off before it said so
        if state is TrialState.FAIL:
            trial_id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
            study._storage.set_trial_user_attr(trial_id, REASON, reason_of(record))
        study.tell(
            number, values if state is TrialState.COMPLETE else None, state=state, skip_if_finished=True
        )
