"""``vggsweep confirm``: fresh seeds, the sealed test set, kills, and words that cannot work."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import Command
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError, RecordError, SweepError
from vggsweep.results.disk.confirmation import read_confirmation
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.disk.openings import read_openings
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import load_sweep, read_records
from vggsweep.sweep.storage.file_lock import claim

Start = Callable[..., Command]
# Kills the process when a function of the module that opens the test set has returned for the first time.
KILLED_AFTER = """
import os
import vggsweep.opening as room

inner = room.{name}
room.{name} = lambda *arguments: (inner(*arguments), os.kill(os.getpid(), 9))
"""


def records_of(name: str) -> list[Record]:
    return [record for _, record in read_records(sweep_directory(name).path)[0]]


def test_the_best_of_the_front_are_trained_with_seeds_that_the_search_never_used(
    quickstart: Path, start: Start, capsys: pytest.CaptureFixture[str]
) -> None:
    command = start("confirm", "quickstart", "--top", "2", "--seeds", "2")
    assert command.end() == 0, command.text

    front = load_sweep(quickstart).query("pareto").sort_values("val_acc", ascending=False)
    wanted = [(row.depth, row.width) for row in front.head(2).itertuples()]
    trained = records_of("quickstart-confirm")
    networks = {(one.network["depth"], one.network["width"]) for one in trained}
    assert networks == set(wanted)
    assert sorted(one.configuration["seed"] for one in trained) == [1, 1, 2, 2]
    assert {one.configuration["seed"] for one in records_of("quickstart")} == {0}
    openings = read_openings(sweep_directory("quickstart-confirm").openings)
    assert sorted(one.trial for one in openings) == [0, 1, 2, 3]
    assert {one.command for one in openings} == {"vggsweep confirm quickstart"}

    found = read_confirmation(sweep_directory("quickstart-confirm").confirmation)
    assert found is not None
    assert found.result is not None
    assert found.result["verdict"] in command.text
    scores = {one.trial: one.test_acc for one in openings}
    for one in found.result["networks"]:
        assert one["accuracies"] == [scores[trial] for trial in one["trials"]]
        assert one["test_acc"] == pytest.approx(sum(one["accuracies"]) / 2)
    run_verb("report", ["quickstart-confirm"])
    page = sweep_directory("quickstart-confirm").report.read_text()
    assert "Confirmed on the test set" in page

    # a second one has seeds of its own again, and the verbs of a sweep know both
    capsys.readouterr()
    words = ["quickstart", "--trials", "3", "--seeds", "1", "--name", "second", "--dry-run"]
    assert run_verb("confirm", words) == 0
    assert "seeds     3, which the search did not use" in capsys.readouterr().out
    assert not Path("outputs/second").exists()


def test_killed_anywhere_and_continued_it_opens_the_test_set_once_for_each_network(
    quickstart: Path, start: Start
) -> None:
    line = ("confirm", "quickstart", "--top", "1", "--seeds", "2")
    target = sweep_directory("quickstart-confirm")
    assert start(*line, killed_after="vggsweep.trial.write_record").end() == -signal.SIGKILL
    assert len(records_of("quickstart-confirm")) == 1
    assert not target.openings.exists()
    for name, logged in (("_score", 0), ("log_opening", 1)):
        killed = start(*line, first=KILLED_AFTER.format(name=name))
        assert killed.end() == -signal.SIGKILL
        assert "test_acc" not in killed.text
        assert len(read_openings(target.openings)) == logged
        assert not list(target.trials.glob("*/test.json"))
    assert run_verb("confirm", ["quickstart"]) == 0

    opened = read_openings(target.openings)
    assert [one.trial for one in opened] == [0, 1]
    tested = [json.loads(target.trial(number).test.read_text()) for number in range(2)]
    assert [one["test_acc"] for one in tested] == [one.test_acc for one in opened]
    assert not list(target.trials.glob("*/test.unlogged.json"))
    assert run_verb("confirm", ["quickstart"]) == 0
    assert read_openings(target.openings) == opened

    target.trial(0).test.unlink()  # what was opened is not opened again behind anybody's back
    with pytest.raises(RecordError, match="`vggsweep evaluate quickstart-confirm/0` opens it again"):
        run_verb("confirm", ["quickstart"])
    assert read_openings(target.openings) == opened


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["quickstrt"], "No sweep 'quickstrt'.* Did you mean 'quickstart'"),
        (["quickstart/1"], "quickstart/1 is one trial"),
        (["quickstart", "--top", "0"], "--top 0: a confirmation needs at least one"),
        (["quickstart", "--seeds", "-1"], "--seeds -1"),
        (["quickstart", "--trials", "one"], "--trials one should be numbers with commas"),
        (["quickstart", "--trials", "1", "--top", "2"], "Leave one of them out"),
        (
            ["quickstart", "--trials", "9"],
            "Trial 9 of quickstart is no trial with a result. COMPLETE are 0 to 3",
        ),
        (["quickstart", "train.epochs=9"], "train.epochs=9 cannot be set here"),
        (["quickstart", "--name", "a/b"], "not usable as a directory name"),
    ],
)
def test_words_that_cannot_work_leave_nothing(quickstart: Path, words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        run_verb("confirm", words)
    assert [path.name for path in Path("outputs").iterdir()] == ["quickstart"]


def test_a_search_that_runs_is_not_confirmed(quickstart: Path) -> None:
    lock = claim(sweep_directory("quickstart").trial(0).lock)
    assert lock is not None
    with pytest.raises(
        SweepError, match="quickstart is still running, so that its best networks are not known"
    ):
        run_verb("confirm", ["quickstart"])
    lock.release()


def test_what_a_stock_sweeper_ran_is_not_confirmed(quickstart: Path) -> None:
    (quickstart / "sweep.yaml").unlink()
    with pytest.raises(ConfigError, match="trials of one of Hydra's own sweepers"):
        run_verb("confirm", ["quickstart"])


def test_a_search_without_a_finished_trial_has_nothing_to_confirm(quickstart: Path) -> None:
    for path in quickstart.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "state": "FAIL", "reason": "it failed"}))
    with pytest.raises(ConfigError, match="No trial of quickstart is COMPLETE"):
        run_verb("confirm", ["quickstart"])


def test_a_configuration_to_which_the_words_lead_no_more_is_refused_by_name(quickstart: Path) -> None:
    for path in quickstart.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        record["configuration"]["optimizer"]["weight_decay"] = 0.123
        path.write_text(json.dumps(record))
    with pytest.raises(ConfigError, match=r"lead no more: optimizer.weight_decay \(0.123, now "):
        run_verb("confirm", ["quickstart"])


def test_a_record_of_which_the_study_knows_nothing_is_refused_by_name(quickstart: Path) -> None:
    """As where the trials of two sweeps were copied together."""
    record = json.loads((quickstart / "trials/00003/record.json").read_text())
    record |= {"trial": 9, "metrics": {**record["metrics"], "val_acc": 0.99}}
    record["configuration"]["optimizer"]["weight_decay"] = 0.123
    (quickstart / "trials/00009").mkdir()
    (quickstart / "trials/00009/record.json").write_text(json.dumps(record))
    with pytest.raises(ConfigError, match="a record of trial 9, of which its study knows nothing"):
        run_verb("confirm", ["quickstart"])


def test_data_that_changed_since_the_search_are_refused(quickstart: Path) -> None:
    for path in quickstart.glob("trials/*/record.json"):
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "data_fingerprint": "0" * 64}))
    (quickstart / "study.db").rename(quickstart / "other.db")  # which would tell that these are others'
    with pytest.raises(ConfigError, match="The data of quickstart changed since trial"):
        run_verb("confirm", ["quickstart"])
    assert not sweep_directory("quickstart-confirm").path.exists()


def test_flags_that_differ_from_what_was_begun_are_refused(
    quickstart: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_verb("confirm", ["quickstart", "--top", "2", "--seeds", "2", "--dry-run", "--json"])
    plan = {"schema_version": 1, **json.loads(capsys.readouterr().out)}
    target = sweep_directory("quickstart-confirm")
    target.path.mkdir()
    target.confirmation.write_text(json.dumps(plan))

    with pytest.raises(ConfigError, match="was begun with --seeds 2, and a confirmation keeps to what"):
        run_verb("confirm", ["quickstart", "--seeds", "3", "--dry-run"])
    with pytest.raises(ConfigError, match="was begun with --top 2"):
        run_verb("confirm", ["quickstart", "--trials", "0", "--dry-run"])
    assert run_verb("confirm", ["quickstart", "--top", "2", "--dry-run"]) == 0
    with pytest.raises(ConfigError, match="quickstart-confirm confirms quickstart"):
        target.trials.mkdir()
        run_verb("confirm", ["quickstart-confirm"])
