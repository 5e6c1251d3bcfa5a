"""A network that leaves: read again by other programs, with a card that is true."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import vggsweep
from vggsweep.cli import run_verb
from vggsweep.data.mini import read_mini
from vggsweep.errors import ConfigError, ExportError
from vggsweep.export.formats import FORMATS
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record

Train = Callable[..., tuple[Record, TrialDirectory]]
Printed = pytest.CaptureFixture[str]


def need(form: str) -> None:
    for package in FORMATS[form].packages:
        pytest.importorskip(package, reason="pip install 'vggsweep[onnx]'")


@pytest.mark.parametrize("form", FORMATS)
def test_the_cards_own_python_answers_as_the_network_does(
    kept: TrialDirectory, monkeypatch: pytest.MonkeyPatch, form: str, capsys: Printed
) -> None:
    need(form)
    assert run_verb("export", ["runs/best", "--to", form]) == 0
    folder = Path(f"runs-0-{form}")
    pixels = read_mini("test").images[0]
    Image.fromarray(pixels[0]).save(folder / "picture.png")
    (code,) = re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.DOTALL)
    model = vggsweep.load_model(kept.path)
    capsys.readouterr()

    monkeypatch.chdir(folder)
    found: dict[str, object] = {}
    exec(code, found)

    with torch.no_grad():
        wanted = model(torch.from_numpy(pixels)[None]).softmax(dim=1).numpy()
    np.testing.assert_allclose(found["probabilities"], wanted, atol=1e-6)
    assert capsys.readouterr().out.startswith(model.class_names[int(wanted.argmax())])


def test_the_card_says_how_good_it_is_of_which_data_and_what_it_costs(
    kept: TrialDirectory, capsys: Printed
) -> None:
    run_verb("evaluate", ["runs/0"])
    capsys.readouterr()
    assert run_verb("export", ["runs/0", "--to", "safetensors", "--out", "boots", "--json"]) == 0

    card, record = json.loads(capsys.readouterr().out), json.loads(kept.record.read_text())
    low, high = card["accuracy"]["interval"]
    assert card == json.loads(Path("boots/card.json").read_text())
    assert low < card["accuracy"]["val_acc"] == record["metrics"]["val_acc"] < high
    assert card["test"]["test_acc"] == json.loads(kept.test.read_text())["test_acc"]
    assert card["check"]["source"] == "validation images of fashion_mnist_mini"
    assert card["check"]["same_class"] == 1
    assert card["data"]["licence"] == "MIT"
    assert card["costs"]["macs"] == record["costs"]["macs"]
    assert card["command"] == "vggsweep export runs/0 --to safetensors --out boots"
    text = Path("boots/README.md").read_text()
    stated = "https://github.com/zalandoresearch/fashion-mnist/blob/master/LICENSE"
    assert card["data"]["licence_source"] == stated
    for part in (
        f"licence of the data: MIT ({stated})",
        f"{low:.4f} to {high:.4f}",
        "ankle boot",
        "batch, 1, 28, 28",
    ):
        assert part in text
    assert "{" not in text.partition("```python")[0]


@pytest.mark.slow
@pytest.mark.parametrize("resolution", [20, 40])
def test_a_resize_is_part_of_the_onnx_file_and_its_latency_of_the_card(train: Train, resolution: int) -> None:
    need("onnx")
    train("train.keep_weights=true", f"dataset.resolution={resolution}", "optimizer.lr=0.1")

    assert run_verb("export", ["runs/0", "--to", "onnx"]) == 0

    card = json.loads(Path("runs-0-onnx/card.json").read_text())
    assert card["check"]["largest_difference"] < 1e-5
    assert 0 < card["latency"]["latency_ms_p50"] <= card["latency"]["latency_ms_p95"]
    assert card["latency"]["runtime"].startswith("onnxruntime ")
    assert "ms (median" in Path("runs-0-onnx/README.md").read_text()


def test_without_its_data_random_pixels_are_compared_and_said_to_be(train: Train, tmp_path: Path) -> None:
    for name in ("blue", "red"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (16, 16), (number, 0, 9)).save(tmp_path / "pictures" / name / f"{number}.png")
    words = ("dataset.resolution=16", "dataset.limit=null", "train.batch_size=8", "train.keep_weights=true")
    train("dataset=image_folder", f"dataset.root={tmp_path / 'pictures'}", *words)
    shutil.rmtree(tmp_path / "pictures")

    assert run_verb("export", ["runs/0", "--to", "torch-export"]) == 0

    card = json.loads(Path("runs-0-torch-export/card.json").read_text())
    assert card["check"]["source"].startswith("random pixels (seed 0)")
    assert card["class_names"] == ["blue", "red"]
    assert card["data"]["licence"] == "not known: these are somebody's own pictures"
    assert card["data"]["licence_source"] is None


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(kept: TrialDirectory) -> None:
    words = ["export", "runs/0", "--to", "safetensors", "--out", "mine"]
    run_verb(words[0], words[1:])
    run_verb("export", ["runs/0", "--to", "torch-export", "--out", "mine"])
    assert sorted(path.name for path in Path("mine").iterdir()) == ["README.md", "card.json", "model.pt2"]
    Path("mine/notes.txt").write_text("my own")
    with pytest.raises(
        ConfigError, match=r"holds what no export wrote \(notes.txt\). Name another folder: --"
    ):
        run_verb(words[0], words[1:])
    Path("mine/notes.txt").unlink()
    Path("mine/card.json").write_text('{"title": "of another program"}')
    with pytest.raises(ConfigError, match=r"holds what no export wrote \(README.md\)"):
        run_verb(words[0], words[1:])
    assert Path("mine/model.pt2").exists()


def test_what_scores_otherwise_is_not_kept(kept: TrialDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vggsweep.export.check.TOLERANCE", -1.0)  # not even equal ones pass

    with pytest.raises(ExportError, match="scores otherwise than the network: probabilities differ by up to"):
        run_verb("export", ["runs/0", "--to", "safetensors"])
    assert [path.name for path in Path().iterdir() if "runs-0" in path.name] == []


def test_missing_packages_are_named_with_the_extra_that_brings_them(
    kept: TrialDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    with pytest.raises(ConfigError, match=r"--to onnx needs onnxscript.*: pip install 'vggsweep\[onnx\]'"):
        run_verb("export", ["runs/0", "--to", "onnx"])


@pytest.mark.parametrize(
    ("words", "told"), [([], "--to is missing."), (["--to", "onx"], "Did you mean 'onnx'?")]
)
def test_a_format_that_there_is_not_is_refused(kept: TrialDirectory, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        run_verb("export", ["runs/0", *words])
    assert told in str(refusal.value)
