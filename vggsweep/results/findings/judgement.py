"""The verdict on sweeps as they lie on disk: what is compared in them, and by which columns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from vggsweep.results.findings.evidence import Evidence, check_column, objective_accuracy, objective_cost
from vggsweep.results.findings.fair_rates import FairComparison, at_own_rates, compare_fairly
from vggsweep.results.findings.verdict import PICKED, Verdict, reach_verdict
from vggsweep.results.statistics.front import same_data

# Classes that a caution names.
MOST_NAMED = 5


@dataclass(frozen=True)
class Judgement:
    """A verdict with what it rests on.

    Args:
        verdict: where each network's learning rate was searched, that at each one's own rate.
        table: the trials that it rests on.
        cost, accuracy: columns.
        fair: networks at a common rate beside each at its own, where that was asked; else None.
    """

    verdict: Verdict
    table: pd.DataFrame
    cost: str
    accuracy: str
    fair: FairComparison | None


def judge(evidence: Evidence, x: str | None = None, y: str | None = None) -> Judgement:
    """Read sweeps as a careful person would.

    Args:
        evidence: the sweeps.
        x: column of the cost; None for that of the sweeps' objective, else MACs.
        y: column of the accuracy; None for that of the sweeps' objective.

    Raises:
        ConfigError: no such column.
    """
    for name in (x, y):
        if name is not None:  # a table in which nothing finished may lack the others
            check_column(evidence.table, name)
    cost, accuracy = x or objective_cost(evidence), y or objective_accuracy(evidence)
    fair = compare_fairly(evidence, cost, accuracy)
    if fair is not None and fair.has_compared:
        verdict, table = fair.at_own, fair.own
    else:
        own = at_own_rates(evidence, accuracy).table if len(evidence.sweeps) > 1 else evidence.table
        verdict, table = reach_verdict(own, cost, accuracy), same_data(own)[0]
    if all(one.confirmation is not None for one in evidence.sweeps):  # another sweep chose these networks
        kept = (caution for caution in verdict.cautions if not caution.startswith(PICKED))
        verdict = replace(verdict, cautions=tuple(kept))
    elif not _has_opened_test(evidence):
        verdict = replace(verdict, cautions=tuple(map(_unopened, verdict.cautions)))
    if unseen := _unseen_classes(evidence):
        verdict = replace(verdict, cautions=(*verdict.cautions, unseen))
    return Judgement(verdict, table, cost, accuracy, fair)


def _unseen_classes(evidence: Evidence) -> str | None:
    """That some class has no validation image, so that no accuracy says how well it is told."""
    found = {
        name
        for record in evidence.records.values()
        for name, images in zip(
            record.metrics.get("class_names") or (), record.metrics.get("class_images") or (), strict=False
        )
        if not images
    }
    if not found:
        return None
    some = ", ".join(sorted(found)[:MOST_NAMED]) + (", …" if len(found) > MOST_NAMED else "")
    return f"no validation image shows {some}: accuracies say nothing of how well that is told"


def _has_opened_test(evidence: Evidence) -> bool:
    """Whether anybody looked at the test set: by a verb, after a training, or to validate on it."""
    of_trials = (
        record.metrics.get("test_acc") is not None
        or record.configuration.get("dataset", {}).get("validation") == "test"
        for record in evidence.records.values()
    )
    return any(one.is_test_opened for one in evidence.sweeps) or any(of_trials)


def _unopened(caution: str) -> str:
    return f"{caution}, and the test set was not opened" if caution.startswith(PICKED) else caution
