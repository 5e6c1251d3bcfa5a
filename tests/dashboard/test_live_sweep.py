"""What the page is told of a sweep that begins, trains, ends, is damaged or removed."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict

import pytest

from tests.dashboard.conftest import MovedSweep
from vggsweep.dashboard import live_report, live_sweep
from vggsweep.dashboard.live_sweep import LiveSweep
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import sweep_directory

PATIENCE = 60


@pytest.fixture(autouse=True)
def look_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_sweep, "SECONDS_BETWEEN_LOOKS", 0.0)


def test_sweep_that_has_not_begun_is_waited_for() -> None:
    sweep = LiveSweep("mine")

    assert sweep.state().phase == "waiting"
    assert sweep.state().message.startswith("waiting for mine: No sweep 'mine' here")

    sweep_directory("mine").trials.mkdir(parents=True)
    state = sweep.state()
    assert (state.phase, state.report) == ("waiting", None)
    assert "holds no study" in state.message


def test_state_follows_a_sweep_from_its_first_trial_to_its_end(moved: MovedSweep) -> None:
    sweep = LiveSweep(None)
    first = moved.begin(0.25, 0.5)

    state = sweep.state()
    assert (state.name, state.phase, state.done, state.total) == ("mine", "training", 0, 3)
    (row,) = state.running
    assert (row.trial, row.epoch, row.val_acc, row.curve) == (0, 2, 0.5, (0.25, 0.5))
    assert (row.worker, row.parameters) == ("main: training now", "depth 4")
    json.dumps(asdict(state), allow_nan=False)

    moved.finish(first, val_acc=0.75)
    moved.finish(moved.begin(), state="FAIL", reason="The loss became NaN")
    state = sweep.state()
    assert (state.phase, state.message) == ("idle", "nobody trains; the same command continues it")
    assert state.best == "trial 0: val_acc 0.7500  depth 4"
    assert state.notes == ("FAIL 1 x The loss became NaN (trial 1)",)

    moved.finish(moved.begin())
    state = sweep.state()
    assert (state.phase, state.done, state.running) == ("done", 3, ())
    assert state.message == "done: 2 COMPLETE, 1 FAIL"


def test_why_the_command_ended_is_said_until_another_trial_begins(moved: MovedSweep) -> None:
    moved.finish(moved.begin())
    moved.directory.best.write_text("ended: sweep.stop=plateau has seen enough\n")
    sweep = LiveSweep("mine")

    assert sweep.state().message.startswith("ended: sweep.stop=plateau has seen enough; the same command")

    moved.begin()
    assert sweep.state().phase == "training"


def test_report_is_drawn_and_named_anew_when_a_record_arrives(moved: MovedSweep) -> None:
    sweep = LiveSweep("mine")
    moved.begin()
    assert sweep.state().report is None
    sweep.report.wait(PATIENCE)
    assert sweep.state().report is None, "there is no record to draw"

    moved.finish(moved.begin())
    sweep.state()
    sweep.report.wait(PATIENCE)
    first = sweep.state().report
    assert first is not None
    assert sweep.report.drawn is not None
    assert "mine" in sweep.report.drawn.page.decode()

    moved.finish(moved.begin(), val_acc=0.9)
    assert sweep.state().report == first, "while a trial trains it is not drawn again so soon"


def test_curves_of_running_trials_join_those_of_the_report(
    moved: MovedSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_report, "SHARE", 0)
    sweep = LiveSweep("mine")
    moved.finish(moved.begin(0.25, 0.5))
    running = moved.begin(0.125)
    moved.begin()  # has no epoch yet

    def drawn() -> tuple[str | None, str]:
        for _ in range(3):  # the report, the curves, a look at both
            sweep.state()
            sweep.report.wait(PATIENCE)
        curves = sweep.report.curves
        return sweep.state().curves, "" if curves is None else curves.svg.decode()

    first, figure = drawn()
    assert first is not None
    assert figure.startswith("<svg")
    assert "1 running" in figure
    assert "stroke-dasharray" in figure

    write_history(
        [{"epoch": at, "val_acc": at / 10} for at in (1, 2, 3, 4, 5)],
        running.directory.history,
        running.identity,
    )
    second, figure = drawn()
    assert second not in (None, first), "another epoch"
    assert drawn()[0] == second

    moved.finish(running)
    assert drawn()[0] is None


def test_looking_writes_nothing_into_the_directory(moved: MovedSweep) -> None:
    for _ in range(2):
        moved.finish(moved.begin())
    moved.begin()
    moved.scheduler.study._storage.remove_session()

    def files() -> dict[str, tuple[int, int]]:
        found = [path for path in moved.directory.path.rglob("*") if path.is_file()]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_size) for path in found}

    before = files()
    sweep = LiveSweep("mine")
    sweep.state()
    sweep.report.wait(PATIENCE)
    assert sweep.state().report is not None

    assert files() == before


def test_damage_is_said_and_the_page_goes_on(moved: MovedSweep) -> None:
    moved.finish(moved.begin())
    settings = moved.directory.settings.read_text()
    sweep = LiveSweep("mine")
    moved.directory.settings.write_text("]")
    moved.directory.trial(0).record.write_text("{")

    state = sweep.state()
    sweep.report.wait(PATIENCE)

    assert state.done == 1
    assert state.notes[0].startswith("damaged: ")
    assert sweep.report.drawn is not None
    assert "Records that could not be read" in sweep.report.drawn.page.decode()

    moved.directory.settings.write_text(settings)
    assert sweep.state().notes == ()


def test_lost_study_is_told_from_the_records(moved: MovedSweep) -> None:
    for _ in range(3):
        moved.finish(moved.begin())
    sweep = LiveSweep("mine")
    for path in moved.directory.path.glob("study.db*"):
        path.unlink()

    state = sweep.state()

    assert (state.phase, state.done, state.has_optuna) == ("done", 3, False)
    assert "`vggsweep repair mine` makes it anew" in state.notes[0]


def test_removed_directory_is_said_and_what_was_known_stays(moved: MovedSweep) -> None:
    moved.finish(moved.begin())
    sweep = LiveSweep("mine")
    sweep.state()
    sweep.report.wait(PATIENCE)
    kept = moved.directory.path.with_name("elsewhere")
    shutil.move(moved.directory.path, kept)

    state = sweep.state()

    assert (state.phase, state.done) == ("waiting", 1)
    assert "is gone" in state.message
    assert state.report is not None

    shutil.move(kept, moved.directory.path)
    assert sweep.state().phase == "idle"


def test_database_that_does_not_answer_holds_up_one_look_only(
    moved: MovedSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved.begin()
    monkeypatch.setattr(live_sweep, "PATIENCE", 0.05)
    sweep = LiveSweep("mine")
    sweep.state()

    with sweep._lock:  # as a look does that waits for its database
        state = sweep.state()

    assert (state.total, state.message) == (3, "the study does not answer; this is what it said last")
