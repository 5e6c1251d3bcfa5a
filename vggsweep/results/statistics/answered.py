"""The answers to single images behind a table's accuracies, where all of its trials kept them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from vggsweep.errors import RecordError
from vggsweep.results.disk.answers import Answers, RightArray, read_answers
from vggsweep.results.statistics.paired import Difference, SeedScatter, compare_with_best, seed_scatter
from vggsweep.results.statistics.replicates import trials_behind

# The accuracy that is a share of answers.
COLUMN = "val_acc"


@dataclass(frozen=True)
class Answered:
    """Configurations that can be compared image by image.

    Args:
        answers: of each configuration, by its label in `mean_over_seeds`, of each of its seeds, [images].
        images: how many images all of them answered.
        scatter: over seeds, pooled over all; None where each has one.
    """

    answers: Mapping[Hashable, Sequence[RightArray]]
    images: int
    scatter: SeedScatter | None

    def compare(self, labels: Sequence[Hashable]) -> tuple[Difference, ...]:
        """Set the first of some configurations, the most accurate one, against the others."""
        return compare_with_best([self.answers[label] for label in labels], self.scatter, best=0)


def answers_behind(table: pd.DataFrame, labels: Sequence[Hashable], column: str) -> Answered | str:
    """The answers of each trial behind some configurations.

    Args:
        table: a results table.
        labels: of the configurations in its `mean_over_seeds`.
        column: an accuracy.

    Returns:
        They; or a sentence on why they cannot be used, empty where no trial has any.
    """
    if column != COLUMN or "dir" not in table.columns:
        return ""
    behind = trials_behind(table)
    trials = {label: behind[label] for label in labels if label in behind}
    places = [at for of_one in trials.values() for at in of_one]
    read: dict[Hashable, Answers] = {}
    for at in places:
        try:
            found = read_answers(Path(str(table.at[at, "dir"])), float(str(table.at[at, column])))
        except RecordError as error:
            return str(error)
        if found is not None:
            read[at] = found
    if not read:
        return ""
    if missing := len(places) - len(read):
        return f"{missing} of {len(places)} trials kept no answers to single images (answers.json)."
    if len({(one.split, len(one.right)) for one in read.values()}) > 1:
        return "The trials answered different validation images, or in another order."
    answers = {label: [read[at].right for at in of_one] for label, of_one in trials.items()}
    return Answered(answers, len(read[places[0]].right), seed_scatter(list(answers.values())))
