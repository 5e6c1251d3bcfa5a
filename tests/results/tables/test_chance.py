"""Networks that learned nothing are known by their figures, and no others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.results.disk.record import Record
from vggsweep.results.tables.chance import is_at_chance

# Ten even classes: log(10) nats.
EVEN = {"val_images": 2000, "chance_acc": 0.1, "chance_loss": 2.3026}


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ({**EVEN, "val_acc": 0.1, "train_acc": 0.1, "val_loss": 2.303, "train_loss": 2.303}, True),
        ({**EVEN, "val_acc": 0.115, "train_acc": 0.09, "val_loss": 2.4, "train_loss": 2.5}, True),
        # 1.49 standard errors above chance is luck, ten are not, nor are 3.8 of few images
        ({**EVEN, "val_acc": 0.11, "train_acc": 0.11, "val_loss": 2.31, "train_loss": 2.3}, True),
        ({**EVEN, "val_acc": 0.17, "train_acc": 0.14, "val_loss": 2.31, "train_loss": 2.3}, False),
        (
            {
                "val_images": 512,
                "chance_acc": 0.1016,
                "chance_loss": 2.3022,
                "val_acc": 0.1523,
                "train_acc": 0.1202,
                "val_loss": 2.31,
                "train_loss": 2.3,
            },
            False,
        ),
        # right no more often than chance, but less sure of it where it is wrong
        ({**EVEN, "val_acc": 0.11, "train_acc": 0.11, "val_loss": 2.2, "train_loss": 2.3}, False),
        ({**EVEN, "val_acc": 0.11, "train_acc": 0.11}, True),
        ({**EVEN, "val_acc": 0.05, "train_acc": 0.05, "val_loss": 2.31, "train_loss": 2.3}, True),
        ({**EVEN, "val_acc": 0.8, "train_acc": 0.85, "val_loss": 0.5, "train_loss": 0.4}, False),
        ({**EVEN, "val_acc": 0.15, "train_acc": 0.15, "val_loss": 2.1, "train_loss": 2.1}, False),
        # knows its training images by heart
        ({**EVEN, "val_acc": 0.1, "train_acc": 0.99, "val_loss": 9.0, "train_loss": 0.01}, False),
        # sure of itself where it is wrong, yet right more often than chance
        ({**EVEN, "val_acc": 0.6, "train_acc": 0.95, "val_loss": 2.9, "train_loss": 0.1}, False),
        # strong augmentation: hardly right in training, right in validation
        ({**EVEN, "val_acc": 0.5, "train_acc": 0.12, "val_loss": 1.6, "train_loss": 2.25}, False),
        # 70 % of one class of two
        (
            {"val_images": 500, "chance_acc": 0.7, "chance_loss": 0.611, "val_acc": 0.7, "train_acc": 0.7},
            True,
        ),
        (
            {
                "val_images": 500,
                "chance_acc": 0.7,
                "chance_loss": 0.611,
                "val_acc": 0.82,
                "train_acc": 0.8,
                "val_loss": 0.42,
                "train_loss": 0.45,
            },
            False,
        ),
        ({"val_acc": 0.1}, None),
        ({**EVEN}, None),
        ({**EVEN, "val_acc": "high"}, None),
        ({**EVEN, "val_images": 0, "val_acc": 0.1}, None),
    ],
)
def test_network_is_at_chance_where_it_neither_learned_nor_generalises(
    record: Callable[..., Record], metrics: dict[str, Any], expected: bool | None
) -> None:
    assert is_at_chance(record(metrics=metrics)) is expected


def test_records_without_the_accuracy_of_guessing_take_even_classes(record: Callable[..., Record]) -> None:
    metrics = {"val_images": 2000, "val_acc": 0.252, "train_acc": 0.25}
    configuration = {"dataset": {"name": "mine", "num_classes": 4}}

    assert is_at_chance(record(metrics=metrics, configuration=configuration)) is True
    assert is_at_chance(record(metrics=metrics)) is None, "nothing says how many classes"


def test_only_trials_that_finished_are_judged(record: Callable[..., Record]) -> None:
    metrics = {**EVEN, "val_acc": 0.1, "train_acc": 0.1}

    assert is_at_chance(record(metrics=metrics, state="PRUNED")) is None
