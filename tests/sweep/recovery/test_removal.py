"""A trial or a sweep taken away: it does not come back, and the sweep goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from optuna.trial import TrialState

from tests.sweep.conftest import drain, scheduler_of, spec_of
from tests.sweep.postgres import DATABASE_PASSWORD, Server
from vggsweep.cli import run_verb
from vggsweep.errors import ConfigError, SweepError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.tables.table import read_rows
from vggsweep.sweep.display.closing import conclude
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.recovery.removal import remove_sweep, remove_trials
from vggsweep.sweep.recovery.study_edits import blank
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.file_lock import claim
from vggsweep.sweep.storage.rdb import open_database
from vggsweep.sweep.storage.study import close_study, open_study
from vggsweep.sweep.storage.trial_attrs import counted, is_duplicate
from vggsweep.sweep.workers.slot import take_slot
from vggsweep.verbs.list import sweep_row


def trained(*words: str) -> SweepSpec:
    """A sweep with a record for each of its trials."""
    spec = spec_of("sweep.name=s", *words)
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    drain(scheduler_of(spec), lambda assignment: assignment.plain["arch"]["depth"] / 10)
    return spec


def known(sweep: SweepDirectory, storage: str | None = None) -> list[int]:
    return [trial.number for trial in counted(read_study(sweep, storage).get_trials())]


def test_a_removed_trial_is_gone_everywhere_and_does_not_come_back() -> None:
    spec = trained("arch.depth=4,5,6,7")
    sweep = spec.directory
    assert run_verb("rm", ["s/1", "s/3", "--yes"]) == 0
    assert not sweep.trial(1).path.exists()
    assert list(sweep.trials.glob(".*")) == []
    assert [row["trial"] for row in read_rows(sweep.path)] == [0, 2]
    assert known(sweep) == [0, 2]
    blank = read_study(sweep).get_trials()[1]
    assert (blank.state, blank.params, blank.user_attrs, blank.values) == (TrialState.FAIL, {}, {}, None)
    run_verb("repair", ["s"])
    assert known(sweep) == [0, 2]
    sweep.study.unlink()  # 3 was the last number: the directories alone do not know it
    run_verb("repair", ["s"])
    assert known(sweep) == [0, 2]
    with pytest.raises(ConfigError, match="s has no trial 1. It has 0, 2."):
        run_verb("rm", ["s/1", "--yes"])


def test_what_told_of_a_removed_trial_and_of_the_end_goes_with_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = trained("arch.depth=4,5,6")
    outcome = WorkerOutcome("every point of the space is done", is_early=False)
    conclude(spec, outcome)
    assert sweep_row(spec.directory)["state"] == "every point of the space is done"
    assert run_verb("rm", ["s/2", "--yes"]) == 0
    assert "told of them: table.csv, front.png, optimization_results.yaml." in capsys.readouterr().out
    row = sweep_row(spec.directory)
    assert (row["state"], row["trials"], row["of"]) == ("interrupted", 2, 3)
    assert not any(path.exists() for path in spec.directory.closing_files)
    conclude(spec, outcome)
    assert len(spec.directory.table.read_text().splitlines()) == 3


def test_the_sweep_trains_its_configuration_again_under_a_new_number() -> None:
    spec = trained("arch.depth=4,5,6")
    run_verb("rm", ["s/2", "--yes"])
    check_same_sweep(spec)
    join_study(spec)
    tasks, _ = drain(scheduler_of(spec))
    assert [(task.number, task.plain["arch"]["depth"]) for task in tasks] == [(3, 6)]
    assert known(spec.directory) == [0, 1, 3]


def test_what_only_repeated_a_removed_trial_goes_with_it() -> None:
    spec = trained("arch.depth=4,5", "train.threshold_acc=0.8,0.9")
    trials = read_study(spec.directory).get_trials()
    assert sum(map(is_duplicate, trials)) == 2
    run_verb("rm", ["s/0", "--yes"])
    left = read_study(spec.directory).get_trials()
    assert len(left) == len(trials)
    assert sum(map(is_duplicate, left)) == 1


def test_replicates_go_together_or_not_at_all() -> None:
    spec = trained("arch.depth=4,5", "sweep.replicates=2", "n_trials=4")
    trials = counted(read_study(spec.directory).get_trials())
    one, other = [trial.number for trial in trials if trial.params["arch.depth"] == 4]
    with pytest.raises(ConfigError, match=f"vggsweep rm s/{one} s/{other}"):
        run_verb("rm", [f"s/{other}", "--yes"])
    assert len(known(spec.directory)) == 4
    run_verb("rm", [f"s/{one}", f"s/{other}", "--yes"])
    assert len(known(spec.directory)) == 2


def test_while_somebody_works_nothing_is_removed() -> None:
    spec = trained("arch.depth=4,5")
    slot = take_slot(spec.directory)
    for words in (["s/0"], ["s"]):
        with pytest.raises(SweepError, match="is being worked on by another process"):
            run_verb("rm", [*words, "--yes"])
    slot.lock.release()
    lock = claim(spec.directory.trial(1).lock)
    assert lock is not None
    with pytest.raises(SweepError, match="is being worked on by another process"):
        run_verb("rm", ["s/0", "--yes"])
    lock.release()
    assert known(spec.directory) == [0, 1]


def test_a_trial_without_a_result_can_go_once_nobody_trains_it() -> None:
    spec = spec_of("sweep.name=s", "arch.depth=4,5")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    step = scheduler_of(spec).next()
    assert isinstance(step, Assignment)
    step.lock.release()
    assert run_verb("rm", ["s/0", "--yes"]) == 0
    assert [trial.state for trial in read_study(spec.directory).get_trials()] == [TrialState.FAIL]


def test_a_removal_that_was_killed_half_way_is_ended_by_the_same_command() -> None:
    spec = trained("arch.depth=4,5")
    study = open_study(spec.directory)
    blank(study, study.get_trials()[:1])
    close_study(study)
    assert [row["trial"] for row in read_rows(spec.directory.path)] == [0, 1]
    run_verb("rm", ["s/0", "--yes"])
    assert [row["trial"] for row in read_rows(spec.directory.path)] == [1]
    assert known(spec.directory) == [1]


def test_records_without_a_study_can_go_as_well() -> None:
    spec = trained("arch.depth=4,5")
    spec.directory.study.unlink()
    run_verb("rm", ["s/0", "--yes"])
    assert known(spec.directory) == [1]


def test_a_whole_sweep_goes_and_what_is_none_of_it_stays(
    own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = trained("arch.depth=4,5")
    run_verb("repair", ["s"])  # leaves before-repair-1-study.db
    (spec.directory.path / "notes.txt").write_text("mine")
    run_verb("rm", ["s", "--yes"])
    assert [path.name for path in spec.directory.path.iterdir()] == ["notes.txt"]
    said = capsys.readouterr().out
    assert "s  2 trials (2 COMPLETE)" in said
    assert "stays with what is none of a sweep's files: notes.txt." in said
    again = trained("arch.depth=4,5")
    (again.directory.path / "notes.txt").unlink()
    run_verb("rm", ["s", "--yes"])
    assert list((own_folder / "outputs").iterdir()) == []


def test_a_folder_that_is_no_sweep_is_left_alone(own_folder: Path) -> None:
    (own_folder / "court" / "trials").mkdir(parents=True)
    (own_folder / "court" / "trials" / "2019.txt").write_text("guilty")
    with pytest.raises(ConfigError, match="holds no trial and no study of vggsweep: it is left alone"):
        run_verb("rm", ["court", "--yes"])
    assert (own_folder / "court" / "trials" / "2019.txt").exists()


def test_without_a_terminal_nothing_is_removed() -> None:
    spec = trained("arch.depth=4,5")
    with pytest.raises(ConfigError, match="--yes says so beforehand"):
        run_verb("rm", ["s/0"])
    assert known(spec.directory) == [0, 1]


def studies_of(spec: SweepSpec) -> list[str]:
    backend = open_database(spec.directory, spec.settings.storage)
    try:
        return sorted(study.study_name for study in backend.get_all_studies())
    finally:
        backend.close()


@pytest.mark.slow
def test_a_trial_goes_out_of_a_study_on_a_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_PASSWORD", DATABASE_PASSWORD)
    monkeypatch.delenv("PGPASSWORD")
    storage = server.url.replace("@", ":${oc.env:DB_PASSWORD}@")
    spec = trained("arch.depth=4,5,6", f"sweep.storage='{storage}'")
    sweep = spec.directory

    assert run_verb("rm", ["s/1", "--yes"]) == 0

    assert not sweep.trial(1).path.exists()
    assert not sweep.study.exists()
    assert [row["trial"] for row in read_rows(sweep.path)] == [0, 2]
    gone = read_study(sweep, storage).get_trials()[1]
    assert (gone.state, gone.params, gone.user_attrs, gone.values) == (TrialState.FAIL, {}, {}, None)
    run_verb("repair", ["s"])
    assert known(sweep, storage) == [0, 2]
    check_same_sweep(spec)
    join_study(spec)
    tasks, _ = drain(scheduler_of(spec))
    assert [(task.number, task.plain["arch"]["depth"]) for task in tasks] == [(3, 5)]
    run_verb("rm", ["s", "--yes"])


@pytest.mark.slow
def test_a_sweep_goes_off_a_server_and_its_neighbours_stay(server: Server) -> None:
    where = f"sweep.storage={server.url}"
    neighbour = spec_of("sweep.name=neighbour", "arch.depth=4,5", "n_trials=1", where)
    neighbour.directory.trials.mkdir(parents=True)
    join_study(neighbour)
    drain(scheduler_of(neighbour))
    spec = trained("arch.depth=4,5", where)
    assert {"neighbour", "s"} <= set(studies_of(spec))

    assert run_verb("rm", ["s", "--yes"]) == 0

    assert not spec.directory.path.exists()
    assert "s" not in studies_of(neighbour)
    assert known(neighbour.directory, server.url) == [0]
    again = trained("arch.depth=4,5", where)
    assert known(again.directory, server.url) == [0, 1], "the numbers of a new sweep"
    run_verb("rm", ["s", "--yes"])


@pytest.mark.slow
def test_a_trial_of_another_host_keeps_its_sweep_on_a_server(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of("sweep.name=s", "arch.depth=4,5", f"sweep.storage={server.url}")
    spec.directory.trials.mkdir(parents=True)
    join_study(spec)
    save_spec(spec)
    monkeypatch.setenv("VGGSWEEP_HOST", "alpha")
    step = scheduler_of(spec).next()
    assert isinstance(step, Assignment)
    step.lock.release()  # its lock lies on the other host's disk
    monkeypatch.setenv("VGGSWEEP_HOST", "beta")

    for words in (["s/0"], ["s"]):
        with pytest.raises(SweepError, match="Trial 0 of s is being trained"):
            run_verb("rm", [*words, "--yes"])
    # it begins between the question and the answer
    with pytest.raises(SweepError, match="is being trained"):
        remove_trials(spec.directory, [0])
    with pytest.raises(SweepError, match="is being trained"):
        remove_sweep(spec.directory)

    assert spec.directory.trial(0).path.exists()
    [trial] = read_study(spec.directory, server.url).get_trials()
    assert trial.state is TrialState.RUNNING
    monkeypatch.setenv("VGGSWEEP_HOST", "alpha")  # where its lock says that nobody trains it
    assert run_verb("rm", ["s", "--yes"]) == 0


@pytest.mark.slow
def test_while_the_server_does_not_answer_nothing_is_removed(server: Server) -> None:
    spec = trained("arch.depth=4,5", f"sweep.storage={server.url}")
    server.stop()
    try:
        for words in (["s/0"], ["s"]):
            with pytest.raises(SweepError, match="cannot be (opened|reached)|does not answer"):
                run_verb("rm", [*words, "--yes"])
        assert spec.directory.trial(0).record.exists()
    finally:
        server.start()
    assert known(spec.directory, server.url) == [0, 1]
    run_verb("rm", ["s", "--yes"])
