"""Failed single runs, trained again under their own numbers; those of a sweep are its scheduler's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import optuna
import yaml
from optuna.trial import FrozenTrial
from rich.console import Console

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, Interrupted, RecordError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import read_record
from vggsweep.sweep.hydra_task import closing_block
from vggsweep.sweep.recovery.study_edits import train_again
from vggsweep.sweep.single_run import open_runs, train_there
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.sweep.storage.study import storage_of, write_attrs
from vggsweep.sweep.storage.trial_attrs import TrialAttrs, notes_of
from vggsweep.training.interruption import StopRequest, stop_on_signals
from vggsweep.trial import TrialSpec


def rerun_runs(sweep: SweepDirectory, numbers: Sequence[int]) -> int:
    """Train single runs again, one after the other.

    Args:
        sweep: their directory.
        numbers: of runs that failed, or were interrupted.

    Returns:
        The exit code: whether one failed again, or a signal stopped them.

    Raises:
        ConfigError: a run cannot work any more, such as where its folder is gone; nothing was changed.
    """
    study = open_runs(sweep)
    trials = {trial.number: trial for trial in study.get_trials(deepcopy=False) if trial.number in numbers}
    words = {number: _words_of(sweep.trial(number)) for number in trials}
    for plain, _ in words.values():
        check_configuration(read_configuration(plain))
    train_again(sweep, study, [trial for trial in trials.values() if trial.state.is_finished()])
    console = Console(stderr=True)
    failed = False
    with stop_on_signals() as stop:
        for number, (plain, overrides) in words.items():
            try:
                failed |= not _rerun(sweep, study, number, plain, overrides, stop, console)
            except (Interrupted, KeyboardInterrupt):
                print(f"\nStopped by {stop.signal_name}. The same command continues.", file=sys.stderr)
                return EXIT_INTERRUPTED
    return EXIT_FAILED if failed else 0


def _rerun(
    sweep: SweepDirectory,
    study: optuna.Study,
    number: int,
    plain: dict[str, Any],
    overrides: list[str],
    stop: StopRequest,
    console: Console,
) -> bool:
    trial: FrozenTrial = study.get_trials(deepcopy=False)[number]
    directory = sweep.trial(number)
    lock = claim(directory.lock)
    if lock is None:
        console.print(f"run {number} is being trained by another process", markup=False)
        return True
    fingerprints = Fingerprints()
    identity = fingerprints.identity(plain)
    # what was cured may be the data
    write_attrs(study, trial, TrialAttrs(identity.configuration, tuple(overrides), data=identity.data))
    spec = TrialSpec(
        sweep.name,
        number,
        directory,
        plain,
        overrides,
        identity=identity,
        notes=notes_of(trial),
        fingerprints=fingerprints,
    )
    record = train_there(study, lock, spec, stop=stop, console=console)
    if record.state == "FAIL":
        print(f"vggsweep: trial {number} failed again: {record.reason}\nSee {directory.log}", file=sys.stderr)
    else:
        print(closing_block(record, directory), flush=True)
    storage_of(study).close()
    return record.state != "FAIL"


def _words_of(directory: TrialDirectory) -> tuple[dict[str, Any], list[str]]:
    """The configuration of a run, from its record or from what it was begun with.

    Raises:
        ConfigError: neither is left.
    """
    try:
        record = read_record(directory.record)
        return dict(record.configuration), list(record.overrides)
    except RecordError:
        pass
    try:
        plain = yaml.safe_load(directory.config.read_text(encoding="utf-8"))
        overrides = yaml.safe_load(directory.overrides.read_text(encoding="utf-8"))
        return dict(plain), [str(word) for word in overrides]
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise ConfigError(
            f"{directory.path} has neither a record nor a config.yaml that can be read: nothing says "
            "what was trained there."
        ) from error
