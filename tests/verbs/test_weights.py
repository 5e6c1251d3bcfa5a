"""The weights of a finished trial, had afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import vggsweep
from tests.processes import Command
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError, DataError
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import read_openings
from vggsweep.results.disk.record import Record

Train = Callable[..., tuple[Record, TrialDirectory]]
Printed = pytest.CaptureFixture[str]


def edit(directory: TrialDirectory, node: str, **values: object) -> None:
    """Change what a record says."""
    plain = json.loads(directory.record.read_text())
    (plain[node] if node else plain).update(values)
    directory.record.write_text(json.dumps(plain))


def test_the_weights_are_those_of_the_training_to_the_last_bit(train: Train, capsys: Printed) -> None:
    _, directory = train("train.keep_weights=true", "train.evaluate_test=true", "augment=crop_flip")
    before, told = directory.weights.read_bytes(), directory.record.read_bytes()
    directory.weights.unlink()

    assert run_verb("weights", ["runs/0"]) == 0

    assert directory.weights.read_bytes() == before
    assert directory.record.read_bytes() == told
    assert "runs/0: the same result as in its record" in capsys.readouterr().out
    assert len(read_openings(directory.openings)) == 1  # the training's own


def test_the_best_trial_of_a_finished_sweep_gets_its_weights(quickstart: Path, capsys: Printed) -> None:
    sweeps_own = {path: path.read_bytes() for path in quickstart.iterdir() if path.is_file()}

    assert run_verb("weights", ["quickstart/best"]) == 0

    assert len(vggsweep.load_model("quickstart/best").class_names) == 10
    assert {path: path.read_bytes() for path in quickstart.iterdir() if path.is_file()} == sweeps_own
    assert run_verb("weights", ["quickstart/best"]) == 0
    assert "keeps its weights" in capsys.readouterr().out


def test_another_result_never_takes_the_records_place(train: Train, capsys: Printed) -> None:
    _, directory = train()
    edit(directory, "metrics", val_loss=2.0)
    told = directory.record.read_bytes()

    assert run_verb("weights", ["runs/0"]) == 1

    said = capsys.readouterr().err
    assert "runs/0: trained once more, with another result:" in said
    assert "and 2.0 in the record" in said
    assert not directory.weights.exists()
    assert directory.record.read_bytes() == told
    assert vggsweep.load_model(directory.retrained.path).class_names


def test_a_killed_one_continues_from_its_last_epoch(start: Callable[..., Command], train: Train) -> None:
    _, directory = train("train.epochs=3")
    killed = start("weights", "runs/0", killed_after="vggsweep.trial.write_history")
    assert killed.end() == -9
    assert not directory.weights.exists()

    again = start("weights", "runs/0")

    assert again.end() == 0, again.text
    assert "continues after epoch 1 of 3" in again.text
    assert "the same result as in its record" in again.text
    assert vggsweep.load_model("runs/0").class_names


def test_data_that_changed_are_refused(train: Train) -> None:
    _, directory = train()
    edit(directory, "", data_fingerprint="0" * 64)

    with pytest.raises(DataError, match="The data of trial 0 changed since it was trained"):
        run_verb("weights", ["runs/0"])


def test_a_trial_that_was_not_trained_to_its_end_is_refused(train: Train) -> None:
    _, directory = train()
    edit(directory, "", state="PRUNED")

    with pytest.raises(ConfigError, match="runs/0 is PRUNED: only a trial that was trained to its end"):
        run_verb("weights", ["runs/0"])
