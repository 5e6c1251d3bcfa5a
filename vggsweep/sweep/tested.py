"""The networks of a confirmation: which are trained, and what each answers to the test images, once."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from vggsweep.errors import RecordError
from vggsweep.results.disk.answers import Answers, read_test_answers
from vggsweep.results.disk.confirmation import Confirmation
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.yaml_text import read_yaml
from vggsweep.results.findings.chosen import key_of
from vggsweep.results.findings.confirmed import TestedNetwork
from vggsweep.sweep.recovery.reading import NoStudyYet, read_study
from vggsweep.sweep.spec.saved_spec import read_saved
from vggsweep.sweep.storage.file_lock import held
from vggsweep.sweep.storage.study import close_study
from vggsweep.sweep.storage.trial_attrs import counted
from vggsweep.visible import show


def finished_trials(target: SweepDirectory) -> list[int]:
    """Numbers of the trials of a confirmation that were trained to their end, or failed."""
    if not target.settings.is_file():
        return []
    saved = read_saved(target)
    try:
        study = read_study(target, saved.storage if saved is not None else None)
    except NoStudyYet:
        return []
    try:
        return [trial.number for trial in counted(study.get_trials(deepcopy=False))]
    finally:
        close_study(study)


def open_tests(
    target: SweepDirectory, confirmation: Confirmation, device: str, words: Sequence[str]
) -> list[TestedNetwork]:
    """Open the test set for each network that was trained, once; what was opened before is read.

    Args:
        target: the confirmation's sweep.
        confirmation: what it confirms.
        device: where the networks compute.
        words: of the command, for the log.

    Returns:
        The chosen networks in their order, each with what its trainings answered.

    Raises:
        RecordError: a network's weights are gone, or what its test said is.
        WriteFailed: the log cannot be written.
    """
    from vggsweep.opening import open_once  # torch

    places = [target.trial(number) for number in finished_trials(target)]
    trained: dict[str, list[tuple[TrialDirectory, Record]]] = {}
    failed: dict[str, list[int]] = {}
    for place in places:
        record = readable_record(place.record)
        if record is not None and record.state == "COMPLETE":
            trained.setdefault(key_of(record.configuration), []).append((place, record))
        elif isinstance(plain := read_yaml(place.config), dict):
            failed.setdefault(key_of(plain), []).append(int(place.path.name))
    closed = sum(not place.test.is_file() for some in trained.values() for place, _ in some)
    if closed:
        print(f"opening the test set, once for each of {closed} networks", file=sys.stderr, flush=True)
    found = []
    for network in confirmation.chosen:
        accuracies, answers, trials = [], [], []
        for place, record in trained.get(network.key, ()):
            with held(place.lock):  # of two commands the second one reads what the first one wrote
                tested = open_once(place, record, device, words)
            trials.append(record.trial)
            accuracies.append(float(tested["test_acc"]))
            answers.append(_answers(place, accuracies[-1]))
        known = [one for one in answers if one is not None]
        found.append(
            TestedNetwork(
                chosen=network,
                trials=tuple(trials),
                accuracies=tuple(accuracies),
                answers=tuple(known) if len(known) == len(answers) else (),
                failed=tuple(failed.get(network.key, ())),
            )
        )
    return found


def _answers(place: TrialDirectory, accuracy: float) -> Answers | None:
    try:
        return read_test_answers(place.test_answers, accuracy)
    except RecordError as error:
        show(f"damaged: {error}", sys.stderr)
        return None
