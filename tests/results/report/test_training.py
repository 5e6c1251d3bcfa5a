"""The sentence of a report about how its trials were trained."""

from __future__ import annotations

from typing import Any

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import resolved
from vggsweep.results.disk.record import Record
from vggsweep.results.report.training import DEFAULTS, trained_with


def record(*words: str) -> Record:
    plain: dict[str, Any] = resolved(compose(list(words)))
    return Record("s", 0, "COMPLETE", None, "0" * 64, plain)


def test_a_bare_command_is_trained_with_nothing_in_particular() -> None:
    assert trained_with([record()]) == ""
    plain = record().configuration
    for group, fields in DEFAULTS.items():
        assert {name: plain[group][name] for name in fields} == dict(fields)
    for group in ("augment", "loss", "optimizer", "scheduler"):
        assert plain[group].keys() == DEFAULTS[group].keys(), "an option is told whole"


def test_what_all_trials_share_is_told_and_what_differs_is_left_to_the_table() -> None:
    shared = ("augment=crop_flip", "train.epochs=9", "train.label_smoothing=0.1", "dataset.limit=512")

    told = trained_with([record(*shared, "optimizer.lr=0.2"), record(*shared, "optimizer.lr=0.4")])

    assert told == (
        "Trained with augment crop_flip (flip true, crop_padding 4), train.epochs 9, "
        "train.label_smoothing 0.1, dataset.limit 512."
    )


def test_another_option_is_told_with_its_fields() -> None:
    assert trained_with([record("optimizer=adamw", "optimizer.lr=0.002")]).startswith(
        "Trained with optimizer adamw (lr 0.002, "
    )
