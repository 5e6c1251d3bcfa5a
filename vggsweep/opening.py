"""Open the test set for a network that was kept: score, log, and only then the file that anybody reads.

    test_answers.json     which test images it got right
    test.unlogged.json    its result, until that has a line in the log
    test_openings.jsonl   the line, of the sweep
    test.json             the result, by a rename of the file above

A kill between any two of them is harmless: `open_once` goes on from where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields, replace
from typing import Any

import torch

from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.configuration.schema import Configuration
from vggsweep.data.catalog import check_same_classes
from vggsweep.data.fingerprint import data_fingerprint
from vggsweep.data.loading import open_test_split
from vggsweep.device import ResolvedPrecision
from vggsweep.errors import ConfigError, RecordError
from vggsweep.files import write_atomically, write_failed
from vggsweep.held_out import look
from vggsweep.model import load_model, weights_digest
from vggsweep.preparation import prepare_device
from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import Opening, earlier_openings, log_opening, read_openings
from vggsweep.results.disk.record import Record
from vggsweep.results.statistics.noise import LEVEL, BinomialNoise


def open_test(directory: TrialDirectory, record: Record, device: str, words: Sequence[str]) -> dict[str, Any]:
    """Score a kept network on the test images, log the opening, and write ``test.json``.

    Args:
        directory: its trial's.
        record: its trial's.
        device: where it computes, as ``device`` of a configuration.
        words: of the command, without the program's name.

    Returns:
        What ``test.json`` holds.

    Raises:
        ConfigError: there is no such device, or no test split, or the classes are others than the network's.
        RecordError: there are no weights.
        WriteFailed: a file cannot be written; nothing was shown then.
    """
    _score(directory, record, device, words)
    return _publish(directory)


def open_once(directory: TrialDirectory, record: Record, device: str, words: Sequence[str]) -> dict[str, Any]:
    """As `open_test`, for a network whose test set may be opened one time only; the caller holds its lock.

    Returns:
        The result, of this look or of the one before.

    Raises:
        RecordError: the log says that it was opened, and the result is lost.
    """
    tested = read_test(directory)
    if tested is not None and tested.get("weights_sha256") == record.weights_sha256:
        return tested
    begun = _read(directory.unlogged_test)
    if begun is None or begun.get("weights_sha256") != record.weights_sha256:
        if tested is None and any(one.trial == record.trial for one in read_openings(directory.openings)):
            raise RecordError(
                f"{directory.openings} says that the test set was opened for {directory.address}, and "
                f"{directory.test} is gone. `vggsweep evaluate {directory.address}` opens it again, and "
                "writes that down."
            )
        _score(directory, record, device, words)
    return _publish(directory)


def read_test(directory: TrialDirectory) -> dict[str, Any] | None:
    """What ``test.json`` of a trial holds; None where it was not opened, or the file is damaged."""
    return _read(directory.test)


def _read(path: Any) -> dict[str, Any] | None:
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None


def _score(directory: TrialDirectory, record: Record, device_word: str, words: Sequence[str]) -> None:
    """Leave the result in a file that nothing shows."""
    configuration = recorded_configuration(record)
    device, precision = _device(configuration, record, device_word)  # what was typed comes first
    model = load_model(directory.path)
    dataset, train = configuration.dataset, configuration.train
    check_same_classes(dataset, model.class_names, directory.address)
    images, split = open_test_split(
        dataset,
        model.preprocess,
        eval_batch_size=train.eval_batch_size,
        device=device,
        channels_last=train.channels_last,
    )
    try:
        network = model.to(device).network
        opening, score = look(network, images, device, precision, record.trial, words)
    finally:
        images.close()
    assert score.answers is not None
    write_answers(Answers(score.answers.numpy().astype(bool), split), directory.test_answers)
    interval = BinomialNoise(opening.images).interval(opening.test_acc)
    content = {
        **asdict(opening),
        "interval": [interval.low, interval.high],
        "level": LEVEL,
        "sweep": record.sweep,
        "dataset": dataset.name,
        "data_fingerprint": data_fingerprint(dataset, with_test=True).digest,
        "weights_sha256": weights_digest(directory.weights),
        "device": str(device),
        "precision": precision,
        "notes": list(_cautions(directory, record, configuration)),
        "opened_before": len(earlier_openings(directory.openings, record)),
    }
    write_atomically(directory.unlogged_test, json.dumps(content, indent=2) + "\n")


def _publish(directory: TrialDirectory) -> dict[str, Any]:
    """Log a result, unless it was logged before a kill, and let it be read."""
    content = _read(directory.unlogged_test)
    assert content is not None
    opening = Opening(**{one.name: content[one.name] for one in fields(Opening)})
    if opening not in read_openings(directory.openings):
        log_opening(opening, directory.openings)
    try:
        directory.unlogged_test.replace(directory.test)
    except OSError as error:
        raise write_failed(directory.test, error) from error
    return content


def _device(
    configuration: Configuration, record: Record, device: str
) -> tuple[torch.device, ResolvedPrecision]:
    """The device, in the precision of the training where it has that."""
    trained_in = record.environment.get("precision", "fp32")
    choices = [replace(configuration.train, precision=one) for one in (trained_in, "fp32")]
    try:
        return prepare_device(replace(configuration, device=device, train=choices[0]))
    except ConfigError:
        return prepare_device(replace(configuration, device=device, train=choices[1]))


def _cautions(directory: TrialDirectory, record: Record, configuration: Configuration) -> Iterator[str]:
    """What makes this accuracy worth less than it looks."""
    if configuration.dataset.validation == "test":
        yield "dataset.validation=test: these images validated every network, so that nothing is held out"
    trials = {one.trial for one in read_openings(directory.openings)}
    if others := sorted(trials - {record.trial}):
        yield (
            f"the test set was opened for {len(others)} other trials of this sweep too: to choose among them "
            "by test_acc makes it a second validation set"
        )
