"""Optuna's database storage, made quick without promising less.

Two habits of `optuna.storages` cost most of a sweep's time between two trainings (measured by
``benchmarks/sweep_overhead.py``), and each is changed here:

    a suggestion is written piece by piece, a transaction for the trial, each parameter, each
    attribute, each with its waits for the disk; within `buffered_trial` it is written whole, in one
    transaction, so that a kill leaves no half of it either

    every look at the trials asks the database anew; on SQLite one cheap question, "has anybody
    written since?", often makes that needless
"""

from __future__ import annotations

import copy
import sqlite3
import weakref
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

# A question for writes of others waits this long for one of them; then everything is read anew.
LOCK_SECONDS = 1.0
# No database has this id.
BUFFERED_ID = -1


class BufferedStorage(_CachedStorage):
    """Optuna's cached storage with `buffered_trial` and fewer reads.

    Args:
        backend: the database.
    """

    def __init__(self, backend: RDBStorage) -> None:
        super().__init__(backend)
        self.buffered: FrozenTrial | None = None
        self.is_buffering = False
        self._watch = _watch(backend)
        if self._watch is not None:
            weakref.finalize(self, self._watch.close)
        self._seen: dict[int, int | None] = {}

    @property
    def file(self) -> Path | None:
        """The SQLite file; None where the database is none."""
        return sqlite_file(self._backend)

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
        self.buffered = FrozenTrial(
            number=self.get_n_trials(study_id),
            trial_id=BUFFERED_ID,
            state=TrialState.RUNNING,
            value=None,
            datetime_start=datetime.now(),
            datetime_complete=None,
            params={},
            distributions={},
            user_attrs={},
            system_attrs={},
            intermediate_values={},
        )
        return BUFFERED_ID

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_param(trial_id, param_name, param_value_internal, distribution)
            return
        assert self.buffered is not None
        self.buffered.params = {
            **self.buffered.params,
            param_name: distribution.to_external_repr(param_value_internal),
        }
        self.buffered.distributions = {**self.buffered.distributions, param_name: distribution}

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_user_attr(trial_id, key, value)
            return
        assert self.buffered is not None
        self.buffered.user_attrs = {**self.buffered.user_attrs, key: value}

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        if trial_id != BUFFERED_ID:
            super().set_trial_system_attr(trial_id, key, value)
            return
        assert self.buffered is not None
        self.buffered.system_attrs = {**self.buffered.system_attrs, key: value}

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        if trial_id != BUFFERED_ID:
            return super().set_trial_state_values(trial_id, state, values)
        assert self.buffered is not None
        self.buffered.state = state
        self.buffered.values = None if values is None else list(values)
        self.buffered.datetime_complete = datetime.now() if state.is_finished() else None
        return True

    # reads

    def get_trial(self, trial_id: int) -> FrozenTrial:
        if trial_id == BUFFERED_ID:
            assert self.buffered is not None
            return copy.copy(self.buffered)
        if self._watch is None or trial_id not in self._trial_id_to_study_id_and_number:
            return super().get_trial(trial_id)
        study_id, number = self._trial_id_to_study_id_and_number[trial_id]
        self._read_trials_from_remote_storage(study_id)
        # a copy, as whoever trains it writes into it
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


@dataclass
class BufferedTrial:
    """What became of a buffered trial.

    Args:
        number: the study's, once it is written.
    """

    number: int | None = None


@contextmanager
def buffered_trial(study: optuna.Study) -> Iterator[BufferedTrial]:
    """Within the block ``study.ask`` makes a trial in memory only.

    The sampler sees it as it sees any other. It is written when the block ends, whole and in one
    transaction; never if the block raises.

    >>> study = optuna.create_study(storage=BufferedStorage(RDBStorage("sqlite://")))
    >>> with buffered_trial(study) as buffered:
    ...     trial = study.ask()
    ...     width = trial.suggest_int("width", 8, 8)
    ...     trial.set_user_attr("why", "to see")
    ...     len(study._storage._backend.get_all_trials(study._study_id))
    0
    >>> study.trials[buffered.number].params, study.trials[buffered.number].user_attrs
    ({'width': 8}, {'why': 'to see'})
    """
    storage = study._storage
    assert isinstance(storage, BufferedStorage)
    result = BufferedTrial()
    storage.is_buffering = True
    try:
        yield result
        trial, storage.buffered = storage.buffered, None
        if trial is not None:
            trial_id = storage.create_new_trial(study._study_id, trial)
            result.number = storage.get_trial_number_from_id(trial_id)
    finally:
        storage.buffered, storage.is_buffering = None, False


def sqlite_file(storage: RDBStorage) -> Path | None:
    """The file of a storage on SQLite; None for a database on a server or in memory."""
    path = storage.engine.url.database
    if storage.engine.dialect.name != "sqlite" or not path or path == ":memory:" or path.startswith("file:"):
        return None
    return Path(path)


def _watch(backend: RDBStorage) -> sqlite3.Connection | None:
    """A connection that notices every other one's writes; None where the database is no SQLite file."""
    path = sqlite_file(backend)
    return None if path is None else sqlite3.connect(path, timeout=LOCK_SECONDS, check_same_thread=False)


def _data_version(watch: sqlite3.Connection) -> int | None:
    """A number that every other connection's write changes; None while somebody's lock hides it."""
    try:
        version: int = watch.execute("PRAGMA data_version").fetchone()[0]
    except sqlite3.Error:  # a damaged file says so where it is read
        return None
    return version
