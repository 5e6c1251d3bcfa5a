"""Which networks are no better than guessing: their accuracy is what guessing the commonest class reaches."""

from __future__ import annotations

from math import log, sqrt

from vggsweep.results.disk.record import Record
from vggsweep.results.plain import is_number

# One network in a hundred that only guesses comes out above chance by more standard errors than these.
STANDARD_ERRORS = 2.33
# A loss that is less than this share of guessing's is better than guessing.
CLEARLY = 0.99


def is_at_chance(record: Record) -> bool | None:
    """Whether a finished network is no better than guessing, in training and in validation.

    In validation neither its accuracy, given the number of images, nor its loss is better than guessing.
    An accuracy that guessing hardly reaches is never at chance, whatever the loss: a network that is sure of
    itself where it is wrong has a high loss. A loss that a record lacks speaks neither way.

    Returns:
        None where the record does not say enough, or the trial did not finish.
    """
    metrics = record.metrics
    chance, images, accuracy = chance_of(record), metrics.get("val_images"), metrics.get("val_acc")
    if record.state != "COMPLETE" or chance is None or not (is_number(images) and is_number(accuracy)):
        return None
    if images < 1:
        return None
    most = chance + STANDARD_ERRORS * sqrt(chance * (1 - chance) / images)
    entropy = metrics.get("chance_loss")  # of the classes, in nats
    guessing = CLEARLY * (entropy if is_number(entropy) else -log(chance))
    train_acc, train_loss = metrics.get("train_acc"), metrics.get("train_loss")
    # One that knows its training images by heart has learned, though nothing that helps.
    has_learned = (
        is_number(train_acc) and train_acc > most and not (is_number(train_loss) and train_loss >= guessing)
    )
    val_loss = metrics.get("val_loss")
    has_generalised = accuracy > most or (is_number(val_loss) and val_loss < guessing)
    return not has_learned and not has_generalised


def chance_of(record: Record) -> float | None:
    """The accuracy of guessing: of always saying the commonest class, or of any where all are as common."""
    chance = record.metrics.get("chance_acc")
    if is_number(chance) and 0 < chance < 1:
        return float(chance)
    dataset = record.configuration.get("dataset")
    classes = dataset.get("num_classes") if isinstance(dataset, dict) else None
    return 1 / classes if isinstance(classes, int) and classes > 1 else None
