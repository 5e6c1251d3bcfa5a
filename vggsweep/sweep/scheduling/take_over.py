"""Give a trial the result of an earlier sweep: its record under the new number, and its other files."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from vggsweep.errors import RecordError
from vggsweep.files import set_obstacle_aside, write_atomically
from vggsweep.results.disk.answers import Answers, read_answers, write_answers
from vggsweep.results.disk.history import copy_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import TAKEN_OVER, Record, write_record
from vggsweep.results.disk.yaml_text import yaml_text
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import EarlierResult

# What the result was measured with stays, as its figures do.
AS_IT_RAN = ("device", "measure")


def record_taken_over(found: EarlierResult, spec: SweepSpec, assignment: Assignment) -> Record:
    """The earlier record as this trial's own; when it was trained stands in the earlier one."""
    before, now = found.record, datetime.now(UTC).isoformat(timespec="seconds")
    # of a front weights are kept where there are any
    is_on_front = spec.settings.keep == "front" and found.directory.weights.is_file()
    keeps_weights = assignment.plain["train"]["keep_weights"] or is_on_front
    ran = {node: before.configuration[node] for node in AS_IT_RAN if node in before.configuration}
    return replace(
        before,
        sweep=spec.name,
        trial=assignment.number,
        configuration_hash=assignment.identity.configuration,
        configuration={**assignment.plain, **ran},
        overrides=(*spec.fixed, *assignment.attrs.words),
        swept=dict(assignment.attrs.swept or {}),
        timings={**before.timings, "started": now, "ended": now},
        notes=(*before.notes, *assignment.notes, f"{TAKEN_OVER}{found.source}"),
        data_fingerprint=assignment.identity.data,
        weights_sha256=before.weights_sha256 if keeps_weights else None,
    )


def write_taken_over(record: Record, found: EarlierResult, directory: TrialDirectory) -> bool:
    """Write what the trial would have left, its record last; False where the earlier files are gone.

    Raises:
        WriteFailed: the file system refused.
    """
    for path in directory.files:
        set_obstacle_aside(path)
    if record.weights_sha256 is not None:
        try:
            weights = found.directory.weights.read_bytes()
        except OSError:
            return False
        if hashlib.sha256(weights).hexdigest() != record.weights_sha256:
            return False
        write_atomically(directory.weights, weights)
    if (answers := _answers(found)) is not None:
        write_answers(answers, directory.answers)
    copy_history(found.directory.history, directory.history, record.identity)
    write_atomically(directory.config, yaml_text(dict(record.configuration)))
    write_atomically(directory.overrides, yaml_text(list(record.overrides)))
    write_record(record, directory.path)
    return True


def _answers(found: EarlierResult) -> Answers | None:
    """Those of the earlier trial; damaged ones are left behind, as the result stands without them."""
    try:
        return read_answers(found.directory.path, found.record.metrics.get("val_acc"))
    except RecordError:
        return None
