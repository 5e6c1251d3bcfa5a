"""Take a trial, or a whole sweep, away: out of the study and off the disk.

The study first: a kill in between leaves a directory that the study does not know; the same command goes on.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

import optuna
from optuna.trial import FrozenTrial

from vggsweep.errors import ConfigError, SweepError
from vggsweep.files import write_failed
from vggsweep.results.disk.address import ranges
from vggsweep.results.disk.index import INDEX_NAME
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.display.progress import running_trial
from vggsweep.sweep.recovery.study_edits import blank, refuse_while_at_work
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.rdb import open_database
from vggsweep.sweep.storage.study import close_study, open_study, storage_of, study_name
from vggsweep.sweep.storage.trial_attrs import DUPLICATE_OF, family_of, first_of, is_in_progress, is_ours

REMOVED = ".removed-"
# An owner on another host that was silent for so long works no more, whatever the sweep's lease.
SILENT_SECONDS = 600.0
# What lies in a sweep's directory besides what `SweepDirectory.files` names.
FURTHER_FILES = (
    *(INDEX_NAME, "study.db*", "before-repair-*-study.db*", "test_openings.jsonl", "confirmation.json"),
    *("*.lock", "multirun.yaml", ".*.tmp", "events.out.tfevents.*"),
)


def check_removal(directory: SweepDirectory, numbers: Sequence[int] | None) -> None:
    """Refuse what cannot be taken away now; changes nothing.

    Args:
        directory: the sweep's.
        numbers: of its trials; None for the sweep as a whole.

    Raises:
        SweepError: a worker of the sweep is alive, or its study cannot be read.
        ConfigError: a trial is one of several replicates, of which only some were named.
    """
    refuse_while_at_work(directory)
    if (study := _study_of(directory)) is None:
        return
    try:
        trials = _trials_at_rest(directory, study)
        if numbers is not None:
            _refuse_parts_of_families(directory, trials, numbers)
    finally:
        close_study(study)


def remove_trials(directory: SweepDirectory, numbers: Sequence[int]) -> list[str]:
    """Take trials out of the study and off the disk; their numbers are never given again.

    Duplicates of theirs, which were told their results, lose these too, and so do the files that tell of all
    trials and of the sweep's end. Checked by `check_removal`.

    Returns:
        Names of these files, where there were any.

    Raises:
        SweepError: a worker of the sweep has begun meanwhile.
    """
    with held(directory.path / "join.lock"):
        refuse_while_at_work(directory)
        if (study := _study_of(directory)) is not None:
            try:
                trials = _trials_at_rest(directory, study)
                named = set(numbers)
                blank(
                    study, [one for one in trials if {one.number, one.user_attrs.get(DUPLICATE_OF)} & named]
                )
            finally:
                close_study(study)
        for number in numbers:
            place = directory.trial(number).path
            try:
                if place.exists():
                    place.rename(place.with_name(f"{REMOVED}{place.name}"))
            except OSError as error:
                raise write_failed(place, error) from error
        stale = [path for path in directory.closing_files if path.is_file()]
        _delete([*stale, *directory.trials.glob(f"{REMOVED}*")])
    return [path.name for path in stale]


def remove_sweep(directory: SweepDirectory) -> list[Path]:
    """Take a whole sweep away. Checked by `check_removal`.

    Returns:
        What stays because it is none of vggsweep's files; empty where the directory itself is gone.

    Raises:
        SweepError: a worker of the sweep has begun meanwhile.
    """
    saved = read_saved(directory)
    with held(directory.path / "join.lock"):
        refuse_while_at_work(directory)
        if saved is not None and saved.storage is not None and (study := _study_of(directory)) is not None:
            try:
                _trials_at_rest(directory, study)
                optuna.delete_study(study_name=study.study_name, storage=storage_of(study))
            finally:
                close_study(study)
        _delete([directory.workers, *directory.files])
        for pattern in FURTHER_FILES:
            _delete(directory.path.glob(pattern))
        _delete(directory.trials.glob("[0-9]*"))
        _delete(directory.trials.glob(f"{REMOVED}*"))
        for folder in (directory.trials, directory.path):
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    return sorted(directory.path.iterdir()) if directory.path.is_dir() else []


def _study_of(directory: SweepDirectory) -> optuna.Study | None:
    """The study, to be changed; None where there is none."""
    saved = read_saved(directory)
    storage = saved.storage if saved is not None else None
    if storage is None:
        if not (directory.study.is_file() and directory.study.stat().st_size):
            return None
        return open_study(directory)
    backend = open_database(directory, storage)
    try:
        names = [one.study_name for one in backend.get_all_studies()]
        is_there = study_name(backend, directory, storage) in names
    finally:
        backend.close()
    return open_study(directory, storage=storage) if is_there else None


def _trials_at_rest(directory: SweepDirectory, study: optuna.Study) -> list[FrozenTrial]:
    """The study's trials, of which no other host trains any.

    Workers of this host were asked for by their locks; those of others are by their signs of life.
    """
    trials = study.get_trials(deepcopy=False)
    for trial in filter(is_in_progress, trials):
        running = running_trial(directory, trial)
        silent = running.silent_seconds
        if running.is_owned and (silent is None or silent < SILENT_SECONDS):
            raise SweepError(
                f"Trial {trial.number} of {directory.name} is being trained ({running.worker_words}). Stop "
                "that worker, or wait for its end, and type the command again."
            )
    return trials


def _refuse_parts_of_families(
    directory: SweepDirectory, trials: Sequence[FrozenTrial], numbers: Sequence[int]
) -> None:
    for number in numbers:
        if number >= len(trials) or not is_ours(trials[number]):
            continue
        family = sorted(one.number for one in family_of(trials, first_of(trials[number])))
        if len(family) > 1 and not set(family) <= set(numbers):
            name = shlex.quote(directory.name)
            words = " ".join(f"{name}/{one}" for one in family)
            raise ConfigError(
                f"Trial {number} of {directory.name} is one of the replicates of a configuration (trials "
                f"{ranges(family)}), whose mean was told to the sampler: remove all of them or none.\n"
                f"  vggsweep rm {words}"
            )


def _delete(paths: Iterable[Path]) -> None:
    for path in paths:
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise write_failed(path, error) from error
