"""A sweep that an earlier release began continues: two of four trials finished, one stopped on its way."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.processes import Command
from vggsweep.cli import run_verb
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.record import read_record

BEGUN = Path(__file__).with_name("begun_before")


def test_a_sweep_begun_by_an_earlier_release_continues(
    start: Callable[..., Command], own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(BEGUN, own_folder / "outputs" / "begun")
    sweep = sweep_directory("begun")
    finished = [sweep.trial(number).record.read_bytes() for number in (0, 1)]
    words = shlex.split(yaml.safe_load(sweep.settings.read_text())["command"])[1:]

    assert run_verb("table", ["begun", "--columns", "depth,val_acc"]) == 0
    assert capsys.readouterr().out.count("0.5938") == len(finished)

    command = start(*words)

    assert command.end() == 0, command.text
    assert [sweep.trial(number).record.read_bytes() for number in (0, 1)] == finished
    records = [read_record(sweep.trial(number).record) for number in range(4)]
    assert [record.state for record in records] == ["COMPLETE"] * 4
    assert [record.network["depth"] for record in records] == [2, 4, 3, 5]
    assert "continues after epoch 3 of 40" in command.text
    assert len(sweep.trial(2).history.read_text().splitlines()) == 41
    assert not (sweep.trials / "00004").exists()

    assert run_verb("report", ["begun"]) == 0
    assert run_verb("weights", ["begun/best"]) == 0
    assert run_verb("export", ["begun/best", "--to", "safetensors", "--out", "winner"]) == 0
    assert Path("winner", "model.safetensors").is_file()
