"""Tell the study results of trials that have a record and are still RUNNING; duplicates, replicates."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.sweep.scheduling.front import drop_weights_off_front
from vggsweep.sweep.spec.objectives import mean_values, objective_values
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.study import storage_of, tell
from vggsweep.sweep.storage.trial_attrs import (
    DUPLICATE_OF,
    WAITING,
    TrialAttrs,
    attrs_of,
    counted,
    family_of,
    is_duplicate,
    is_in_progress,
)
from vggsweep.trial_directory import drop_checkpoint, own_record, put_aside

log = logging.getLogger("vggsweep.storage")


@dataclass
class Settler:
    """Tell results under the study's lock.

    Args:
        spec: of the sweep.
        study: its study.
        claim: takes the lock of a trial that no process trains, or returns None.
    """

    spec: SweepSpec
    study: optuna.Study
    claim: Callable[[FrozenTrial, TrialDirectory], FileLock | None]

    def settle(self) -> list[FrozenTrial]:
        """Tell the study every result that was written and not told; the trials after that."""
        trials = self.study.get_trials(deepcopy=False)
        changed = False
        for trial in trials:
            if trial.state is not TrialState.RUNNING:
                continue
            attrs = attrs_of(trial)
            if attrs is None and is_duplicate(trial):
                changed |= self._tell_duplicate(trial, trials)
            elif attrs is None:
                # Killed between asking and marking; under the lock nobody else can be there.
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                changed = True
            elif WAITING not in trial.user_attrs and (record := self._record_of(trial, attrs)) is not None:
                self.tell(trial._trial_id, attrs, record)
                drop_checkpoint(record, self.spec.directory.trial(trial.number))
                changed = True
        return self.study.get_trials(deepcopy=False) if changed else trials

    def _tell_duplicate(self, trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
        """Tell a duplicate what it repeats, once that has a result."""
        known = trials[trial.user_attrs[DUPLICATE_OF]]
        if not known.state.is_finished():
            return False
        values = known.values if known.state is TrialState.COMPLETE else None
        self.study.tell(trial.number, values, state=known.state, skip_if_finished=True)
        return True

    def _record_of(self, trial: FrozenTrial, attrs: TrialAttrs) -> Record | None:
        """The record of a trial whose owner died, or was killed, before it could tell."""
        directory = self.spec.directory.trial(trial.number)
        if not directory.record.exists():
            return None
        lock = self.claim(trial, directory)
        if lock is None:
            return None
        try:
            found = own_record(directory, trial.number, attrs.identity)
            if isinstance(found, str):  # it is trained again
                log.warning("%s", put_aside(directory.record, found))
                return None
            return found
        finally:
            lock.release()

    def tell(self, trial_id: int, attrs: TrialAttrs, record: Record) -> None:
        """Tell a result; replicates wait for each other, and are then told their mean."""
        values = objective_values(self.spec.metrics, record)
        if self.spec.settings.replicates == 1 or record.state != "COMPLETE" or values is None:
            tell(self.study, storage_of(self.study).get_trial_number_from_id(trial_id), record, values)
        else:
            storage_of(self.study).set_trial_user_attr(trial_id, WAITING, values)
        trials = self.study.get_trials(deepcopy=False)
        family = family_of(trials, attrs.first)
        settings = self.spec.settings
        has_room = len(counted(trials)) + sum(map(is_in_progress, trials)) < settings.n_trials
        is_coming = len(family) < settings.replicates and has_room and not self.spec.only
        if is_coming or any(is_in_progress(trial) for trial in family):
            return
        waiting = [trial for trial in family if WAITING in trial.user_attrs]
        means = mean_values(trial.user_attrs[WAITING] for trial in waiting)
        for trial in waiting:
            self.study.tell(trial.number, means, skip_if_finished=True)
        drop_weights_off_front(self.spec, self.study)
