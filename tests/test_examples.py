"""What examples/ shows is what happens: each command of a docstring runs, and so does the small tree."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Command
from vggsweep.configuration.help_page import help_page
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.record import read_record
from vggsweep.results.tables.table import read_records, row

EXAMPLES = Path(__file__).parents[1] / "examples"
OWN_PARTS = sorted(EXAMPLES.glob("my_*.py"))
Start = Callable[..., Command]
PATH = f"import sys; sys.path.insert(0, {str(EXAMPLES)!r})"
COMMAND = "PYTHONPATH=examples vggsweep "
METRICS = ("epoch", "lr", "train_loss", "train_acc", "val_loss", "val_acc")


def command_of(text: str) -> list[str]:
    """The words of the one command that a text holds."""
    (line,) = (line for line in text.splitlines() if COMMAND in line)
    return shlex.split(line.partition(COMMAND)[2])


def test_commands_of_the_page_are_those_of_the_files() -> None:
    page = (EXAMPLES.parent / "docs" / "custom.md").read_text()
    shown = [shlex.split(line.partition(COMMAND)[2]) for line in page.splitlines() if COMMAND in line]
    tree = command_of((EXAMPLES / "my_conf" / "experiment" / "mine.yaml").read_text())

    assert sorted(shown[:-2]) == sorted(command_of(path.read_text()) for path in OWN_PARTS)
    assert shown[-2] == tree
    assert help_page(shown[-1][3:], EXAMPLES.parent / shown[-1][1])


@pytest.mark.parametrize("path", OWN_PARTS, ids=lambda path: path.stem)
def test_command_of_each_own_part_trains(start: Start, own_folder: Path, path: Path) -> None:
    words = command_of(ast.get_docstring(ast.parse(path.read_text())) or "")
    (own_folder / "examples").symlink_to(EXAMPLES)
    key = next(("target" for word in words if ".target=" in word), "family")
    group = next((word.partition(".")[0] for word in words if ".target=" in word), "arch")
    if words[0] == "-m":
        words += ["sweep.name=sweep"]
    command = start(*words, first=PATH)
    assert command.end() == 0, command.text

    records, _ = read_records(sweep_directory("sweep" if words[0] == "-m" else "runs").path)
    assert {record.state for _, record in records} == {"COMPLETE"}
    assert len(records) == (2 if words[0] == "-m" else 1)
    target = records[0][1].configuration[group][key]
    assert target.startswith(f"{path.stem}.")
    assert "Traceback" not in command.text


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_small_tree_of_ones_own_runs(start: Start, own_folder: Path, workers: int) -> None:
    (own_folder / "examples").symlink_to(EXAMPLES)
    words = command_of((EXAMPLES / "my_conf" / "experiment" / "mine.yaml").read_text())
    small = ("train.epochs=1", "sweep.n_trials=2", "train.batch_size=64", "dataset.limit=256")
    # worker processes find the files through the environment
    first = f"import os; os.environ['PYTHONPATH'] = {str(EXAMPLES)!r}; {PATH}"
    command = start(*words, "arch=mine", f"n_workers={workers}", *small, first=first)
    assert command.end() == 0, command.text

    records, _ = read_records(sweep_directory("mine").path)
    assert [record.state for _, record in records] == ["COMPLETE"] * 2
    plain = records[0][1].configuration
    assert plain["arch"]["target"] == "my_network.separable"
    assert plain["dataset"]["target"] == "my_dataset.shapes"
    assert records[0][1].swept.keys() == {"arch.options.width", "arch.options.num_blocks"}
    assert records[0][1].network["arch"] == "separable"


def test_own_option_stands_beside_ours_in_one_sweep(start: Start, own_folder: Path) -> None:
    (own_folder / "examples").symlink_to(EXAMPLES)
    tree = ("--config-dir", "examples/my_conf")
    command = start("-m", *tree, "optimizer=adamw,lion", "train.epochs=1", "sweep.name=both", first=PATH)
    assert command.end() == 0, command.text

    (_, ours), (_, own) = read_records(sweep_directory("both").path)[0]
    assert (ours.swept, own.swept) == ({"optimizer": "adamw"}, {"optimizer": "lion"})
    assert own.configuration["optimizer"]["options"] == {"weight_decay": 0.1}
    assert row(own, sweep_directory("both").trial(1).path)["optimizer"] == "my_optimizer.Lion"


@pytest.mark.slow
def test_own_parts_continue_after_a_kill_as_if_nothing_had_happened(start: Start) -> None:
    line = (
        *("optimizer=custom", "optimizer.target=my_optimizer.Lion", "optimizer.lr=3e-3"),
        *("loss=custom", "loss.target=my_loss.focal"),
        *("dataset=custom", "dataset.target=my_dataset.shapes", "dataset.channels=1"),
    )
    whole = start(*line, "sweep.name=whole", first=PATH)
    assert whole.end() == 0, whole.text
    killed = start(*line, killed_after="vggsweep.trial.write_history", first=PATH)
    assert killed.end() == -9
    again = start(*line, first=PATH)
    assert again.end() == 0, again.text

    assert "continues after epoch 1 of 2" in again.text
    histories = [
        [tuple(row[name] for name in METRICS) for row in read_history(directory.history)]
        for directory in (sweep_directory("whole").trial(0), sweep_directory("runs").trial(0))
    ]
    assert histories[0] == histories[1]
    record = read_record(sweep_directory("runs").trial(0).path)
    assert record.configuration["optimizer"]["target"] == "my_optimizer.Lion"
    assert record.data_fingerprint == read_record(sweep_directory("whole").trial(0).path).data_fingerprint
