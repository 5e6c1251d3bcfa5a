from __future__ import annotations

import sqlite3
from pathlib import Path

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.trial import TrialState

from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.sweep.storage import sqlite_wal
from vggsweep.sweep.storage.buffered import BufferedStorage, drawn_in_memory
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


def test_what_is_drawn_in_memory_is_seen_by_the_sampler_and_by_nobody_else(study: optuna.Study) -> None:
    with drawn_in_memory(study):
        trial = study.ask(SPACE)
        trial.set_user_attr("mark", [1, 2])
        assert [one.state for one in study.trials] == [TrialState.RUNNING]
        drawn = study._storage.get_trial(trial._trial_id)
        assert stranger(study).trials == []
    assert (drawn.number, drawn.params, drawn.user_attrs) == (0, trial.params, {"mark": [1, 2]})
    assert drawn.distributions == SPACE
    assert study.trials == stranger(study).trials == []


def test_a_block_that_raises_leaves_nothing(study: optuna.Study) -> None:
    with pytest.raises(ZeroDivisionError), drawn_in_memory(study):
        study.ask(SPACE)
        _ = 1 / 0
    assert study.trials == []
    assert study.ask(SPACE).number == 0


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
    with drawn_in_memory(study):
        study.ask(SPACE)
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
