"""Open a study to look at it, whatever is left of it."""

from __future__ import annotations

import logging
import shlex

import optuna

from vggsweep.errors import SweepError, VggsweepError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import readable_record
from vggsweep.sweep.recovery.rebuild import Plan, add_all, rebuilt_trials
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.buffered import BufferedStorage
from vggsweep.sweep.storage.rdb import open_database
from vggsweep.sweep.storage.study import study_name
from vggsweep.sweep.storage.trial_attrs import attrs_of

log = logging.getLogger("vggsweep.storage")
# So many records that a study does not know are enough to tell that it is another sweep's.
MOST_COMPARED = 8


class NoStudyYet(SweepError):
    """The sweep's command was stopped, or is still about to begin, before its first trial."""


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
        name = study_name(backend, directory, storage)
        study = optuna.load_study(study_name=name, storage=BufferedStorage(backend))
        if storage is None and is_foreign(study, directory):
            backend.close()
            raise SweepError("its study is another sweep's")
        return study
    except Exception as error:
        if directory.begun_trials():
            log.warning(
                "%s has no study of its own that can be read; this is told from its records. "
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


def is_foreign(study: optuna.Study, directory: SweepDirectory) -> bool:
    """Whether a study is another sweep's: it knows none of the configurations that the records are of."""
    trials = study.get_trials(deepcopy=False)
    known = {attrs.configuration_hash for trial in trials if (attrs := attrs_of(trial)) is not None}
    compared = 0
    for number in directory.begun_trials()[:MOST_COMPARED]:
        if (record := readable_record(directory.trial(number).record)) is not None:
            if record.configuration_hash in known:
                return False
            compared += 1
    return compared > 0 and bool(known)


def study_of_records(directory: SweepDirectory) -> optuna.Study:
    """A study in memory, from what lies in the directory."""
    plan = Plan.of(read_saved(directory))
    study = optuna.create_study(
        study_name=directory.name, directions=[metric.direction for metric in plan.metrics]
    )
    add_all(study, rebuilt_trials(directory, plan))
    return study
