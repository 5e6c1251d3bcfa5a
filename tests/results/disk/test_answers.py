"""``answers.json``: what is read is what was written, and what does not fit its record is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vggsweep.errors import RecordError
from vggsweep.results.disk.answers import Answers, read_answers, write_answers
from vggsweep.results.disk.layout import TrialDirectory


@pytest.mark.parametrize("images", [1, 8, 1201])
def test_answers_come_back_bit_by_bit_in_their_order(tmp_path: Path, images: int) -> None:
    right = np.random.default_rng(images).random(images) < 0.7
    written = Answers(right, "a-split")
    path = write_answers(written, TrialDirectory(tmp_path).answers)

    read = read_answers(tmp_path, written.accuracy)

    assert read is not None
    assert (read.right == right).all()
    assert read.right.dtype == np.bool_
    assert read.split == "a-split"
    assert path.stat().st_size < 100 + 40 + images / 8 * 4 / 3 + 4


def test_a_trial_of_an_earlier_release_has_none(tmp_path: Path) -> None:
    assert read_answers(tmp_path) is None


def test_answers_that_do_not_add_up_to_the_accuracy_are_refused(tmp_path: Path) -> None:
    write_answers(Answers(np.array([True, False, True]), "s"), TrialDirectory(tmp_path).answers)
    with pytest.raises(
        RecordError, match=r"0\.666667 of its answers are right, and the record's val_acc is 0"
    ):
        read_answers(tmp_path, 0.6666)


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema_version": 2},
        {"images": 25},
        {"images": True},
        {"images": -3},
        {"split": None},
        {"answers": "not base64!"},
        {"answers": None},
    ],
)
def test_what_this_release_does_not_understand_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = write_answers(Answers(np.ones(24, dtype=bool), "s"), TrialDirectory(tmp_path).answers)
    path.write_text(json.dumps(json.loads(path.read_text()) | wrong))
    with pytest.raises(RecordError, match=r"answers\.json"):
        read_answers(tmp_path, 1.0)


def test_half_a_file_is_refused(tmp_path: Path) -> None:
    TrialDirectory(tmp_path).answers.write_text('{"schema_version": 1, "ima')
    with pytest.raises(RecordError, match="cannot be read"):
        read_answers(tmp_path, 1.0)
