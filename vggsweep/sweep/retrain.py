"""Train the network of a finished trial once more, for the weights that it did not keep.

The same configuration, seed, threads and precision give the same weights bit for bit on a CPU. Whether they
did is found out, and a network with another result never takes the record's place:

    trials/00007/retrained/     a directory as any trial's; the training continues there after a kill
    trials/00007/model.safetensors   moved here, once the result is the record's
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.recorded import recorded_plain, repeated_plain
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, DataError, RecordError, SweepError, TrialFailed
from vggsweep.files import make_directory, write_failed
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.training.interruption import StopRequest
from vggsweep.trial import TrialSpec, run_trial

# Two trainings with equal ones, to the last bit, have equal weights.
COMPARED = ("epochs_run", "train_loss", "train_acc", "val_loss", "val_acc")


@dataclass(frozen=True)
class Retrained:
    """A network that was trained once more.

    Args:
        record: of this training.
        directory: where its weights are: the trial's own, or ``retrained/`` where the result differs.
        differences: from the trial's record, a sentence each; empty where the results are equal.
    """

    record: Record
    directory: TrialDirectory
    differences: tuple[str, ...]


def retrain(
    directory: TrialDirectory, record: Record, *, device: str | None, stop: StopRequest, console: Console
) -> Retrained:
    """Train a finished trial's network once more; its record stays as it is.

    Args:
        directory: the trial's.
        record: the trial's, COMPLETE.
        device: where; None trains where the trial did.
        stop: set by signals.
        console: where progress is shown.

    Raises:
        Interrupted: a signal arrived; the same call continues.
        ConfigError, DataError: the trial cannot be trained here, or its data are others now.
        SweepError: another process is training it once more.
        TrialFailed: the training failed.
    """
    there = directory.retrained
    plain, fingerprints = repeated_plain(record, device), Fingerprints()
    plain["train"] |= {"checkpoint": True, "keep_checkpoint": False}
    check_configuration(read_configuration(plain))
    _check_data(record, fingerprints)
    make_directory(there.path)
    lock = claim(there.lock)
    if lock is None:
        raise SweepError(f"Another process is training {directory.address} once more at this moment.")
    try:
        spec = TrialSpec(
            record.sweep,
            record.trial,
            there,
            plain,
            record.overrides,
            record.swept,
            notes=(f"trained once more for the weights of {directory.address}",),
            fingerprints=fingerprints,
            keeps_weights=True,
        )
        again = _finished(spec) or run_trial(spec, stop=stop, console=console)
        if again.state != "COMPLETE" or again.weights_sha256 is None:
            raise TrialFailed(
                f"{directory.address} could not be trained once more: {again.reason or again.notes[-1]}. "
                f"See {there.log}"
            )
        found = differences(record, again)
        if not found:
            try:
                there.weights.replace(directory.weights)
            except OSError as error:
                raise write_failed(directory.weights, error) from error
    finally:
        lock.release()
    return Retrained(again, there if found else directory, tuple(found))


def differences(record: Record, again: Record) -> list[str]:
    """How another training's result differs from a record, a sentence each."""
    before, now = record.metrics, again.metrics
    found = [
        f"{name} is {now.get(name)} here and {before.get(name)} in the record"
        for name in COMPARED
        if now.get(name) != before.get(name)
    ]
    if not found and record.weights_sha256 not in (None, again.weights_sha256):
        found.append("the weights differ from those that the record names")
    return found


def _check_data(record: Record, fingerprints: Fingerprints) -> None:
    taken = fingerprints.of(recorded_plain(record)).digest
    if record.data_fingerprint not in (None, taken):
        raise DataError(
            f"The data of trial {record.trial} changed since it was trained, so that its network cannot be "
            "trained again. Put the data back as they were."
        )


def _finished(spec: TrialSpec) -> Record | None:
    """A training that was finished and whose weights were not moved yet."""
    try:
        found = read_record(spec.directory.record)
        is_own = spec.fingerprints.identity(spec.plain).fits(found.identity)
    except (RecordError, ConfigError):
        return None
    return found if is_own and spec.directory.weights.is_file() and found.state == "COMPLETE" else None
