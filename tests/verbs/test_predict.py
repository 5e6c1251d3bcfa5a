"""Pictures of one's own, answered by a kept network."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vggsweep
from vggsweep.cli import run_verb
from vggsweep.data.mini import read_mini
from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.disk.layout import TrialDirectory


@pytest.fixture
def pictures(own_folder: Path) -> Path:
    """Three pictures, one in a folder below and with a comma in its name, and a file that is none."""
    folder = own_folder / "pictures"
    (folder / "more").mkdir(parents=True)
    images = read_mini("test").images
    for name, at in {"boot.png": 0, "shirt.png": 7, "more/a,b.png": 2}.items():
        Image.fromarray(images[at, 0]).save(folder / name)
    (folder / "torn.jpg").write_bytes(b"no picture")
    return folder


def test_each_picture_gets_its_likeliest_classes_and_a_broken_one_is_named_at_the_end(
    kept: TrialDirectory, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = vggsweep.load_model("runs/0")
    code = run_verb("predict", ["runs/0", "pictures/torn.jpg", "pictures/boot.png", "gone.png", "--top", "2"])

    said = capsys.readouterr()
    (name, share), (second, _) = model.predict(pictures / "boot.png", top=2)
    assert code == 1
    assert said.out.startswith(f"pictures/boot.png  {name} {share:.1%}, {second} ")
    assert said.out.count("\n") == 1
    assert "skipped: pictures/torn.jpg cannot be read as a picture" in said.err
    assert "skipped: There is no picture 'gone.png'." in said.err
    assert "2 of 3 pictures could not be read." in said.err


def test_a_folder_becomes_a_csv_with_every_picture_below_it(
    kept: TrialDirectory, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vggsweep.verbs.predict.BATCH", 2)  # several batches
    code = run_verb("predict", ["runs/best", "--folder", "pictures", "--top", "3", "--out", "answers.csv"])

    model = vggsweep.load_model(kept.path)
    with Path("answers.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert code == 1
    assert [row["path"] for row in rows] == [
        f"pictures/{name}" for name in ("boot.png", "more/a,b.png", "shirt.png")
    ]
    for row in rows:
        guesses = model.predict(row["path"], top=3)
        told = [(row[f"class{place}"], float(row[f"probability{place}"])) for place in ("", "_2", "_3")]
        assert [name for name, _ in told] == [name for name, _ in guesses]
        np.testing.assert_allclose([p for _, p in told], [p for _, p in guesses], atol=1e-6)


def test_json_holds_the_same_and_the_exit_code_is_0_where_all_could_be_read(
    kept: TrialDirectory, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_verb("predict", ["runs/0", "pictures/boot.png", "--json"]) == 0

    (answer,) = json.loads(capsys.readouterr().out)
    expected = vggsweep.load_model("runs/0").predict("pictures/boot.png", top=3)
    assert answer["path"] == "pictures/boot.png"
    assert [one["class"] for one in answer["classes"]] == [name for name, _ in expected]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["runs/0"], "Name a picture, or a folder of them: --folder"),
        (["runs/0", "pictures"], "pictures is a folder. All pictures below it: --folder pictures"),
        (["runs/0", "a.png", "--folder", "pictures"], "Name pictures or a --folder, not both."),
        (["runs/0", "--folder", "gone"], "--folder gone: there is no such folder."),
        (["runs/0", "--folder", "outputs"], "--folder outputs holds no pictures"),
        (["runs/0", "a.png", "--top", "0"], "--top 0: at least one class is told."),
        (["runs/0", "a.png", "b.png"], "There is no picture 'a.png' (looked in "),
        (["runs/0", "pictures/boot.png", "--out", "outputs"], "outputs is a folder; name a file in it"),
        (["runs/0", "--folder", "pictures", "--out", "no/a.csv"], "there is no folder no to write it to"),
        (["runs/0", "pictures/boot.png", "--device", "cupa"], "device=cupa is not a device"),
        (["runs/9", "pictures/boot.png"], "runs has no trial 9. It has 0."),
        (["rnus/0", "pictures/boot.png"], "Did you mean 'runs'"),
    ],
)
def test_a_line_that_cannot_work_is_refused_in_a_sentence(
    kept: TrialDirectory, pictures: Path, words: list[str], told: str
) -> None:
    kept.weights.unlink()  # what was typed is looked at first
    with pytest.raises(ConfigError) as refusal:
        run_verb("predict", words)
    assert told in str(refusal.value)


def test_a_trial_without_weights_names_the_command_that_brings_them(quickstart: Path, pictures: Path) -> None:
    with pytest.raises(RecordError, match="`vggsweep weights quickstart/0` trains the same network"):
        run_verb("predict", ["quickstart/0", "pictures/boot.png"])
