"""Open the test set for a trained network, and write down that it was opened."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import torch
from torch import nn

from vggsweep.data.batches import BatchSource
from vggsweep.device import ResolvedPrecision
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import Opening, log_opening, new_opening
from vggsweep.training.loop import Score, evaluate


def score_test_set(
    network: nn.Module,
    images: BatchSource,
    device: torch.device,
    precision: ResolvedPrecision,
    directory: TrialDirectory,
    number: int,
    words: Sequence[str],
) -> Opening:
    """Score a network on the test images, with a line in ``test_openings.jsonl`` before anybody sees it.

    Args:
        network: from preprocessed images to class scores, on the device.
        images: the test split, in order, unchanged.
        device, precision: in which it computes.
        directory: of its trial; the log is its sweep's.
        number: the trial's.
        words: of the command that opens it, without the program's name.

    Raises:
        WriteFailed: the line cannot be written.
    """
    opening, _ = look(network, images, device, precision, number, words)
    log_opening(opening, directory.openings)
    return opening


def look(
    network: nn.Module,
    images: BatchSource,
    device: torch.device,
    precision: ResolvedPrecision,
    number: int,
    words: Sequence[str],
) -> tuple[Opening, Score]:
    """Score a network on the test images, for a caller that logs the opening before anybody sees it.

    Args:
        network, images, device, precision, number, words: as of `score_test_set`.
    """
    score = evaluate(network, images, device, precision)
    command = shlex.join(["vggsweep", *words])
    return new_opening(number, score.acc, score.loss, images.num_images, command), score
