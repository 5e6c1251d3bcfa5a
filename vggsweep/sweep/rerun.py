"""Failed single runs, trained again under their own numbers; those of a sweep are its scheduler's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import optuna
from optuna.trial import FrozenTrial
from rich.console import Console

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import EXIT_FAILED, EXIT_INTERRUPTED, ConfigError, Interrupted
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import readable_record
from vggsweep.results.disk.yaml_text import read_yaml
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
    trials = [trial for trial in study.get_trials(deepcopy=False) if trial.number in numbers]
    specs = [_spec_of(sweep, trial) for trial in trials]
    for spec in specs:
        check_configuration(read_configuration(spec.plain))
    train_again(sweep, study, [trial for trial in trials if trial.state.is_finished()])
    failed = False
    with stop_on_signals() as stop:
        for spec in specs:
            try:
                failed |= not _rerun(study, spec, stop)
            except (Interrupted, KeyboardInterrupt):
                print(f"\nStopped by {stop.signal_name}. The same command continues.", file=sys.stderr)
                return EXIT_INTERRUPTED
    return EXIT_FAILED if failed else 0


def _rerun(study: optuna.Study, spec: TrialSpec, stop: StopRequest) -> bool:
    console = Console(stderr=True)
    lock = claim(spec.directory.lock)
    if lock is None:
        console.print(f"run {spec.number} is being trained by another process", markup=False)
        return True
    trial = study.get_trials(deepcopy=False)[spec.number]
    identity = spec.fingerprints.identity(spec.plain)
    # what was cured may be the data
    write_attrs(study, trial, TrialAttrs(identity.configuration, tuple(spec.overrides), data=identity.data))
    spec = replace(spec, identity=identity, notes=notes_of(trial))
    record = train_there(study, lock, spec, stop=stop, console=console)
    if record.state == "FAIL":
        where = f"See {spec.directory.log}"
        print(f"vggsweep: trial {spec.number} failed again: {record.reason}\n{where}", file=sys.stderr)
    else:
        print(closing_block(record, spec.directory), flush=True)
    storage_of(study).close()
    return record.state != "FAIL"


def _spec_of(sweep: SweepDirectory, trial: FrozenTrial) -> TrialSpec:
    """A run as its record says it, or what it was begun with.

    Raises:
        ConfigError: neither is left.
    """
    directory = sweep.trial(trial.number)
    made = partial(TrialSpec, sweep.name, trial.number, directory)
    if (record := readable_record(directory.record)) is not None:
        return made(dict(record.configuration), record.overrides)
    plain, overrides = read_yaml(directory.config), read_yaml(directory.overrides)
    if not isinstance(plain, dict) or not isinstance(overrides, list):
        raise ConfigError(
            f"{directory.path} has neither a record nor a config.yaml that can be read: nothing says "
            "what was trained there."
        )
    return made(plain, list(map(str, overrides)))
