"""Changes to a study that Optuna has no word for: a trial that begins again or goes, a wider or new space.

Each is made while nobody works on the sweep: other processes would go on with what they remember.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json, json_to_distribution
from optuna.storages._rdb import models
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import event
from sqlalchemy.orm import Session

from vggsweep.errors import SweepError
from vggsweep.files import set_aside
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import readable_record
from vggsweep.sweep.recovery.rebuild import add_all
from vggsweep.sweep.scheduling.ownership import OWNER
from vggsweep.sweep.spec.objectives import Metric
from vggsweep.sweep.storage.buffered import BufferedStorage
from vggsweep.sweep.storage.file_lock import is_owned
from vggsweep.sweep.storage.rdb import RetryingRDBStorage, open_database
from vggsweep.sweep.storage.study import database_of, storage_of
from vggsweep.sweep.storage.trial_attrs import DEATHS, EARLIER, REASON, WAITING, attrs_of, family_of
from vggsweep.sweep.workers.slot import any_slot_taken

# What an attempt left on its trial and the next one must not find.
OF_ONE_ATTEMPT = (OWNER, DEATHS, REASON)


def refuse_while_at_work(directory: SweepDirectory) -> None:
    """Refuse to change a study that others on this host are using.

    Raises:
        SweepError: a worker or a trial of the sweep is alive.
    """
    locks = directory.trials.glob("*/trial.lock")
    if any_slot_taken(directory) or any(is_owned(lock) for lock in locks):
        raise SweepError(
            f"{directory.path} is being worked on by another process, and its study has to be changed first. "
            "Stop that process, or wait for its end, and type the command again."
        )


def reopen(study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
    """Make finished trials RUNNING ones that nobody owns, under their own numbers."""
    ids = [trial._trial_id for trial in trials]
    if not ids:
        return
    with Session(database_of(study).engine) as session, session.begin():
        for model in (models.TrialValueModel, models.TrialIntermediateValueModel):
            session.query(model).filter(model.trial_id.in_(ids)).delete()
        attributes = models.TrialUserAttributeModel
        session.query(attributes).filter(
            attributes.trial_id.in_(ids), attributes.key.in_(OF_ONE_ATTEMPT)
        ).delete()
        for row in session.query(models.TrialModel).filter(models.TrialModel.trial_id.in_(ids)):
            row.state = TrialState.RUNNING
            row.datetime_complete = None
    storage_of(study).forget()


def blank(study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
    """Take away everything that a study knows of some trials but their numbers, which are never given again.

    What is left is as `vggsweep.sweep.recovery.rebuild` makes a number of which nothing is left: nothing
    counts it, shows it or learns from it.
    """
    ids = [trial._trial_id for trial in trials]
    if not ids:
        return
    everything = (
        models.TrialValueModel,
        models.TrialIntermediateValueModel,
        models.TrialParamModel,
        models.TrialUserAttributeModel,
        models.TrialSystemAttributeModel,
        models.TrialHeartbeatModel,
    )
    with Session(database_of(study).engine) as session, session.begin():
        for model in everything:
            session.query(model).filter(model.trial_id.in_(ids)).delete()
        for row in session.query(models.TrialModel).filter(models.TrialModel.trial_id.in_(ids)):
            row.state = TrialState.FAIL
            row.datetime_complete = row.datetime_complete or row.datetime_start
    storage_of(study).forget()


def train_again(directory: SweepDirectory, study: optuna.Study, trials: Sequence[FrozenTrial]) -> None:
    """Let finished trials begin again under their own numbers; why they failed is kept."""
    relatives: dict[int, FrozenTrial] = {}
    before: dict[int, str | None] = {}
    for trial in trials:
        attrs = attrs_of(trial)
        assert attrs is not None, "only trials of ours are trained again"
        place = directory.trial(trial.number)
        place.path.mkdir(parents=True, exist_ok=True)
        record = readable_record(place.record)
        before[trial.number] = trial.user_attrs.get(REASON) or (record.reason if record is not None else None)
        if os.path.lexists(place.record):
            set_aside(place.record, "earlier")
        place.hung.unlink(missing_ok=True)
        place.released.touch()  # its end was no death
        for one in family_of(study.get_trials(deepcopy=False), attrs.first):
            if WAITING in one.user_attrs and one.state is TrialState.COMPLETE:
                relatives[one.number] = one  # replicates are told their mean when all have it
    numbers = {trial.number for trial in trials}
    reopen(study, [*trials, *(one for number, one in relatives.items() if number not in numbers)])
    for trial in trials:
        reasons = [*trial.user_attrs.get(EARLIER, ()), *filter(None, [before[trial.number]])]
        storage_of(study).set_trial_user_attr(trial._trial_id, EARLIER, reasons)


def widen(study: optuna.Study, distributions: Mapping[str, BaseDistribution]) -> None:
    """Give the trials that there are the space as it is now; their values stay."""
    with Session(database_of(study).engine) as session, session.begin():
        rows = (
            session.query(models.TrialParamModel)
            .join(models.TrialModel, models.TrialModel.trial_id == models.TrialParamModel.trial_id)
            .filter(
                models.TrialModel.study_id == study._study_id,
                models.TrialParamModel.param_name.in_(list(distributions)),
            )
        )
        row: Any
        for row in rows:
            wide = distributions[row.param_name]
            value = json_to_distribution(row.distribution_json).to_external_repr(row.param_value)
            row.param_value = wide.to_internal_repr(value)
            row.distribution_json = distribution_to_json(wide)
    storage_of(study).forget()


def replace_study(
    directory: SweepDirectory,
    storage: str | None,
    metrics: Sequence[Metric],
    trials: Sequence[FrozenTrial],
    attributes: Mapping[str, Any],
) -> Path | None:
    """Put a study of these trials where the sweep's is, or was.

    Args:
        directory: of the sweep.
        storage: ``sweep.storage``.
        metrics: of its objective.
        trials: by number, without a gap.
        attributes: of the study.

    Returns:
        Where the file that was there before lies now.
    """

    def fill(backend: RetryingRDBStorage) -> None:
        study = optuna.create_study(
            study_name=directory.name,
            storage=BufferedStorage(backend),
            directions=[metric.direction for metric in metrics],
        )
        for key, value in attributes.items():
            study.set_user_attr(key, value)
        add_all(study, trials)
        storage_of(study).close()

    if storage is not None:
        backend = open_database(directory, storage)
        names = [study.study_name for study in backend.get_all_studies()]
        if directory.name in names:
            backend.delete_study(backend.get_study_id_from_name(directory.name))
        fill(backend)
        return None
    new = directory.study.with_name(f"{directory.study.name}.new")
    new.unlink(missing_ok=True)
    backend = open_database(directory, f"sqlite:///{new}")
    # one wait for the disk at the end instead of several for each trial
    event.listen(backend.engine, "connect", lambda one, _: one.execute("PRAGMA synchronous=OFF"))
    backend.close()
    fill(backend)
    with new.open("rb") as file:
        os.fsync(file.fileno())
    before = _set_aside(directory.study)
    new.replace(directory.study)
    return before


def _set_aside(database: Path) -> Path | None:
    """Rename a database together with SQLite's own files beside it."""
    companions = [
        suffix for suffix in ("", "-wal", "-shm", "-journal") if os.path.lexists(f"{database}{suffix}")
    ]
    if not companions:
        return None
    count = 1
    while os.path.lexists(target := database.with_name(f"before-repair-{count}-{database.name}")):
        count += 1
    for suffix in companions:
        Path(f"{database}{suffix}").rename(f"{target}{suffix}")
    return target
