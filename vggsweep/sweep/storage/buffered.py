"""Optuna's database storage, made quick without promising less.

Two habits of `optuna.storages` cost most of a sweep's time between two trainings (measured by
``benchmarks/sweep_overhead.py``), and each is changed here:

    a suggestion is written piece by piece, a transaction for the trial, each parameter, each
    attribute, each with its waits for the disk; within `drawn_in_memory` it is not written at all, and
    then added whole in one transaction, so that a kill leaves no half of it either

    every look at the trials asks the database anew; on SQLite one cheap question, "has anybody
    written since?", often makes that needless
"""

from __future__ import annotations

import copy
import sqlite3
import weakref
from collections.abc import Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

# A question for writes of others waits this long for one of them; then everything is read anew.
LOCK_SECONDS = 1.0
# No database has this id.
BUFFERED_ID = -1


class BufferedStorage(_CachedStorage):
    """Optuna's cached storage with `drawn_in_memory` and fewer reads.

    Args:
        backend: the database.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self.buffered: FrozenTrial | None = None
        self.is_buffering = False
        # notices every other connection's writes
        self._watch: sqlite3.Connection | None = None
        if self.file is not None:
            self._watch = sqlite3.connect(self.file, timeout=LOCK_SECONDS, check_same_thread=False)
            weakref.finalize(self, self._watch.close)
        self._seen: dict[int, int | None] = {}

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for a database on a server or in memory."""
        engine = self._backend.engine
        path = engine.url.database
        is_file = engine.dialect.name == "sqlite" and path and path != ":memory:" and path[:5] != "file:"
        return Path(path) if path and is_file else None

    def close(self) -> None:
        """Give back all connections; the next use opens new ones."""
        self._backend.remove_session()
        self._backend.engine.dispose()
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def forget(self) -> None:
        """Read everything anew: finished trials were changed, which a storage takes for impossible."""
        self.__init__(self._backend)  # type: ignore[misc]

    # buffered trials

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        if template_trial is not None or not self.is_buffering:
            return super().create_new_trial(study_id, template_trial)
        number = self.get_n_trials(study_id)  # before the trial is there itself
        self.buffered = create_trial(state=TrialState.RUNNING)
        self.buffered.number = number
        self.buffered._trial_id = BUFFERED_ID
        return BUFFERED_ID

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
            return
        assert self.buffered is not None
        self.buffered.params[param_name] = distribution.to_external_repr(param_value_internal)
        self.buffered.distributions[param_name] = distribution

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_user_attr(trial_id, key, value)
            return
        assert self.buffered is not None
        self.buffered.user_attrs[key] = value

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_system_attr(trial_id, key, value)
            return
        assert self.buffered is not None
        self.buffered.system_attrs[key] = value

    # reads

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if trial_id == BUFFERED_ID:
            assert self.buffered is not None
            return copy.deepcopy(self.buffered)
        if self._watch is None or trial_id not in self._trial_id_to_study_id_and_number:
            return super().get_trial(trial_id)
        study_id, number = self._trial_id_to_study_id_and_number[trial_id]
        self._read_trials_from_remote_storage(study_id)
        # a copy, as a training process writes into it
        return copy.deepcopy(self._studies[study_id].trials[number])

    def get_trial_number_from_id(self, trial_id: int) -> int:
        if trial_id in self._trial_id_to_study_id_and_number:
            return self._trial_id_to_study_id_and_number[trial_id][1]
        return super().get_trial_number_from_id(trial_id)

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        trials = super().get_all_trials(study_id, deepcopy, states)
        if self.buffered is not None and (states is None or self.buffered.state in states):
            trials.append(copy.deepcopy(self.buffered) if deepcopy else self.buffered)
        return trials

    def _read_trials_from_remote_storage(self, study_id: int) -> None:
        if self._watch is None:
            super()._read_trials_from_remote_storage(study_id)
            return
        # Asked before reading: what is written in between is read twice rather than never.
        version = _data_version(self._watch)
        if version is None or self._seen.get(study_id) != version:
            super()._read_trials_from_remote_storage(study_id)
            self._seen[study_id] = version


@contextmanager
def drawn_in_memory(study: optuna.Study) -> Iterator[None]:
    """Within the block ``study.ask`` makes a trial in memory only, which is gone after it.

    The sampler sees it as it sees any other.

    >>> study = optuna.create_study(storage=BufferedStorage(RDBStorage("sqlite://")))
    >>> with drawn_in_memory(study):
    ...     trial = study.ask()
    ...     width = trial.suggest_int("width", 8, 8)
    ...     drawn = study._storage.get_trial(trial._trial_id)
    >>> drawn.params, len(study.trials)
    ({'width': 8}, 0)
    """
    storage = study._storage
    assert isinstance(storage, BufferedStorage)
    storage.is_buffering = True
    try:
        yield
    finally:
        storage.buffered, storage.is_buffering = None, False


def _data_version(watch: sqlite3.Connection) -> int | None:
    """A number that every other connection's write changes; None while another process's lock hides it."""
    try:
        return int(watch.execute("PRAGMA data_version").fetchone()[0])
    except sqlite3.Error:  # a damaged file says so where it is read
        return None
