"""Whether a command continues the sweep that lies in its directory, and what has to be put right first.

settings    as they were begun, but for what may change; a space may grow
data        as they were begun, unless nothing has completed on them
study       lost or older than the records: made anew from them, if they are of this sweep
records     of another trial: set aside
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from vggsweep.configuration.identity import FILES_LEFT, configuration_hashes
from vggsweep.configuration.own_code import changed_code, own_code
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.catalog import data_root
from vggsweep.data.settings import SourceSettings
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.changed_data import PREFIX, data_lines
from vggsweep.sweep.recovery.reading import NoStudyYet, is_foreign, read_study
from vggsweep.sweep.recovery.rebuild import Plan, rebuilt_trials
from vggsweep.sweep.recovery.study_edits import (
    refuse_while_at_work,
    reopen,
    replace_study,
    train_again,
    widen,
)
from vggsweep.sweep.spec.saved_spec import STUDY_MARK, flat, grown, read_saved
from vggsweep.sweep.spec.spec import FREE_SWEEP_FIELDS, WHOLE_SWEEP, SweepSpec
from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.study import storage_of
from vggsweep.sweep.storage.trial_attrs import WAITING, attrs_of, counted, is_counted, unfinished_families
from vggsweep.trial_directory import own_record, put_aside
from vggsweep.visible import visible

FREE_FIELDS = (
    *(f"sweep.{field}" for field in FREE_SWEEP_FIELDS),
    *(f"train.{field}" for field in FILES_LEFT),
    "pruner.margin",  # how surely a network must be beaten; its default is another since release 0.2
)
MOST_LINES = 12
# Fields of `pruner=pareto` that may not change, of this release and of 0.1.
PARETO_FIELDS = tuple(f"pruner.{name}" for name in ("first_rung", "rung_factor", "eta", "keep_front"))


@dataclass(frozen=True)
class Difference:
    """How a command differs from what its sweep was begun with.

    Args:
        settings: a line each; none of them may be.
        data: a line each.
        grown: parameters whose space holds more than before.
    """

    settings: tuple[str, ...]
    data: tuple[str, ...]
    grown: Mapping[str, BaseDistribution]


def check_same_sweep(spec: SweepSpec) -> None:
    """Refuse to continue a sweep with other settings, or on other data, than it began with; writes nothing.

    Raises:
        ConfigError: naming every difference.
    """
    saved = read_saved(spec.directory)
    if saved is not None:
        _refuse(spec, saved.fingerprint or {}, saved.command)
    elif kind_of(spec.directory) == "runs":
        name = spec.name
        raise ConfigError(
            f"{spec.root} holds single runs, which are no trials of a sweep. Give the sweep a name of its "
            f"own, {shlex.quote(f'sweep.name={name}-sweep')}, or rename that directory:\n"
            f"  mv {shlex.quote(str(spec.root))} {shlex.quote(f'{spec.root}-runs')}"
        )


def say_changed_code(spec: SweepSpec) -> None:
    """Tell of parts of the user's own whose files have changed since the sweep last ran."""
    saved = read_saved(spec.directory)
    for name in changed_code(saved.own_code if saved is not None else {}, own_code(spec.base)):
        say(
            f"the file of {name} has changed since sweep {spec.name} last ran; its earlier trials keep their "
            "results, and a trial that repeats one of them is not trained again. Another sweep.name keeps "
            "the two apart."
        )


def refuse_sweeps_directory(directory: SweepDirectory) -> None:
    """Refuse a single run, or a stock sweeper's trial, in the directory of a sweep.

    Raises:
        ConfigError: with a name that is free.
    """
    if kind_of(directory) == "sweep":
        raise ConfigError(
            f"{directory.path} is a sweep's, and a single run is no trial of it. Give the run another name: "
            f"{shlex.quote(f'sweep.name={directory.name}-runs')}"
        )


def kind_of(directory: SweepDirectory) -> str | None:
    """``sweep`` or ``runs``, by everything that is left in a directory; None for one without trials."""
    if directory.settings.exists():
        return "sweep"
    if not directory.begun_trials() and not directory.study.is_file():
        return None
    with suppress(NoStudyYet):
        if directory.study.is_file() and directory.study.stat().st_size:
            study = read_study(directory)
            trials = study.get_trials(deepcopy=False)
            has_two = len(study.directions) > 1
            if STUDY_MARK in study.user_attrs or has_two or any(map(_is_swept, trials)):
                return "sweep"
            if trials:
                return "runs"
    records, _ = read_records(directory.path)
    if not records:
        return "runs" if directory.begun_trials() else None
    return "sweep" if any(record.swept for _, record in records) else "runs"


def _is_swept(trial: FrozenTrial) -> bool:
    attrs = attrs_of(trial)
    return attrs is not None and attrs.swept is not None


def join_study(spec: SweepSpec) -> None:
    """Create the study, or join the one that there is, if it is of the same sweep; put right what is not.

    Raises:
        ConfigError: it is of another sweep; naming every difference.
        SweepError: the database cannot be reached, or must be changed while others use it.
    """
    # where there is no directory yet, there is nothing to put right
    is_there = spec.directory.path.is_dir()
    with held(spec.directory.path / "join.lock") if is_there else nullcontext():
        study = _made_anew_if_lost(spec)
        attrs = _mark(spec)
        saved = study.user_attrs.get(STUDY_MARK)
        if saved is not None:
            difference = _refuse(spec, saved["fingerprint"], saved["command"])
            study = _follow(spec, study, difference)
        if saved is None or saved["fingerprint"] != attrs["fingerprint"]:
            study.set_user_attr(STUDY_MARK, attrs)
        _check_records(spec, study)
        if spec.only:
            again(spec, study)
        else:
            _wait_for_replicates(spec, study)
        storage_of(study).close()


def _mark(spec: SweepSpec) -> dict[str, Any]:
    """What a study says of its sweep."""
    return {"fingerprint": spec.fingerprint(), "command": spec.command}


def _made_anew_if_lost(spec: SweepSpec) -> optuna.Study:
    # the directories first: a trial is in the study before it has one
    numbers = spec.directory.begun_trials()
    study = spec.open_study()
    known = study.get_trials(deepcopy=False)
    # repaired by someone who did not know the space, or of a sweep that does not know these trials
    is_bare = STUDY_MARK not in study.user_attrs and any(_is_swept(one) and not one.params for one in known)
    is_bare |= spec.settings.storage is None and is_foreign(study, spec.directory)
    if not numbers or (numbers[-1] < len(known) and not is_bare):
        return study
    storage_of(study).close()
    _refuse_foreign_records(spec)
    refuse_while_at_work(spec.directory)
    content = Plan(spec.metrics, spec.space.distributions, spec.fixed, () if is_bare else known)
    trials = rebuilt_trials(spec.directory, content)
    replace_study(spec.directory, spec.settings.storage, content.metrics, trials, {STUDY_MARK: _mark(spec)})
    say(f"{spec.root} had lost trials of its study: it is made anew from {len(numbers)} trials on disk.")
    return spec.open_study()


def _refuse_foreign_records(spec: SweepSpec) -> None:
    """Refuse records that no trial of this sweep can have left.

    Raises:
        ConfigError: naming how the first of them differs.
    """
    records, _ = read_records(spec.root)
    composer = spec.composer
    for directory, record in records:
        own = [word for word in record.overrides if word not in spec.fixed]
        names = [name for name in spec.space.distributions if name.lstrip("+") in record.swept]
        swept = [f"{name}={record.swept[name.lstrip('+')]}" for name in names]
        seed = f"seed={record.configuration.get('seed')}"
        composed: dict[str, Any] = {}
        for words in (own, swept, [*swept, seed]):
            try:
                composed = composer.compose(words)
            except ConfigError:
                continue
            if _is_of(spec, record, composed) and _lies_inside(spec, record):
                break
        else:
            raise ConfigError(
                f"{spec.root} holds trials of another sweep; {directory.name} differs:"
                + _capped(_lines(flat(dict(record.configuration)), flat(composed)) or [_place(record)])
                + f"\nGive this sweep another name, {shlex.quote(f'sweep.name={spec.name}-2')}, or type the "
                "command of the sweep that lies there."
            )


def _is_of(spec: SweepSpec, record: Record, composed: Mapping[str, Any]) -> bool:
    if record.state == "FAIL":  # its data may have been cured since
        return record.configuration_hash in configuration_hashes(composed)
    return any(one.fits(record.identity) for one in spec.fingerprints.identities(composed))


def _lies_inside(spec: SweepSpec, record: Record) -> bool:
    values = {name: record.swept.get(name.lstrip("+")) for name in spec.space.distributions}
    return spec.space.hook is not None or all(
        value is None or spec.space.match_value(name, value) is not None for name, value in values.items()
    )


def _place(record: Record) -> str:
    words = ", ".join(f"{name}={value}" for name, value in record.swept.items())
    return f"  its data or its place in the space ({words or 'a single run'})"


def _follow(spec: SweepSpec, study: optuna.Study, difference: Difference) -> optuna.Study:
    """Bring a study up to what may change when its sweep continues."""
    if not difference.grown and not difference.data:
        return study
    refuse_while_at_work(spec.directory)
    if difference.grown:
        widen(study, difference.grown)
    if difference.data:
        study = spec.open_study()
        train_again(spec.directory, study, counted(study.get_trials(deepcopy=False)))
        say("The data changed since every trial failed; they are trained again:" + _capped(difference.data))
    return spec.open_study()


def _wait_for_replicates(spec: SweepSpec, study: optuna.Study) -> None:
    """Take back the means of configurations that are to have further replicates now."""
    trials = study.get_trials(deepcopy=False)
    families = unfinished_families(trials, spec.settings.replicates)
    told = [one for family in families.values() for one in family if WAITING in one.user_attrs]
    finished = [one for one in told if one.state is TrialState.COMPLETE]
    if finished and len(counted(trials)) < spec.settings.n_trials:
        reopen(study, finished)


def _check_records(spec: SweepSpec, study: optuna.Study) -> None:
    """Set records of other trials aside, and say which results are gone."""
    trials = study.get_trials(deepcopy=False)
    lost = []
    for trial in trials:
        attrs = attrs_of(trial)
        if attrs is None:
            continue
        place = spec.directory.trial(trial.number)
        found = own_record(place, trial.number, attrs.identity)
        if isinstance(found, str) and trial.state.is_finished():
            say(put_aside(place.record, found))
            found = None
        is_told = trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
        is_again = trial.number in spec.only
        if found is None and is_told and not is_again and spec.settings.storage is None and is_counted(trial):
            lost.append(str(trial.number))
    if lost:
        words = f"trials {', '.join(lost)}" if len(lost) > 1 else f"trial {lost[0]}"
        say(
            f"{spec.root} has no record of {words} any more. "
            f"`vggsweep rerun {shlex.quote(spec.name)} {' '.join(lost)}` trains them again."
        )


def again(spec: SweepSpec, study: optuna.Study) -> None:
    """Let the trials begin again that this command is to train again."""
    trials = study.get_trials(deepcopy=False)
    finished = [trials[number] for number in spec.only if trials[number].state.is_finished()]
    if finished:
        refuse_while_at_work(spec.directory)
        train_again(spec.directory, study, finished)


def say(text: str) -> None:
    """A line for the person, beside the progress."""
    print(f"vggsweep: {text}", file=sys.stderr, flush=True)


def differences(spec: SweepSpec, fingerprint: Mapping[str, Any]) -> Difference:
    """How an order differs from what its sweep was begun with."""
    before = {key: value for key, value in fingerprint.items() if key not in FREE_FIELDS}
    now = {key: value for key, value in spec.fingerprint().items() if key not in FREE_FIELDS}
    if "pruner.eta" in before and before.get("pruner.name") == now.get("pruner.name") == "pareto":
        # release 0.1 ranked by another rule: what is trained is the same, and its rungs are not compared
        before, now = ({k: v for k, v in node.items() if k not in PARETO_FIELDS} for node in (before, now))
    wider = grown(before, now)
    for name in wider:
        before.pop(f"space.{name}")
        now.pop(f"space.{name}")
    settings = _lines(
        *({k: v for k, v in node.items() if not k.startswith(PREFIX)} for node in (before, now))
    )
    dataset = read_configuration(spec.base).dataset
    root = visible(str(data_root(dataset))) if dataset.name == "image_folder" else dataset.name
    root = dataset.place.partition("=")[2] if isinstance(dataset, SourceSettings) else root
    return Difference(tuple(settings), tuple(data_lines(before, now, {WHOLE_SWEEP: root})), wider)


def _refuse(spec: SweepSpec, fingerprint: Mapping[str, Any], command: str) -> Difference:
    difference = differences(spec, fingerprint)
    name = shlex.quote(f"sweep.name={spec.name}-2")
    if difference.settings:
        raise ConfigError(
            "\n".join([f"The sweep {spec.name!r} was begun with other settings:", *difference.settings, ""])
            + f"Continue it with its own command, or give this one another name, {name}. It was begun with:\n"
            f"  {command}"
        )
    # of a study on a server, whichever host may have them
    if difference.data and (
        spec.settings.storage is not None
        or any(record.state != "FAIL" for _, record in read_records(spec.root)[0])
    ):
        raise ConfigError(
            f"The data of the sweep {spec.name!r} changed since it was begun, and results on other data do "
            f"not compare:{_capped(difference.data)}\n"
            f"Put the data back as they were, or begin a sweep of its own: {name}"
        )
    return difference


def _lines(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [
        f"  {key}: {before.get(key, '(absent)')} → {now.get(key, '(absent)')}"
        for key in sorted(before.keys() | now.keys())
        if before.get(key) != now.get(key)
    ]


def _capped(lines: Sequence[str]) -> str:
    """The first of some lines, each on a line of its own."""
    more = [f"  and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    return "".join(f"\n{line}" for line in [*lines[:MOST_LINES], *more])
