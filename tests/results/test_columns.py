"""Columns by the names that people have for them."""

from __future__ import annotations

import pytest

from vggsweep.results.columns import COLUMNS, OTHER_NAMES, near_column


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("accuracy", "val_acc"),
        ("Accuracy", "val_acc"),
        ("val_accuracy", "val_acc"),
        ("FLOPs", "macs"),
        ("parameters", "params"),
        ("learning_rate", "lr"),
        ("optimizer.lr", "lr"),
        ("arch.depth", "depth"),
        ("train.epochs", "epochs"),
        ("latency", "latency_ms_p50"),
        ("LR", "lr"),
        ("val_ac", "val_acc"),
        ("widht", "width"),
    ],
)
def test_a_name_of_ones_own_leads_to_the_column(word: str, meant: str) -> None:
    assert near_column(word, COLUMNS).startswith(f"Did you mean {meant!r}? Valid: ")


def test_every_other_name_stands_for_a_column() -> None:
    assert set(OTHER_NAMES.values()) <= set(COLUMNS)


def test_a_column_that_this_table_lacks_is_not_offered() -> None:
    assert near_column("accuracy", ["depth", "width"]) == "Valid: depth, width."
