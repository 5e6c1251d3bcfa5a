"""``vggsweep list``: groups, options, sweeps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.cli import run_verb
from vggsweep.configuration.locate import config_dir
from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import Record, write_record
from vggsweep.sweep.recovery.continuation import join_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.workers.slot import take_slot


def test_every_group_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_verb("list", ["--json"]) == 0
    groups = json.loads(capsys.readouterr().out)
    assert {path.parent.name for path in config_dir().glob("*/*.yaml")} <= set(groups)
    assert all(groups.values())
    run_verb("list", [])
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("dataset ") and line.endswith("the images") for line in lines)


def test_every_option_of_a_group_has_a_line_also_ones_own(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (own_folder / "mine" / "dataset").mkdir(parents=True)
    (own_folder / "mine" / "dataset" / "pets.yaml").write_text("# My pets. They move.\nname: image_folder\n")
    assert run_verb("list", ["dataset", "--config-dir", "mine"]) == 0
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {path.stem for path in (config_dir() / "dataset").glob("*.yaml")} | {"pets"} == set(lines)
    assert lines["pets"] == "My pets."
    assert lines["mnist"].startswith("MNIST (LeCun et al. 1998)")


def test_options_that_come_with_hydra_are_there_too(capsys: pytest.CaptureFixture[str]) -> None:
    run_verb("list", ["hydra/launcher="])
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["joblib"] == "comes with Hydra or a plugin"
    assert lines["slurm"].startswith("Workers as SLURM jobs")


def test_a_group_that_is_none_has_a_near_match() -> None:
    with pytest.raises(ConfigError, match=r"'optimzer' is no config group. Did you mean 'optimizer'\?"):
        run_verb("list", ["optimzer"])


def sweeps(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    assert run_verb("list", ["sweeps", "--json"]) == 0
    return {row["sweep"]: row for row in json.loads(capsys.readouterr().out)}


def test_sweeps_have_their_trials_state_and_best(
    record: Callable[..., Record], own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = spec_of("arch.depth=4,5,6", "sweep.name=s")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    drain(scheduler_of(spec), lambda assignment: assignment.plain["arch"]["depth"] / 10)
    runs = own_folder / "outputs" / "runs" / "trials"
    for number, state in enumerate(("COMPLETE", "FAIL")):
        (runs / f"{number:05d}").mkdir(parents=True)
        write_record(record(sweep="runs", trial=number, state=state), runs / f"{number:05d}")
    found = sweeps(capsys)
    assert set(found) == {"s", "runs"}
    assert (found["s"]["trials"], found["s"]["of"], found["s"]["best_val_acc"]) == (3, 3, 0.6)
    assert (found["runs"]["kind"], found["runs"]["failed"], found["runs"]["state"]) == ("runs", 1, "done")
    slot = take_slot(spec.directory)
    assert sweeps(capsys)["s"]["state"] == "running"
    slot.lock.release()
    (spec.directory.trial(7).path).mkdir()
    spec.directory.trial(7).config.touch()
    assert sweeps(capsys)["s"]["state"] == "interrupted"
    run_verb("list", ["sweeps"])
    assert "best_val_acc" in capsys.readouterr().out


def test_a_finished_sweep_says_why_it_ended(quickstart: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = sweeps(capsys)["quickstart"]
    assert row["state"] == "every point of the space is done"
    assert (row["trials"], row["of"]) == (4, 4)


def test_where_there_is_none_it_says_so(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_verb("list", ["sweeps"])
    assert "Train something first: vggsweep" in capsys.readouterr().out
