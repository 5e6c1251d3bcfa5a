"""``vggsweep reproduce``, by real trainings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Command
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.record import read_record


def test_the_same_configuration_and_seed_give_the_same_bits(
    quickstart: Path, start: Callable[..., Command]
) -> None:
    before = (quickstart / "trials" / "00003" / "record.json").read_bytes()
    done = start("reproduce", "quickstart/3")
    assert done.end() == 0, done.text
    assert "equal to the last bit in all 2 epochs" in done.text
    again = sweep_directory("reproduced")
    record, own = read_record(again.trial(0).record), json.loads(before)
    assert record.metrics == own["metrics"]
    assert record.configuration["seed"] == own["configuration"]["seed"]
    assert (quickstart / "trials" / "00003" / "record.json").read_bytes() == before
    assert len(list((quickstart / "trials").iterdir())) == 4


def test_another_result_than_was_recorded_is_told_and_fails(
    quickstart: Path, start: Callable[..., Command]
) -> None:
    trial = quickstart / "trials" / "00000"
    lines = (trial / "history.csv").read_text().splitlines()
    names, last = lines[0].split(","), lines[-1].split(",")
    last[names.index("val_acc")] = "0.99"
    (trial / "history.csv").write_text("\n".join([*lines[:-1], ",".join(last)]) + "\n")
    done = start("reproduce", "quickstart/0", "--json")
    assert done.end() == 1, done.text
    found = json.loads(done.text[done.text.index("{") :])
    assert not found["is_reproduced"]
    assert found["first_other"] == 2
    assert {fact["name"] for fact in found["environment"]} >= {"torch", "python", "threads"}


def test_a_failed_trial_has_no_result_to_reproduce(quickstart: Path) -> None:
    file = quickstart / "trials" / "00001" / "record.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"state": "FAIL", "reason": "No memory."}))
    with pytest.raises(ConfigError, match="quickstart/1 failed .No memory.., so there is no result"):
        run_verb("reproduce", ["quickstart/1"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quickstart"], "is a whole sweep. Name one of its trials, such as quickstart/best"),
        (["quickstart/0", "--tolerance", "2"], "a difference of accuracies lies in 0 to 1"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(quickstart: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb("reproduce", words)
