"""``vggsweep compare``: what it prints, and what does not compare."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError


@pytest.fixture
def two(quickstart: Path) -> Path:
    """``quickstart``, and ``fewer`` with half of its trials."""
    shutil.copytree(quickstart, quickstart.with_name("fewer"))
    for number in (2, 3):
        shutil.rmtree(quickstart.with_name("fewer") / "trials" / f"{number:05d}")
    return quickstart


def test_two_sweeps_differ_in_what_they_varied_and_in_their_fronts(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("compare", ["quickstart", "fewer", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"arch.depth": [[2, 3], [2]]}
    assert found["results"]["trials"] == [4, 2]
    assert found["fronts"]["volumes"][0] >= found["fronts"]["volumes"][1]
    assert found["fronts"]["beats"][1] == []
    run_verb("compare", ["quickstart", "fewer"])
    said = capsys.readouterr().out
    assert "arch.depth" in said
    assert "fronts of val_acc against macs" in said
    assert "95 % interval" in said


def test_two_trials_differ_in_settings_costs_and_accuracy(
    two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("compare", ["quickstart/0", "quickstart/3", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["settings"] == {"arch.depth": [[2], [3]], "arch.width": [[2], [4]]}
    assert found["results"]["macs"][0] < found["results"]["macs"][1]
    assert found["fronts"] is None
    assert found["accuracy"]["is_same_data"]
    run_verb("compare", ["quickstart/0", "fewer/0"])
    said = capsys.readouterr().out
    assert "Their settings are the same." in said
    assert "Their val_acc are equal." in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quickstart", "quickstart/1"], "or two trials such as quickstart/1 quickstart/best"),
        (["quickstart", "fewer", "--x", "latncy"], "no column 'latncy'"),
    ],
)
def test_what_does_not_compare_is_told(two: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb("compare", words)


def test_a_side_without_a_result_is_told(two: Path) -> None:
    (two.with_name("fewer") / "trials" / "00000" / "record.json").unlink()
    with pytest.raises(ConfigError, match="fewer/0 has no result yet"):
        run_verb("compare", ["quickstart/0", "fewer/0"])
