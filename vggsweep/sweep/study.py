"""The Optuna study of a sweep: it allocates every trial number and remembers every result."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState

from vggsweep.errors import SweepError, VggsweepError
from vggsweep.results.layout import SweepDirectory
from vggsweep.results.record import Record
from vggsweep.sweep.database import PatientDatabase, open_database
from vggsweep.sweep.marks import mark_of
from vggsweep.sweep.storage import SweepStorage

STATES = {
    "COMPLETE": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "FAIL": TrialState.FAIL,
}


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
    logging.getLogger("optuna").setLevel(logging.WARNING)
    backend = open_database(directory, storage)
    try:
        return optuna.create_study(
            study_name=directory.name,
            storage=SweepStorage(backend),
            directions=list(directions),
            sampler=sampler,
            pruner=pruner,
            load_if_exists=True,
        )
    except VggsweepError:
        raise
    except Exception as error:
        raise SweepError(f"{backend.what}: the study cannot be opened: {error}") from error


def read_study(directory: SweepDirectory, storage: str | None = None) -> optuna.Study:
    """Open an existing study to look at it.

    Raises:
        SweepError: there is none, or it cannot be read.
    """
    logging.getLogger("optuna").setLevel(logging.WARNING)
    backend = open_database(directory, storage)
    try:
        return optuna.load_study(study_name=directory.name, storage=SweepStorage(backend))
    except KeyError:
        raise NoStudyYet(
            f"{directory.path} has no study yet: its command was stopped before the first trial. "
            "The same command begins it."
        ) from None
    except VggsweepError:
        raise
    except Exception as error:
        raise SweepError(f"{backend.what}: the study cannot be opened: {error}") from error


def storage_of(study: optuna.Study) -> SweepStorage:
    """The storage of a study that `open_study` or `read_study` opened."""
    assert isinstance(study._storage, SweepStorage)
    return study._storage


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
    values: Sequence[float] | None = None,
    params: Mapping[str, Any] | None = None,
    distributions: Mapping[str, BaseDistribution] | None = None,
    system_attributes: Mapping[str, Any] | None = None,
) -> int:
    """Add a trial that no sampler suggested, whole in one transaction.

    A kill leaves no number without its attributes.

    Returns:
        The trial's number.
    """
    template = optuna.trial.create_trial(
        state=state,
        values=values,
        params=dict(params or {}),
        distributions=dict(distributions or {}),
        user_attrs=dict(attributes),
        system_attrs=dict(system_attributes or {}),
    )
    trial_id = study._storage.create_new_trial(study._study_id, template_trial=template)
    return study._storage.get_trial_number_from_id(trial_id)


def running_trials(study: optuna.Study, configuration_hash: str) -> list[int]:
    """Numbers of this configuration's trials that nobody has finished."""
    found = []
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        mark = mark_of(trial)
        if mark is not None and mark.configuration_hash == configuration_hash:
            found.append(trial.number)
    return found


def tell(study: optuna.Study, record: Record, values: Sequence[float] | None) -> None:
    """Tell the study what a record says; telling the same again changes nothing.

    Args:
        study: where the trial is RUNNING or finished.
        record: its result.
        values: the objectives' values when the record is COMPLETE.
    """
    state = STATES[record.state]
    study.tell(
        record.trial, values if state is TrialState.COMPLETE else None, state=state, skip_if_finished=True
    )
