"""Directories and files: their documented names, and how a person's word finds a sweep."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, existing_sweeps, find_sweep


def make_sweep(path: Path, changed: float) -> Path:
    (path / "trials").mkdir(parents=True)
    for place in (path, path / "trials"):
        os.utime(place, (changed, changed))
    return path


@pytest.fixture
def outputs(own_folder: Path) -> Path:
    """Three sweeps; ``middle`` is the newest."""
    for name, changed in (("older", 1_000_000), ("middle", 3_000_000), ("zebra", 2_000_000)):
        make_sweep(own_folder / "outputs" / name, changed)
    (own_folder / "outputs" / "notes").mkdir()
    (own_folder / "outputs" / "file.txt").write_text("x")
    return own_folder / "outputs"


def test_files_have_their_documented_names() -> None:
    sweep = SweepDirectory(Path("outputs/mine"))
    trial = sweep.trial(7)

    assert (sweep.name, sweep.study.name, sweep.settings.name) == ("mine", "study.db", "sweep.yaml")
    assert trial.path.as_posix() == "outputs/mine/trials/00007"
    assert [
        path.name
        for path in (
            trial.record,
            trial.config,
            trial.overrides,
            trial.history,
            trial.checkpoint,
            trial.weights,
        )
    ] == ["record.json", "config.yaml", "overrides.yaml", "history.csv", "checkpoint.pt", "model.safetensors"]
    assert trial.log.name == "trial.log"
    assert sweep.trial(123_456) == TrialDirectory(Path("outputs/mine/trials/123456"))


def test_sweep_is_found_by_name(outputs: Path) -> None:
    assert find_sweep("zebra").path == (outputs / "zebra").resolve()


@pytest.mark.parametrize("kind", ["relative", "absolute", "trailing slash"])
def test_sweep_is_found_by_path(outputs: Path, tmp_path: Path, kind: str) -> None:
    elsewhere = make_sweep(tmp_path / "far" / "away", 1)
    word = {"relative": "far/away", "absolute": str(elsewhere), "trailing slash": "far/away/"}[kind]

    assert find_sweep(word).path == elsewhere.resolve()
    assert find_sweep(word).name == "away"


def test_sweep_left_out_is_the_newest(outputs: Path) -> None:
    assert find_sweep(None).name == "middle"


def test_new_trial_makes_its_sweep_the_newest(outputs: Path) -> None:
    (outputs / "older" / "trials" / "00000").mkdir()

    assert find_sweep(None).name == "older"


def test_folders_that_are_no_sweeps_are_not_listed(outputs: Path) -> None:
    assert existing_sweeps() == ["middle", "older", "zebra"]


def test_misspelt_sweep_is_refused_with_the_near_match(outputs: Path) -> None:
    with pytest.raises(ConfigError) as refusal:
        find_sweep("zebar")

    assert "No sweep 'zebar' here or under " in str(refusal.value)
    assert "Did you mean 'zebra'? Valid: middle, older, zebra." in str(refusal.value)


def test_folder_without_trials_is_no_sweep(outputs: Path) -> None:
    with pytest.raises(ConfigError, match="No sweep 'notes'"):
        find_sweep("notes")


def test_first_run_is_suggested_where_there_is_no_sweep() -> None:
    with pytest.raises(ConfigError, match=r"No sweep under .*outputs. Train something first: vggsweep"):
        find_sweep(None)
    with pytest.raises(ConfigError, match="No sweep 'x' here or under .* There are none yet."):
        find_sweep("x")


def test_what_a_verb_writes_beside_the_trials_makes_no_sweep_the_newest(outputs: Path) -> None:
    for name in ("report.html", ".table-index.json", "table.csv"):
        (outputs / "older" / name).write_text("read again")

    assert find_sweep(None).name == "middle"


def test_a_trial_that_is_trained_further_makes_its_sweep_the_newest(outputs: Path) -> None:
    trial = outputs / "older" / "trials" / "00000"
    trial.mkdir()
    os.utime(outputs / "older" / "trials", (1, 1))
    (trial / "history.csv").write_text("epoch\n")

    assert find_sweep(None).name == "older"
