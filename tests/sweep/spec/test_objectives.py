"""What a sweep optimises, taken from records."""

from __future__ import annotations

from optuna.study import StudyDirection

from vggsweep.results.disk.record import Record
from vggsweep.sweep.spec.objectives import BY_COLUMNS, metrics_of, objective_values


def test_balanced_accuracy_is_maximised_alone() -> None:
    metrics = metrics_of("balanced_acc")
    assert [(metric.name, metric.direction) for metric in metrics] == [
        ("balanced_acc", StudyDirection.MAXIMIZE)
    ]
    assert BY_COLUMNS["balanced_acc",] == metrics, "as sweep.yaml names it"


def test_its_value_is_the_records_and_a_record_of_before_has_none() -> None:
    counted = {"val_acc": 0.9, "class_acc": [1.0, None, 0.25], "balanced_acc": 0.625}
    record = Record("mine", 3, "COMPLETE", None, "", {}, metrics=counted)
    assert objective_values(metrics_of("balanced_acc"), record) == [0.625]
    earlier = Record("mine", 3, "COMPLETE", None, "", {}, metrics={"val_acc": 0.9})
    assert objective_values(metrics_of("balanced_acc"), earlier) is None
