"""What lies in a trial's directory before it begins: its own files stay, anything else is set aside."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from vggsweep.configuration.identity import configuration_hashes
from vggsweep.errors import RecordError
from vggsweep.files import set_aside
from vggsweep.identity import Identity
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, read_record, write_record


@dataclass(frozen=True)
class PreparedDirectory:
    """A trial's directory, ready for its trial.

    Args:
        trusts_unmarked: whether a checkpoint that does not say what it belongs to is the trial's own: one of
            an earlier release, beside the configuration that it was begun with.
        said: a line for each file that was set aside.
    """

    trusts_unmarked: bool
    said: tuple[str, ...]


def prepare_directory(
    directory: TrialDirectory, identity: Identity, plain: Mapping[str, Any]
) -> PreparedDirectory:
    """Set aside what a trial must not use, before it writes anything.

    A checkpoint is looked at when it is read (`vggsweep.training.checkpoint`).

    Args:
        directory: the trial's own, whose lock is held.
        identity: of the trial.
        plain: resolved values of its configuration.
    """
    said = []
    if os.path.lexists(directory.record):
        why = "foreign" if isinstance(own_record(directory, None, identity), Record) else "damaged"
        said.append(put_aside(directory.record, why))
        if os.path.lexists(directory.answers):
            said.append(put_aside(directory.answers, why))
    directory.answers.unlink(missing_ok=True)  # without a record it is what a kill left, and comes anew
    if directory.history.is_file() and _is_foreign_history(directory.history, identity):
        said.append(put_aside(directory.history, "foreign"))
    if os.path.lexists(directory.weights):
        said.append(put_aside(directory.weights, "earlier"))
    return PreparedDirectory(_was_begun_as(directory, plain), tuple(said))


def keep_late_record(record: Record, directory: TrialDirectory) -> None:
    """Keep a result that came too late, beside the one that counts."""
    late = replace(record, notes=(*record.notes, "superseded: another worker had taken the trial over"))
    write_record(late, directory.path, name=directory.superseded(secrets.token_hex(4)).name)


def drop_checkpoint(record: Record, directory: TrialDirectory) -> None:
    """Remove what a trial continued from, unless it failed or was asked to keep it."""
    if record.state != "FAIL" and not record.configuration["train"]["keep_checkpoint"]:
        for path in (directory.checkpoint, directory.previous_checkpoint):
            path.unlink(missing_ok=True)


def remove_torn_files(directory: TrialDirectory) -> None:
    """Delete what a killed owner was writing; the lock says that nobody writes now."""
    for path in directory.path.glob("*.tmp"):
        if path.is_file():
            path.unlink()


def own_record(directory: TrialDirectory, number: int | None, identity: Identity) -> Record | str | None:
    """The record of a trial, if what lies in its place is that.

    Args:
        directory: the trial's.
        number: the study's; None accepts any.
        identity: of the trial.

    Returns:
        The record; None where there is none; else the word for what lies there: ``foreign`` or ``damaged``.
    """
    if not os.path.lexists(directory.record):
        return None
    try:
        record = read_record(directory.record)
    except RecordError:
        return "damaged"
    if number is None:
        return record
    return record if record.trial == number and record.identity.fits(identity) else "foreign"


REASONS = {
    "foreign": "belongs to another configuration or data set",
    "damaged": "is damaged",
    "earlier": "is of an earlier attempt",
}


def put_aside(file: Path, why: str) -> str:
    """Set one file aside and say so in one line."""
    return f"{file} {REASONS[why]}: it is set aside as {set_aside(file, why).name}"


def _is_foreign_history(path: Path, identity: Identity) -> bool:
    try:
        return not read_history(path, identity) and bool(read_history(path))
    except RecordError:
        return False  # damaged; the first epoch writes it anew


def _was_begun_as(directory: TrialDirectory, plain: Mapping[str, Any]) -> bool:
    """Whether the directory's ``config.yaml`` is this configuration, on the same path of data."""
    try:
        before = yaml.safe_load(directory.config.read_text(encoding="utf-8"))
        same_hash = set(configuration_hashes(before)) & set(configuration_hashes(plain))
        return bool(same_hash) and before["dataset"]["root"] == plain["dataset"]["root"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError):
        return False
