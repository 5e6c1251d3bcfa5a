from __future__ import annotations

import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from vggsweep.results.layout import SweepDirectory
from vggsweep.sweep.storage import sqlite_wal
from vggsweep.sweep.storage.buffered import BufferedStorage, buffered_trial
from vggsweep.sweep.storage.sqlite_wal import is_local, write_ahead
from vggsweep.sweep.storage.study import open_study

SPACE = {"width": optuna.distributions.IntDistribution(1, 9)}


@pytest.fixture
def study(tmp_path: Path) -> optuna.Study:
    return open_study(SweepDirectory(tmp_path))


def stranger(study: optuna.Study) -> optuna.Study:
    """The same study as any other program sees it."""
    assert isinstance(study._storage, BufferedStorage)
    return optuna.load_study(study_name=study.study_name, storage=f"sqlite:///{study._storage.file}")


def test_draft_is_seen_by_the_sampler_and_by_nobody_else_until_it_is_whole(study: optuna.Study) -> None:
    with buffered_trial(study) as buffered:
        trial = study.ask(SPACE)
        trial.set_user_attr("mark", [1, 2])
        assert [one.state for one in study.trials] == [TrialState.RUNNING]
        assert stranger(study).trials == []
    (stored,) = stranger(study).trials
    assert (stored.number, stored.state) == (buffered.number, TrialState.RUNNING)
    assert (stored.params, stored.user_attrs) == (trial.params, {"mark": [1, 2]})


def test_draft_of_a_block_that_raises_never_existed(study: optuna.Study) -> None:
    with pytest.raises(ZeroDivisionError), buffered_trial(study):
        study.ask(SPACE)
        _ = 1 / 0
    assert study.trials == []
    assert study.ask(SPACE).number == 0


def test_draft_that_was_told_is_stored_finished_with_its_constraint(study: optuna.Study) -> None:
    with buffered_trial(study):
        trial = study.ask(SPACE)
        trial.set_constraint("feasible", 1.0)
        study.tell(trial, state=TrialState.PRUNED)
    with buffered_trial(study):
        study.tell(study.ask(SPACE), 0.5)
    pruned, complete = stranger(study).trials
    assert (pruned.state, pruned.constraints) == (TrialState.PRUNED, {"feasible": 1.0})
    assert (complete.state, complete.values) == (TrialState.COMPLETE, [0.5])
    assert complete.datetime_complete is not None


def test_waiting_trial_is_taken_and_not_drafted(study: optuna.Study) -> None:
    study.enqueue_trial({"width": 7})
    with buffered_trial(study) as buffered:
        trial = study.ask(SPACE)
    assert buffered.number is None
    assert (trial.number, trial.params) == (0, {"width": 7})
    assert len(stranger(study).trials) == 1


def test_writes_of_other_processes_are_seen_at_once(study: optuna.Study) -> None:
    other = stranger(study)
    for number in range(3):
        other.tell(other.ask(SPACE), float(number))
        assert [trial.value for trial in study.trials] == [float(n) for n in range(number + 1)]
    running = other.ask(SPACE)
    assert study._storage.get_trial(running._trial_id).user_attrs == {}
    running.set_user_attr("rung", 1)
    assert study._storage.get_trial(running._trial_id).user_attrs == {"rung": 1}


def test_trials_that_are_read_belong_to_the_reader(study: optuna.Study) -> None:
    number = study.ask(SPACE)._trial_id
    study.get_trials(deepcopy=False)
    study._storage.get_trial(number).params["width"] = "spoilt"
    assert study._storage.get_trial(number).params["width"] != "spoilt"


def test_storage_without_a_file_works_the_same() -> None:
    study = optuna.create_study(storage=BufferedStorage(RDBStorage("sqlite://")))
    with buffered_trial(study):
        study.tell(study.ask(SPACE), 0.25)
    assert [trial.value for trial in study.trials] == [0.25]


def mode(file: Path) -> str:
    connection = sqlite3.connect(file)
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])
    finally:
        connection.close()


def test_log_is_used_while_workers_run_and_folded_back_by_the_last_one(study: optuna.Study) -> None:
    storage = study._storage
    assert isinstance(storage, BufferedStorage)
    file = storage.file
    assert file is not None
    if not is_local(file):
        pytest.skip("the tests' directory is on a network file system")
    with write_ahead(file):
        study.tell(study.ask(SPACE), 1.0)
        assert mode(file) == "wal"
        with write_ahead(file):  # a second worker, which ends first
            pass
        assert mode(file) == "wal"
        storage.close()
    assert mode(file) == "delete"
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert [trial.value for trial in stranger(study).trials] == [1.0]


def test_network_file_system_keeps_the_rollback_journal(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = study._storage.file  # type: ignore[attr-defined]
    monkeypatch.setattr(sqlite_wal, "LOCAL", {"none"})
    with write_ahead(file):
        assert mode(file) == "delete"
