"""Which networks learned nothing: their accuracy is what guessing the commonest class reaches."""

from __future__ import annotations

from math import log, sqrt
from typing import Any

from vggsweep.results.plain import is_number
from vggsweep.results.record import Record

# One network in a hundred that only guesses comes out above chance by more standard errors than these.
STANDARD_ERRORS = 2.33
# So many times the accuracy of guessing is luck where the loss is not clearly below that of guessing.
LUCK = 2.0
CLEARLY = 0.97


def is_at_chance(record: Record) -> bool | None:
    """Whether a finished network is no better than guessing, in training and in validation.

    Returns:
        None where the record does not say enough, or the trial did not finish.
    """
    metrics = record.metrics
    chance, images, accuracy = chance_of(record), metrics.get("val_images"), metrics.get("val_acc")
    if record.state != "COMPLETE" or chance is None or not is_number(images) or not is_number(accuracy):
        return None
    if images < 1:
        return None
    most = chance + STANDARD_ERRORS * sqrt(chance * (1 - chance) / images)
    # One that knows its training images by heart has learned, though nothing that helps.
    guessing = _loss_of_guessing(record, chance)
    has_learned = _is_better(metrics.get("train_acc"), most) and _is_lower(
        metrics.get("train_loss"), guessing
    )
    # The answers of an untrained network are not even, and meet one class more often than chance.
    is_lucky = accuracy <= LUCK * chance and not _is_lower(metrics.get("val_loss"), guessing)
    return not has_learned and (accuracy <= most or is_lucky)


def _is_better(accuracy: Any, most: float) -> bool:
    return is_number(accuracy) and accuracy > most


def _is_lower(loss: Any, guessing: float) -> bool:
    return loss < CLEARLY * guessing if is_number(loss) else True


def _loss_of_guessing(record: Record, chance: float) -> float:
    """Entropy of the classes in nats."""
    loss = record.metrics.get("chance_loss")
    return loss if is_number(loss) else -log(chance)


def chance_of(record: Record) -> float | None:
    """The accuracy of guessing: of always saying the commonest class, or of any where all are as common."""
    chance = record.metrics.get("chance_acc")
    if is_number(chance) and 0 < chance < 1:
        return float(chance)
    dataset = record.configuration.get("dataset")
    classes = dataset.get("num_classes") if isinstance(dataset, dict) else None
    return 1 / classes if isinstance(classes, int) and classes > 1 else None
