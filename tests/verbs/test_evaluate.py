"""The test set opened for one network, and what is written down of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

import vggsweep
from vggsweep.cli import run_verb
from vggsweep.data.mini import read_mini
from vggsweep.data.split import first_images
from vggsweep.errors import ConfigError, WriteFailed
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.openings import read_openings
from vggsweep.results.disk.record import Record

Train = Callable[..., tuple[Record, TrialDirectory]]
Printed = pytest.CaptureFixture[str]


def test_the_accuracy_is_counted_on_the_test_images_and_lies_beside_the_record(
    kept: TrialDirectory, capsys: Printed
) -> None:
    record = kept.record.read_bytes()
    assert run_verb("evaluate", ["runs/0"]) == 0

    said, found = capsys.readouterr().out, json.loads(kept.test.read_text())
    split, model = read_mini("test"), vggsweep.load_model("runs/0")
    with torch.no_grad():
        right = model(torch.from_numpy(split.images)).argmax(dim=1).numpy() == split.labels
    chosen = first_images(split.labels, 256, 0)  # dataset.limit
    assert (found["images"], found["test_acc"]) == (256, right[chosen].mean())
    low, high = found["interval"]
    assert low < found["test_acc"] < high
    assert f"test_acc  {found['test_acc']:.4f}  (95 % interval {low:.4f} to {high:.4f})" in said
    assert "opened before" not in said
    assert kept.record.read_bytes() == record


def test_each_opening_is_a_line_of_the_sweep_and_the_second_one_says_so(
    kept: TrialDirectory, capsys: Printed
) -> None:
    run_verb("evaluate", ["runs/0"])
    capsys.readouterr()

    run_verb("evaluate", ["runs/best", "--json"])

    assert json.loads(capsys.readouterr().out)["opened_before"] == 1
    run_verb("evaluate", ["runs/0"])
    said = capsys.readouterr().out
    lines = read_openings(kept.openings)
    assert [one.command for one in lines] == [f"vggsweep evaluate runs/{name}" for name in ("0", "best", "0")]
    assert len({one.test_acc for one in lines}) == 1
    assert f"opened before on {lines[0].when} by {lines[0].who}" in said
    assert "2 times in all before this one" in said


def test_a_training_that_opens_the_test_set_writes_the_same_line(train: Train, capsys: Printed) -> None:
    record, directory = train("train.evaluate_test=true", "train.keep_weights=true")

    (opening,) = read_openings(directory.openings)
    assert (opening.trial, opening.test_acc) == (0, record.metrics["test_acc"])
    assert opening.command == "vggsweep train.evaluate_test=true train.keep_weights=true"
    run_verb("evaluate", ["runs/0"])
    said = capsys.readouterr().out
    assert f"opened before on {opening.when}" in said
    assert f"test_acc  {opening.test_acc:.4f}" in said


def test_openings_for_other_trials_of_the_sweep_are_said(train: Train, capsys: Printed) -> None:
    train("train.evaluate_test=true")
    train("train.keep_weights=true", "seed=1")

    run_verb("evaluate", ["runs/1"])

    assert "the test set was opened for 1 other trials of this sweep too" in capsys.readouterr().out


def test_images_that_validated_every_network_are_said_to_be_no_test(train: Train, capsys: Printed) -> None:
    train("train.keep_weights=true", "dataset.validation=test")

    run_verb("evaluate", ["runs/0"])

    assert "these images validated every network, so that nothing is held out" in capsys.readouterr().out


def test_a_result_that_cannot_be_logged_is_not_shown(kept: TrialDirectory, capsys: Printed) -> None:
    kept.openings.mkdir()

    with pytest.raises(WriteFailed, match="test_openings.jsonl cannot be written"):
        run_verb("evaluate", ["runs/0"])
    assert not kept.test.exists()
    assert "test_acc" not in capsys.readouterr().out


def test_a_device_that_there_is_not_is_said_before_missing_weights(kept: TrialDirectory) -> None:
    kept.weights.unlink()

    with pytest.raises(ConfigError, match="device=cupa is not a device. Valid: auto, cpu"):
        run_verb("evaluate", ["runs/0", "--device", "cupa"])


def test_a_network_trained_once_more_is_logged_in_its_sweep_too(kept: TrialDirectory) -> None:
    shutil.copytree(kept.path, kept.retrained.path)

    run_verb("evaluate", [str(kept.retrained.path)])

    assert [one.trial for one in read_openings(Path("outputs/runs/test_openings.jsonl"))] == [0]


def test_selection_never_reads_what_was_opened(quickstart: Path, capsys: Printed) -> None:
    run_verb("table", ["quickstart", "--json"])
    before = capsys.readouterr().out
    (quickstart / "test_openings.jsonl").write_text('{"trial": 0, "test_acc": 1.0}\n')
    (quickstart / "trials" / "00000" / "test.json").write_text('{"test_acc": 1.0}')

    run_verb("table", ["quickstart", "--json"])

    assert capsys.readouterr().out == before


@pytest.mark.parametrize("now", [("a", "cat", "dog"), ("cat", "horse"), ("zebra", "dog")])
def test_labels_that_moved_since_the_training_open_no_test_set(
    train: Train, tmp_path: Path, now: tuple[str, ...]
) -> None:
    def paint(*classes: str) -> None:
        for split in ("train", "test"):
            for name in classes:
                (tmp_path / "pets" / split / name).mkdir(parents=True)
                for number in range(6):
                    picture = Image.new("L", (28, 28), 40 * number)
                    picture.save(tmp_path / "pets" / split / name / f"{number}.png")

    paint("cat", "dog")
    data = ("dataset=image_folder", f"dataset.root={tmp_path / 'pets'}", "dataset.resolution=32")
    _, directory = train(*data, "train.batch_size=4", "train.keep_weights=true")
    shutil.rmtree(tmp_path / "pets")
    paint(*now)

    with pytest.raises(ConfigError, match="cat, dog then"):
        run_verb("evaluate", ["runs/0"])

    assert not directory.openings.exists()
    assert not directory.test.exists()
