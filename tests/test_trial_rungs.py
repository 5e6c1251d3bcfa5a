"""Where a pruner looks at a trial, the training stays what it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.alone import Trial, interrupted_after
from tests.alone import trial as trial
from vggsweep.errors import Interrupted
from vggsweep.results.disk.history import read_history


def test_a_rung_changes_nothing_but_the_figure_that_it_takes(trial: Callable[..., Trial]) -> None:
    words = ("train.epochs=4", "arch.dropout=0.2")
    plain = trial(*words)
    without = plain()
    before = read_history(plain.directory.history)
    shutil.rmtree(plain.directory.path)
    plain.directory.path.mkdir()
    looked = replace(trial(*words), rungs=(1, 3))
    record = looked()
    after = read_history(looked.directory.history)
    assert [epoch["val_loss"] for epoch in after] == [epoch["val_loss"] for epoch in before]
    assert record.metrics["val_acc"] == without.metrics["val_acc"]
    assert [epoch["epoch"] for epoch in after if "averaged_val_acc" in epoch] == [1, 3]
    assert record.metrics["averaged_val_acc"] == after[2]["averaged_val_acc"]
    assert "averaged_val_acc" not in without.metrics


def test_a_continued_trial_takes_the_same_figure_at_its_rung(trial: Callable[..., Trial]) -> None:
    whole = replace(trial("train.epochs=4"), rungs=(3,))
    expected = whole().metrics["averaged_val_acc"]
    shutil.rmtree(whole.directory.path)
    whole.directory.path.mkdir()
    stopped = replace(trial("train.epochs=4"), rungs=(3,))
    with pytest.raises(Interrupted):
        stopped(interrupted_after(2))
    assert stopped().metrics["averaged_val_acc"] == expected
