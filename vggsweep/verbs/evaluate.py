"""``vggsweep evaluate SWEEP/7``: open the test set for a kept network, once it has been chosen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from vggsweep.configuration.checks import check_device_word
from vggsweep.errors import ConfigError
from vggsweep.files import write_atomically
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import Opening, read_openings
from vggsweep.results.disk.record import Record, read_record
from vggsweep.visible import show

if TYPE_CHECKING:
    import torch

    from vggsweep.configuration.schema import Configuration
    from vggsweep.device import ResolvedPrecision

HELP = "open the test set for one trained network, and write down that it was opened"
EXAMPLE = """\
examples:
  vggsweep evaluate quickstart/best
  vggsweep evaluate quickstart/7 --json

The accuracy goes into test.json beside the record, which stays as it is, and each opening into
test_openings.jsonl of the sweep. Choose by val_acc and open the test set once, for the network that was
chosen: the best of several test accuracies is too good to be true. A trial without weights gets them from
`vggsweep weights`.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("trial", metavar="TRIAL", help=TRIAL_HELP)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(arguments: argparse.Namespace) -> int:
    """Score the network on the test images, write the result, and say how often they were opened before."""
    check_device_word(arguments.device)
    directory = find_trial(arguments.trial)
    record = read_record(directory.record)
    before = earlier_openings(directory, record)
    opening, facts = open_test(directory, record, arguments)
    content = {**asdict(opening), **facts, "opened_before": len(before)}
    write_atomically(directory.test, json.dumps(content, indent=2) + "\n")
    if arguments.json:
        print(json.dumps(content, indent=2))
    else:
        show("\n".join(told(directory, record, content, before)))
    return 0


def open_test(
    directory: TrialDirectory, record: Record, arguments: argparse.Namespace
) -> tuple[Opening, dict[str, Any]]:
    """Score the network; the opening, and what else a reader must know of it."""
    from vggsweep.configuration.recorded import recorded_configuration
    from vggsweep.data.fingerprint import data_fingerprint
    from vggsweep.data.loading import open_test_split
    from vggsweep.held_out import score_test_set
    from vggsweep.model import load_model, weights_digest
    from vggsweep.results.statistics.noise import LEVEL, BinomialNoise

    configuration = recorded_configuration(record)
    device, precision = _device(configuration, record, arguments.device)  # what was typed comes first
    model = load_model(directory.path)
    dataset, train = configuration.dataset, configuration.train
    images = open_test_split(
        dataset,
        model.preprocess,
        eval_batch_size=train.eval_batch_size,
        device=device,
        channels_last=train.channels_last,
    )
    words = ["evaluate", arguments.trial]
    try:
        network = model.to(device).network
        opening = score_test_set(network, images, device, precision, directory, record.trial, words)
    finally:
        images.close()
    interval = BinomialNoise(opening.images).interval(opening.test_acc)
    return opening, {
        "interval": [interval.low, interval.high],
        "level": LEVEL,
        "sweep": record.sweep,
        "dataset": dataset.name,
        "data_fingerprint": data_fingerprint(dataset, with_test=True).digest,
        "weights_sha256": weights_digest(directory.weights),
        "device": str(device),
        "precision": precision,
        "notes": list(_cautions(directory, record, configuration)),
    }


def _device(
    configuration: Configuration, record: Record, device: str
) -> tuple[torch.device, ResolvedPrecision]:
    """The device, in the precision of the training where it has that."""
    from vggsweep.preparation import prepare_device

    trained_in = record.environment.get("precision", "fp32")
    choices = [replace(configuration.train, precision=one) for one in (trained_in, "fp32")]
    try:
        return prepare_device(replace(configuration, device=device, train=choices[0]))
    except ConfigError:
        return prepare_device(replace(configuration, device=device, train=choices[1]))


def earlier_openings(directory: TrialDirectory, record: Record) -> list[str]:
    """When the test set was opened for this trial before, a line each, the earliest first."""
    found = read_openings(directory.openings)
    mine = [
        f"on {one.when} by {one.who}, test_acc {one.test_acc:.4f}"
        for one in found
        if one.trial == record.trial
    ]
    if not mine and (accuracy := record.metrics.get("test_acc")) is not None:
        when = record.timings.get("ended", "an unknown day")
        mine = [f"on {when}, after the training, test_acc {accuracy:.4f}"]
    return mine


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


def told(
    directory: TrialDirectory, record: Record, content: dict[str, Any], before: Sequence[str]
) -> list[str]:
    """The result for a person."""
    low, high = content["interval"]
    return [
        f"{directory.address}: {content['images']:,} test images of {content['dataset']}",
        f"  test_acc  {content['test_acc']:.4f}  (95 % interval {low:.4f} to {high:.4f})",
        f"  val_acc   {record.metrics['val_acc']:.4f}  in the record",
        *(f"  note      opened before {line}" for line in before[:1]),
        *(f"  note      {len(before)} times in all before this one, last {line}" for line in before[1:][-1:]),
        *(f"  note      {line}" for line in content["notes"]),
        f"  file      {directory.test}",
        f"  log       {directory.openings}",
    ]
