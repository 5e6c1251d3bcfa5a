"""How accurate the best network is on each class, where the classes are of unequal number."""

from __future__ import annotations

from dataclasses import dataclass, replace

from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.plain import is_number
from vggsweep.results.statistics.replicates import configuration_groups

# Up to this ratio of the commonest to the rarest class, one accuracy says enough.
EVEN = 1.5
MOST_SHOWN = 20


@dataclass(frozen=True)
class ClassRow:
    """One class of the validation images.

    Args:
        name: as the data set calls it.
        images: of its validation images.
        accuracy: share of them that were guessed right, averaged over seeds.
    """

    name: str
    images: int
    accuracy: float


@dataclass(frozen=True)
class ClassTable:
    """The least accurate classes of one configuration first.

    Args:
        network: its settings in words.
        seeds: trials behind it.
        rows: at most `MOST_SHOWN`.
        num_classes: how many classes have validation images.
    """

    network: str
    seeds: int
    rows: tuple[ClassRow, ...]
    num_classes: int


def class_table(evidence: Evidence, label: object, network: str) -> ClassTable | None:
    """The classes of a configuration; None where they are of about equal number, or nobody counted them.

    Args:
        evidence: the sweeps.
        label: row of one of its trials.
        network: its settings in words.
    """
    table = evidence.table
    groups = configuration_groups(table)
    of_label = groups.loc[label]  # type: ignore[call-overload]
    same = table.index[(groups == of_label) & (table["state"] == "COMPLETE")]
    found = [classes for at in same if at in evidence.records and (classes := _classes(evidence.records[at]))]
    if not found:
        return None
    images = [row.images for row in found[0]]
    if max(images) <= EVEN * min(images):
        return None
    found = [classes for classes in found if [row.images for row in classes] == images]
    means = [
        replace(of_class[0], accuracy=sum(row.accuracy for row in of_class) / len(found))
        for of_class in zip(*found, strict=True)
    ]
    means.sort(key=lambda row: row.accuracy)
    return ClassTable(network, len(found), tuple(means[:MOST_SHOWN]), len(means))


def _classes(record: Record) -> list[ClassRow]:
    """The classes that have images, by label; none where a record does not say them whole."""
    names, images, accuracies = (record.metrics.get(f"class_{of}") for of in ("names", "images", "acc"))
    if not (isinstance(names, list) and isinstance(images, list) and isinstance(accuracies, list)):
        return []
    return [
        ClassRow(str(name), int(count), accuracy)
        for name, count, accuracy in zip(names, images, accuracies, strict=False)
        if is_number(count) and count > 0 and is_number(accuracy)
    ]
