"""``vggsweep fit``: what it prints, draws and refuses."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.results.made_sweeps import curve_rows, write_sweep
from vggsweep.cli import main, run_verb
from vggsweep.errors import ConfigError


@pytest.fixture
def curves(own_folder: Path) -> Path:
    """``outputs/curves``: real results of 24 networks, 61 trainings."""
    return write_sweep(own_folder / "outputs" / "curves", curve_rows("cifar10"))


def test_sentences_json_and_picture_tell_the_same(curves: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("fit", ["curves", "--macs", "8e6", "--out", "fit.png"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "val_acc of 24 networks (61 trainings)" in said
    assert "At 8M MACs doubling depth (depth 5 to 10, width 18." in said
    assert Path("fit.png").read_bytes().startswith(b"\x89PNG")

    assert run_verb("fit", ["curves", "--macs", "8e6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (trade, *_) = found["steps"]
    assert trade["sentence"] in said
    assert trade["low"] < trade["change"] < trade["high"] < 0
    assert found["held_out"]["networks"] == 8
    assert found["dials"] == ["depth", "width"]


def test_a_condition_leaves_one_depth_of_which_nothing_is_claimed(
    curves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_verb("fit", ["curves", "--where", "depth == 8"])
    said = " ".join(capsys.readouterr().out.split())
    assert "doubling depth" in said
    assert "is not identified: all networks have depth 8." in said


def test_beyond_what_was_trained_an_answer_is_an_extrapolation_or_none(
    curves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_verb("fit", ["curves", "--macs", "1e9"])
    first = " ".join(capsys.readouterr().out.split()).split("At 1G MACs doubling depth")[1]
    assert "it leads beyond 2 times what was trained." in first.replace("as it leads", "it leads")

    run_verb("fit", ["curves", "--macs", "2e4"])
    said = " ".join(capsys.readouterr().out.split())
    assert "Nothing is said of equal cost: no two networks of these depths cost 20k MACs" in said
    assert "At 20k MACs" not in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["curves", "--out", "fit.txt"], "--out fit.txt: the picture's name should end in .png, .svg, .pdf"),
        (["curves", "--macs", "-3"], "--macs -3 should be multiply-accumulates of one image"),
        (["curves", "--macs", "1e15"], "--macs 1e.15 lies more than 100 times beyond what was trained"),
        (["curves", "--macs", "1"], "--macs 1 lies more than 100 times beyond what was trained"),
        (["curves", "--y", "val_ac"], "no column 'val_ac'. Did you mean 'val_acc'"),
        (["curves", "--y", "macs"], "--y macs: a fit is of an accuracy"),
        (["curves/3"], "Fewer than 4 networks, 1, have finished"),
        (["curvs"], "No sweep 'curvs'"),
    ],
)
def test_wrong_words_are_told(curves: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb("fit", words)


def test_a_sweep_without_a_result_is_refused_and_nothing_is_written(
    curves: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for record in curves.glob("trials/*/record.json"):
        record.unlink()
    before = sorted(curves.rglob("*"))
    monkeypatch.setattr("sys.argv", ["vggsweep", "fit", "curves", "--out", "fit.png"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "No network has finished" in capsys.readouterr().err
    assert sorted(curves.rglob("*")) == before
    assert not Path("fit.png").exists()


def test_a_damaged_record_is_named_and_the_others_are_fitted(
    curves: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (curves / "trials" / "00000" / "record.json").write_text("{")
    shutil.rmtree(curves / "trials" / "00001")
    run_verb("fit", ["curves"])
    said = capsys.readouterr()
    assert "damaged:" in said.err
    assert "(59 trainings)" in said.out


def test_dials_that_no_network_differs_in_have_one_sentence_each(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"depth": 8, "width": width, "seed": 0, "val_acc": 0.5 + width / 100} for width in (4, 6, 8, 12)]
    write_sweep(own_folder / "outputs" / "wide", rows)

    assert run_verb("fit", ["wide"]) == 0

    said = " ".join(capsys.readouterr().out.split())
    assert said.count("doubling depth") == 1
    assert "What doubling depth does is not identified: all networks have depth 8." in said
    assert "Whatever it costs, doubling width" in said


def test_too_few_networks_are_told_with_what_was_left_out(own_folder: Path) -> None:
    rows = [{"depth": depth, "width": 8, "seed": 0, "val_acc": 0.5 + depth / 100} for depth in (4, 6, 8)]
    write_sweep(own_folder / "outputs" / "few", [*rows, {**rows[0], "state": "PRUNED"}])

    with pytest.raises(ConfigError, match="networks, 3, have.*1 trial that was pruned.*a second sweep"):
        run_verb("fit", ["few"])
