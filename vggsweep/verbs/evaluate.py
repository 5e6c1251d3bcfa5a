"""``vggsweep evaluate SWEEP/7``: open the test set for a kept network, once it has been chosen."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from vggsweep.configuration.checks import check_device_word
from vggsweep.results.disk.address import TRIAL_HELP, find_trial
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import earlier_openings
from vggsweep.results.disk.record import Record, read_record
from vggsweep.visible import show

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
    before = earlier_openings(directory.openings, record)
    from vggsweep.opening import open_test

    content = open_test(directory, record, arguments.device, ["evaluate", arguments.trial])
    if arguments.json:
        print(json.dumps(content, indent=2))
    else:
        show("\n".join(told(directory, record, content, before)))
    return 0


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
