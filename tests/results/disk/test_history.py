"""``history.csv``: one header, one row an epoch."""

from __future__ import annotations

from pathlib import Path

from vggsweep.results.disk.history import read_history, write_history


def test_history_is_one_header_and_one_row_an_epoch(tmp_path: Path) -> None:
    rows = [{"epoch": 1, "val_acc": 0.5}, {"epoch": 2, "val_acc": 0.625}]

    write_history(rows, tmp_path / "history.csv")

    assert (tmp_path / "history.csv").read_text() == "epoch,val_acc\n1,0.5\n2,0.625\n"
    assert read_history(tmp_path / "history.csv") == rows


def test_history_of_a_trial_without_a_finished_epoch_is_empty(tmp_path: Path) -> None:
    assert read_history(tmp_path / "history.csv") == []


def test_numbers_come_back_to_the_last_bit(tmp_path: Path) -> None:
    loss = 0.1 + 0.2

    write_history([{"epoch": 1, "train_loss": loss}], tmp_path / "history.csv")

    assert read_history(tmp_path / "history.csv")[0]["train_loss"] == loss
