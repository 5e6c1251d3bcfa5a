"""``vggsweep diff``: a line for each difference, and nothing where there is none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError

Printed = pytest.CaptureFixture[str]


@pytest.fixture
def other(quickstart: Path) -> Path:
    """``other``: the same sweep, whose first trial ran under another torch, on other images."""
    copy = quickstart.with_name("other")
    shutil.copytree(quickstart, copy, ignore=shutil.ignore_patterns("study.db*"))
    file = copy / "trials" / "00000" / "record.json"
    record = json.loads(file.read_text())
    record["environment"]["packages"]["torch"] = "1.0"
    record["data_fingerprint"] = "f" * 64
    record["metrics"]["val_acc"] = 0.25
    file.write_text(json.dumps(record))
    return copy


def test_settings_data_versions_and_results_are_a_line_each(other: Path, capsys: Printed) -> None:
    assert run_verb("diff", ["quickstart/0", "other/0"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [
        ["data", "fingerprint"],
        ["machine", "packages.torch"],
        ["result", "val_acc"],
    ]
    assert lines[0][-1] == "f" * 12
    assert (lines[1][-1], lines[2][-1]) == ("1.0", "0.2500")

    run_verb("diff", ["quickstart/0", "quickstart/3", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["setting"] == {"arch.depth": [[2], [3]], "arch.width": [[2], [4]]}
    assert found["data"] == found["machine"] == {}
    assert found["result"]["macs"][0] < found["result"]["macs"][1]


def test_two_sweeps_differ_in_all_that_their_trials_have(other: Path, capsys: Printed) -> None:
    shutil.rmtree(other / "trials" / "00003")
    assert run_verb("diff", ["quickstart", "other"]) == 0
    said = capsys.readouterr().out
    assert "machine" in said
    assert "trials" in next(line for line in said.splitlines() if line.startswith("result"))
    assert "setting" not in said


def test_nothing_is_printed_where_nothing_differs(quickstart: Path, capsys: Printed) -> None:
    assert run_verb("diff", ["quickstart/1", "quickstart/1"]) == 0
    assert capsys.readouterr().out == ""


def test_a_trial_and_a_sweep_do_not_compare(quickstart: Path) -> None:
    with pytest.raises(ConfigError, match="or two trials such as quickstart/1 quickstart/best"):
        run_verb("diff", ["quickstart", "quickstart/1"])
