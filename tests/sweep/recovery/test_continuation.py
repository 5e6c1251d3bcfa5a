"""What continues a sweep, what is refused, what is put right first; nothing is trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from optuna.trial import TrialState
from PIL import Image

from tests.sweep.conftest import begin, finish, scheduler_of, spec_of
from vggsweep.errors import ConfigError, SweepError
from vggsweep.results.disk.layout import TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import load_plain
from vggsweep.sweep.recovery.continuation import (
    differences,
    join_study,
)
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.front import best_trials
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.sweep.storage.trial_attrs import attrs_of

Train = Callable[..., tuple[Record, TrialDirectory]]


PAIR = (("own", 0.1), ("other", 0.01))


def depths(tasks: list[Assignment]) -> list[int]:
    return [assignment.plain["arch"]["depth"] for assignment in tasks]


def pictures(folder: Path, count: int = 3) -> Path:
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (8, 8), 50 * number).save(folder / name / f"{number}.png")
    return folder


def folder_words(root: Path) -> tuple[str, ...]:
    return (
        "dataset=image_folder",
        f"dataset.root={root}",
        "dataset.resolution=32",
        "train.batch_size=2",
        "sweep.max_failures=1",
        "sweep.name=s",
    )


# --- a study that is lost


@pytest.mark.parametrize("loss", ["study", "both", "empty"])
def test_a_lost_study_is_made_anew_with_values_and_parameters_and_the_sweep_goes_on(loss: str) -> None:
    words = ("arch.depth=range(4,12)", "sweep.name=s")
    assert len(begin(spec_of(*words, "n_trials=3"))) == 3
    sweep = sweep_directory("s")
    before = [(t.number, t.params, t.values, t.state) for t in read_study(sweep).get_trials()][:3]
    sweep.study.unlink()
    if loss == "empty":
        sweep.study.touch()
    if loss == "both":
        sweep.settings.unlink()
    trained = begin(spec_of(*words, "n_trials=5"))
    assert len(trained) == 2
    after = read_study(sweep).get_trials()
    assert [(t.number, t.params, t.values, t.state) for t in after][:3] == before
    assert len({t.params["arch.depth"] for t in after}) == 5


def test_records_of_another_sweep_are_never_taken_for_this_ones() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    sweep = sweep_directory("s")
    sweep.study.unlink()
    sweep.settings.unlink()
    with pytest.raises(ConfigError, match="holds trials of another sweep; 00000 differs:"):
        begin(spec_of("arch.depth=8,10", "sweep.name=s"))
    assert begin(spec_of("arch.depth=4,6", "sweep.name=s")) == []


def test_a_lost_study_is_not_made_anew_while_a_trial_of_it_is_alive() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    sweep = sweep_directory("s")
    sweep.study.unlink()
    lock = claim(sweep.trial(0).lock)
    assert lock is not None
    with pytest.raises(SweepError, match="is being worked on by another process"):
        begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    lock.release()
    assert begin(spec_of("arch.depth=4,6", "sweep.name=s")) == []


@pytest.mark.parametrize("way", ["rename", "copy"])
def test_a_renamed_or_copied_sweep_is_read_and_continued_under_its_new_name(way: str) -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    old, new = sweep_directory("s"), sweep_directory("keep")
    if way == "rename":
        old.path.rename(new.path)
    else:
        shutil.copytree(old.path, new.path)
    assert [t.state for t in read_study(new).get_trials()] == [TrialState.COMPLETE] * 2
    assert begin(spec_of("arch.depth=4,6", "sweep.name=keep")) == []
    assert [path.name for path in sorted(new.trials.glob("*/record.json"))] == ["record.json"] * 2


def test_a_lost_study_is_shown_from_the_records_without_being_written() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    sweep = sweep_directory("s")
    values = [trial.values for trial in read_study(sweep).get_trials()]
    for damage in (b"this is no database, whatever its name says", None):
        sweep.study.write_bytes(damage) if damage else sweep.study.unlink()
        study = read_study(sweep)
        assert [trial.values for trial in study.get_trials()] == values
        assert [trial.number for trial in best_trials(study).trials] == [1]
    assert not sweep.study.exists()


def test_an_unfinished_trial_of_a_lost_study_is_continued_under_its_number() -> None:
    spec = spec_of("arch.depth=4,6", "sweep.name=s")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    assignment = scheduler_of(spec).next()
    assert isinstance(assignment, Assignment)
    assignment.directory.config.write_text(yaml.safe_dump(dict(assignment.plain)))
    assignment.directory.overrides.write_text(yaml.safe_dump([*spec.fixed, *assignment.attrs.words]))
    assignment.lock.release()
    spec.directory.study.unlink()
    again = begin(spec)
    assert [(one.number, one.attrs.swept) for one in again] == [
        (0, {"arch.depth": 4}),
        (1, {"arch.depth": 6}),
    ]
    assert again[0].identity == assignment.identity


# --- records in the wrong place


def test_swapped_records_are_set_aside_and_the_sweep_says_what_trains_them_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    first, second = (sweep_directory("s").trial(number) for number in (0, 1))
    first.record.rename(first.path / "kept")
    second.record.rename(first.record)
    (first.path / "kept").rename(second.record)
    assert begin(spec_of("arch.depth=4,6", "sweep.name=s")) == []
    assert not first.record.exists()
    assert (first.path / "foreign-record.json").exists()
    said = capsys.readouterr().err
    assert "00000/record.json belongs to another configuration or data set" in said
    assert "`vggsweep rerun s 0 1` trains them again" in said


# --- settings and space


def test_a_space_may_grow_and_what_was_trained_stays() -> None:
    words = ("arch.width=4,8", "sweep.name=s")
    assert depths(begin(spec_of("arch.depth=4,8", *words))) == [4, 4, 8, 8]
    sweep = sweep_directory("s")
    before = [(t.number, t.params, t.values) for t in read_study(sweep).get_trials()]
    assert sorted(depths(begin(spec_of("arch.depth=4,6,8", *words)))) == [6, 6]
    after = read_study(sweep).get_trials()
    assert [(t.number, t.params, t.values) for t in after][:4] == before
    assert {str(t.distributions["arch.depth"]) for t in after} == {
        "CategoricalDistribution(choices=(4, 6, 8))"
    }
    with pytest.raises(ConfigError, match="space.arch.depth"):
        begin(spec_of("arch.depth=4,6", *words))


def test_a_range_may_grow_at_both_ends() -> None:
    begin(spec_of("arch.depth=range(5,7)", "sweep.name=s"))
    assert sorted(depths(begin(spec_of("arch.depth=range(4,9)", "sweep.name=s")))) == [4, 7, 8]


def test_keeping_weights_is_no_other_sweep() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    assert begin(spec_of("arch.depth=4,6", "sweep.name=s", "train.keep_weights=true")) == []
    assert depths(begin(spec_of("arch.depth=4,6,8", "sweep.name=s", "train.keep_weights=true"))) == [8]


def test_a_sweep_of_an_earlier_release_continues() -> None:
    begin(spec_of("arch.depth=4,6", "sweep.name=s"))
    sweep = sweep_directory("s")
    saved = yaml.safe_load(sweep.settings.read_text())
    saved["fingerprint"] = {k: v for k, v in saved["fingerprint"].items() if not k.startswith("data.")}
    sweep.settings.write_text(yaml.safe_dump(saved))
    for directory in sweep.trials.iterdir():
        record = json.loads((directory / "record.json").read_text())
        del record["data_fingerprint"]
        (directory / "record.json").write_text(json.dumps(record))
    assert begin(spec_of("arch.depth=4,6", "sweep.name=s")) == []


# --- data


def test_a_sweep_pruned_by_the_rule_of_an_earlier_release_continues_under_todays() -> None:
    spec = spec_of("arch.depth=4,6", "arch.width=4,8", "pruner=pareto", "objective=acc_vs_macs")
    own = spec.fingerprint()
    assert {"pruner.first_rung", "pruner.rung_factor", "pruner.margin"} <= own.keys()
    before = {key: value for key, value in own.items() if key != "pruner.margin"}
    before |= {"pruner.first_rung": 1, "pruner.eta": 3, "pruner.keep_front": True}
    assert differences(spec, before).settings == ()
    (line,) = differences(spec, {**before, "pruner.name": "median"}).settings[-1:]
    assert "pruner" in line


def test_a_sweep_begun_with_another_margin_continues_with_that_of_the_command() -> None:
    spec = spec_of("arch.depth=4,6", "arch.width=4,8", "pruner=pareto", "objective=acc_vs_macs")
    own = spec.fingerprint()
    assert differences(spec, own | {"pruner.margin": 1.0}).settings == ()
    (line,) = differences(spec, own | {"pruner.first_rung": 1}).settings
    assert "first_rung" in line


def test_a_sweep_begun_with_another_default_sampler_keeps_it() -> None:
    words = ("arch.depth=4,6", "arch.width=4,8", "objective=acc_vs_macs", "n_trials=2")
    begun = spec_of(*words, "hydra/sweeper/sampler=tpe", "sweep.name=kept")
    begun.directory.path.mkdir(parents=True)
    save_spec(begun)
    again = spec_of(*words, "sweep.name=kept")
    assert again.sampler == begun.sampler
    assert differences(again, begun.fingerprint()).settings == ()
    assert spec_of(*words, "sweep.name=new").sampler != begun.sampler


def test_two_folders_are_two_data_sets_and_one_folder_moved_is_the_same(tmp_path: Path) -> None:
    one, other = pictures(tmp_path / "A"), pictures(tmp_path / "B", count=4)
    words = [word for word in folder_words(one) if not word.startswith("dataset.root")]
    tasks = begin(spec_of(*words, f"dataset.root={one},{other}"))
    assert [assignment.plain["dataset"]["root"] for assignment in tasks] == [str(one), str(other)]
    assert len({assignment.identity.data for assignment in tasks}) == 2
    assert len({assignment.identity.configuration for assignment in tasks}) == 1


def test_a_folder_that_moved_is_the_same_data(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "A")
    begin(spec_of("arch.depth=4,6", *folder_words(folder)))
    folder.rename(tmp_path / "moved")
    assert begin(spec_of("arch.depth=4,6", *folder_words(tmp_path / "moved"))) == []


CHANGES = {
    "fewer": ("cats/0.png", None, ", train/cats: 2 pictures, 1 fewer than before"),
    "more": (None, "cats/new.png", ", train/cats: 4 pictures, 1 more than before"),
    "another class": (None, "a.b c/0.png", ", train/a.b c: 1 picture, none before"),
    "other contents": ("cats/0.png", "cats/0.png", ": as many pictures of every class as before, some with"),
    "another name": ("cats/0.png", "cats/9.png", ": as many pictures of every class as before, some with"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_continuing_on_changed_data_is_refused_with_the_difference_in_words(
    change: str, tmp_path: Path
) -> None:
    folder = pictures(tmp_path / "A")
    begin(spec_of("arch.depth=4,6", *folder_words(folder)))
    gone, new, words = CHANGES[change]
    if gone is not None:
        (folder / gone).unlink()
    if new is not None:
        (folder / new).parent.mkdir(exist_ok=True)
        Image.new("L", (9, 9), 77).save(folder / new)
    with pytest.raises(ConfigError) as refusal:
        begin(spec_of("arch.depth=4,6", *folder_words(folder)))
    assert f"not compare:\n  {folder}{words}" in str(refusal.value)
    assert "digest" not in str(refusal.value)


def test_of_two_folders_the_one_that_changed_is_named(tmp_path: Path) -> None:
    one, other = pictures(tmp_path / "A"), pictures(tmp_path / "A.b")
    words = [word for word in folder_words(one) if not word.startswith("dataset.root")]
    begin(spec_of(*words, f"dataset.root={one},{other}"))
    shutil.rmtree(other / "dogs")
    pictures(other / "birds")
    with pytest.raises(ConfigError) as refusal:
        begin(spec_of(*words, f"dataset.root={one},{other}"))
    changed = [line for line in str(refusal.value).splitlines() if line.startswith("  ")]
    assert changed == [
        f"  {other}, train/birds: 6 pictures, none before",
        f"  {other}, train/dogs: none any more, 3 before",
    ]


def test_trials_that_all_failed_are_trained_again_once_their_data_were_cured(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "A")
    spec = spec_of("arch.depth=4,6", *folder_words(folder))
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    scheduler = scheduler_of(spec)
    while isinstance(step := scheduler.next(), Assignment):
        finish(scheduler, step, state="FAIL", reason="cats/0.png cannot be read")
    (folder / "cats" / "0.png").unlink()
    again = begin(spec_of("arch.depth=4,6", *folder_words(folder)))
    assert [assignment.number for assignment in again] == [0, 1]
    assert again[0].notes == ("trained again after it failed: cats/0.png cannot be read",)
    trials = read_study(spec.directory).get_trials()
    assert [trial.state for trial in trials] == [TrialState.COMPLETE] * 2
    attrs = [attrs_of(trial) for trial in trials]
    assert all(attrs is not None and attrs.data == again[0].identity.data for attrs in attrs)
    assert (spec.directory.trial(0).path / "earlier-record.json").exists()


# --- single runs


# --- in one go or in several


@pytest.mark.parametrize(
    "sampler", ["tpe", "nsgaii", "random", "qmc", pytest.param("gp", marks=pytest.mark.slow)]
)
def test_a_sweep_in_pieces_trains_what_it_trains_in_one_go(sampler: str) -> None:
    words = ("arch.depth=range(4,12)", "arch.width=range(4,40)", f"hydra/sweeper/sampler={sampler}", "seed=5")
    few = {"tpe": "n_startup_trials", "gp": "n_startup_trials", "nsgaii": "population_size"}
    if sampler in few:
        words += (f"hydra.sweeper.sampler.{few[sampler]}=2",)
    whole = begin(spec_of(*words, "sweep.name=whole", "n_trials=5"))
    pieces = [
        assignment
        for n in (2, 3, 5)
        for assignment in begin(spec_of(*words, "sweep.name=pieces", f"n_trials={n}"))
    ]
    assert [assignment.attrs.swept for assignment in pieces] == [
        assignment.attrs.swept for assignment in whole
    ]


def test_replicates_in_pieces_are_those_of_one_go() -> None:
    words = ("arch.depth=range(4,12)", "sweep.replicates=3", "seed=5")
    whole = begin(spec_of(*words, "sweep.name=whole", "n_trials=6"))
    pieces = [
        assignment
        for n in (2, 4, 6)
        for assignment in begin(spec_of(*words, "sweep.name=pieces", f"n_trials={n}"))
    ]
    assert [assignment.attrs.words for assignment in pieces] == [
        assignment.attrs.words for assignment in whole
    ]
    told = [
        [t.values for t in read_study(sweep_directory(name)).get_trials()] for name in ("whole", "pieces")
    ]
    assert told[0] == told[1]


def test_the_study_of_another_sweep_is_not_believed(capsys: pytest.CaptureFixture[str]) -> None:
    own, other = (spec_of("arch.depth=4,6", f"sweep.name={name}", f"optimizer.lr={lr}") for name, lr in PAIR)
    begin(own)
    begin(other, score=0.1)
    shutil.copy(other.directory.study, own.directory.study)

    assert [trial.value for trial in read_study(own.directory).get_trials()] == [0.54, 0.56]
    assert begin(own) == []
    assert "it is made anew from 2 trials on disk" in capsys.readouterr().err
    assert [trial.value for trial in read_study(own.directory).get_trials()] == [0.54, 0.56]


def test_a_record_from_another_sweep_is_no_result_and_its_trial_can_be_trained_again() -> None:
    own, other = (spec_of("arch.depth=4,6", f"sweep.name={name}", f"optimizer.lr={lr}") for name, lr in PAIR)
    begin(own)
    begin(other)
    shutil.copy(other.directory.trial(1).record, own.directory.trial(1).record)

    assert load_plain([own.root]).column("state") == ["COMPLETE", "DAMAGED"]
    assert begin(replace(own, only=(1,)))[0].number == 1
    assert load_plain([own.root]).column("state") == ["COMPLETE", "COMPLETE"]


def test_each_kind_of_images_has_its_best_trial() -> None:
    spec = spec_of("dataset.limit=128,256", "arch.depth=4,6", "sweep.name=s")
    begin(spec, score=0.5)

    best = best_trials(read_study(spec.directory)).trials

    assert [(one.params["dataset.limit"], one.params["arch.depth"]) for one in best] == [(128, 6), (256, 6)]
