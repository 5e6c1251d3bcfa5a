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


FINISHED = (0, 1)


@pytest.fixture
def begun(own_folder: Path) -> tuple[str, ...]:
    """The sweep lies there; its words as they were typed."""
    shutil.copytree(BEGUN, own_folder / "outputs" / "begun")
    settings = yaml.safe_load(sweep_directory("begun").settings.read_text())
    return tuple(shlex.split(settings["command"])[1:])


def records_of_finished() -> list[bytes]:
    sweep = sweep_directory("begun")
    return [sweep.trial(number).record.read_bytes() for number in FINISHED]


def test_a_sweep_begun_by_an_earlier_release_continues(
    begun: tuple[str, ...], start: Callable[..., Command], capsys: pytest.CaptureFixture[str]
) -> None:
    finished = records_of_finished()
    assert run_verb("table", ["begun", "--columns", "depth,val_acc"]) == 0
    assert capsys.readouterr().out.count("0.5938") == len(finished)

    command = start(*begun, "n_trials=3")

    assert command.end() == 0, command.text
    assert records_of_finished() == finished
    sweep = sweep_directory("begun")
    assert read_record(sweep.trial(2).record).state == "COMPLETE"
    assert "continues after epoch 3 of 40" in command.text
    assert len(sweep.trial(2).history.read_text().splitlines()) == 41
    assert not (sweep.trials / "00003").exists()


# --- slow ones


@pytest.mark.slow
def test_it_goes_on_to_its_end_and_its_winner_leaves_the_house(
    begun: tuple[str, ...], start: Callable[..., Command]
) -> None:
    finished = records_of_finished()

    command = start(*begun)

    assert command.end() == 0, command.text
    assert records_of_finished() == finished
    sweep = sweep_directory("begun")
    records = [read_record(sweep.trial(number).record) for number in range(4)]
    assert [record.state for record in records] == ["COMPLETE"] * 4
    assert [record.network["depth"] for record in records] == [2, 4, 3, 5]
    assert not (sweep.trials / "00004").exists()
    assert run_verb("report", ["begun"]) == 0
    assert run_verb("weights", ["begun/best"]) == 0
    assert run_verb("export", ["begun/best", "--to", "safetensors", "--out", "winner"]) == 0
    assert Path("winner", "model.safetensors").is_file()
