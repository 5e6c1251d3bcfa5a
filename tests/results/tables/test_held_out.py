"""What the test set said stands in the table where it was opened, and chooses nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.openings import Opening, log_opening
from vggsweep.results.tables.table import load_sweep, read_rows

Write = Callable[..., Path]
OPENED = {"test_loss": 0.5, "images": 100, "command": "vggsweep confirm s", "who": "me@here"}


def opened(trial: Path, accuracy: float, when: str = "2026-11-02T00:00:00.5+00:00", **test: Any) -> None:
    """Leave what an opening leaves: ``test.json``, and its line in the log."""
    opening = Opening(trial=int(trial.name), test_acc=accuracy, when=when, **OPENED)
    log_opening(opening, trial.parent.parent / "test_openings.jsonl")
    (trial / "test.json").write_text(json.dumps(asdict(opening) | {"weights_sha256": "abc"} | test))


@pytest.fixture
def sweep(own_folder: Path, write: Write) -> Path:
    """``outputs/s``: four trials that ended on the 1st; 0 was tested on the 2nd."""
    path = own_folder / "outputs" / "s"
    for number in range(4):
        ended = {"ended": "2026-11-01T00:00:00+00:00"}
        write(path, number, timings=ended, weights_sha256="abc", metrics={"val_acc": 0.5 + number / 10})
    opened(path / "trials" / "00000", 0.25)
    return path


def accuracies(sweep: Path) -> list[float | None]:
    return [row["test_acc"] for row in read_rows(sweep)]


def test_a_network_that_was_tested_after_its_training_shows_it(sweep: Path) -> None:
    assert accuracies(sweep) == [0.25, None, None, None]


def test_what_belongs_to_another_training_or_to_no_line_of_the_log_is_not_shown(sweep: Path) -> None:
    trials = sweep / "trials"
    opened(trials / "00001", 0.9, weights_sha256="of other weights")
    opened(trials / "00002", 0.9, when="2026-10-31T00:00:00+00:00")  # it was trained anew since
    (trials / "00003" / "test.json").write_text((trials / "00000" / "test.json").read_text())
    opened(trials / "00000", 0.35)

    assert accuracies(sweep) == [0.35, None, None, None], "of two looks the last one"
    (trials / "00000" / "test.json").write_text("{")
    assert accuracies(sweep) == [None] * 4


@pytest.mark.parametrize(
    "words", [["--sort", "test_acc"], ["--sort=-test_acc"], ["--where", "depth > 2 and test_acc > 0.1"]]
)
def test_the_test_set_chooses_among_the_networks_of_a_confirmation_alone(
    sweep: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ConfigError, match="test_acc chooses nothing: .* Choose by val_acc; `vggsweep"):
        run_verb("table", ["s", *words])
    assert run_verb("table", ["s", "--where", "test_acc is None", "--columns", "trial,test_acc"]) == 0

    (sweep / "confirmation.json").write_text("{}")
    assert run_verb("table", ["s", *words]) == 0


def test_a_condition_of_the_verbs_that_judge_may_not_choose_by_it_either(sweep: Path) -> None:
    with pytest.raises(ConfigError, match="test_acc chooses nothing"):
        run_verb("pareto", ["s", "--where", "test_acc > 0.1"])
    with pytest.raises(ConfigError, match="test_acc chooses nothing"):
        load_sweep("s", where="test_acc > 0.1")
