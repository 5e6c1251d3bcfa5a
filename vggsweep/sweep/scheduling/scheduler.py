"""Who trains what next. All decisions of a sweep are made here, under one lock, one at a time.

    settle    a result that was written but not told is told; a trial that died too often fails
    stop      the total is reached, too many failed, time is up, every point of the space is done
    adopt     a trial that nobody trains gets an owner: one that was interrupted, or one just suggested
    suggest   a new configuration is drawn and becomes a RUNNING trial without an owner

Every step leaves the study and the files in a state from which any other process can go on.
"""

from __future__ import annotations

import logging
import statistics
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import optuna
from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from vggsweep.errors import RecordError
from vggsweep.files import make_directory, set_obstacle_aside
from vggsweep.results.history import finished_epochs
from vggsweep.results.layout import TrialDirectory
from vggsweep.results.record import Record, read_record, write_record
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, Wait
from vggsweep.sweep.scheduling.ownership import (
    OWNER,
    LeaseMonitor,
    Owner,
    heartbeat_of,
    is_signed_by,
    new_owner,
    owner_of,
    place_of,
    sign,
)
from vggsweep.sweep.scheduling.suggest import Suggester
from vggsweep.sweep.spec.objectives import objective_values
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.file_lock import claim, seize
from vggsweep.sweep.storage.study import database_of
from vggsweep.sweep.storage.study_lock import StudyLockLost, study_lock_of
from vggsweep.sweep.storage.trial_attrs import (
    DEATHS,
    DUPLICATE_OF,
    REASON,
    STATES,
    WAITING,
    TrialAttrs,
    attrs_of,
    by_identity,
    counted,
    family_of,
    is_duplicate,
    is_in_progress,
    notes_of,
    reason_of,
)
from vggsweep.trial_directory import drop_checkpoint, keep_late_record, own_record, put_aside

log = logging.getLogger("vggsweep.storage")


class TrialScheduler:
    """Decides for one worker of a sweep.

    Args:
        spec: what the sweep was told.
        study: opened with the spec's sampler.
        worker, device: what others are told of this worker.
    """

    def __init__(self, spec: SweepSpec, study: optuna.Study, worker: str = "main", device: str = "") -> None:
        self.spec = spec
        self.study = study
        self.directory = spec.directory
        self.suggester = Suggester(spec, study, lambda: {OWNER: self.coming.attribute()})
        make_directory(self.directory.workers)
        self.study_lock = study_lock_of(
            database_of(study), study.study_name, self.directory.workers / "ask.lock"
        )
        self.lease_monitor = LeaseMonitor(spec.settings.lease)
        self.worker = worker
        self.device = device
        # of the trial that is begun next; one that is suggested bears it from the first, in one transaction
        self.coming = new_owner(self.directory, worker, device)
        self.place = place_of(self.directory)
        self._has_looked_for_strays = False

    def next(self, *, is_time_up: bool = False) -> Assignment | Stop | Wait:
        """The next trial to train, or why there is none."""
        while True:
            try:
                with self.study_lock.hold():
                    return self._decide(is_time_up=is_time_up)
            except (StudyLockLost, UpdateFinishedTrialError):
                continue  # the database restarted, or somebody whose turn was over still wrote

    def _decide(self, *, is_time_up: bool) -> Assignment | Stop | Wait:
        while True:
            trials = self._settle()
            if not self._has_looked_for_strays:
                self._set_strays_aside(trials)
                self._has_looked_for_strays = True
            self.lease_monitor.look(trials)
            self.study_lock.check()
            done = counted(trials)
            if (stop := self._stop(done, is_time_up)) is not None:
                return stop
            if (assignment := self._adopt(trials)) is not None:
                return assignment
            in_progress = sum(map(is_in_progress, trials))
            if self.spec.only:
                return Wait()
            if len(done) + in_progress >= self.spec.settings.n_trials:
                return Wait()
            if (stop := self.suggester.suggest(trials)) is not None:
                return Wait() if in_progress else stop

    def finish(self, assignment: Assignment, record: Record) -> bool:
        """Tell the study what a record says.

        Returns:
            Whether it counts. Otherwise another worker had taken the trial over: the record is set aside.
        """
        while True:
            try:
                with self.study_lock.hold():
                    if not self._is_owner(assignment):
                        self._set_aside(assignment, record)
                        return False
                    self._tell_replicate(assignment.trial_id, assignment.attrs, record)
                    return True
            except StudyLockLost:
                continue

    def release(self, assignment: Assignment) -> None:
        """Give an unfinished trial up: its end here was no death, and anybody may go on with it."""
        with suppress(OSError):  # a full disk may be why
            assignment.directory.released.touch()
        if self._is_owner(assignment):
            self._own(assignment.trial_id, replace(assignment.owner, is_released=True))

    def _set_aside(self, assignment: Assignment, record: Record) -> None:
        keep_late_record(record, assignment.directory)
        if is_signed_by(assignment.directory, assignment.owner):  # the other one's record lies elsewhere
            assignment.directory.record.unlink(missing_ok=True)

    def _set_strays_aside(self, trials: Sequence[FrozenTrial]) -> None:
        """Results that this host wrote and never told, of trials that another host has taken over since."""
        for trial in trials:
            owner, directory = owner_of(trial), self.directory.trial(trial.number)
            is_here = owner is None or owner.place == self.place or is_signed_by(directory, owner)
            # Without a token nothing says that the files are another owner's: they were copied or moved.
            if not is_here and directory.owner.exists() and directory.record.exists():
                with suppress(RecordError):
                    keep_late_record(read_record(directory.record), directory)
                directory.record.unlink()

    def _is_owner(self, assignment: Assignment) -> bool:
        trial = self.study._storage.get_trial(assignment.trial_id)
        owner = owner_of(trial)
        return (
            trial.state is TrialState.RUNNING and owner is not None and owner.token == assignment.owner.token
        )

    def _own(self, trial_id: int, owner: Owner) -> None:
        self.study._storage.set_trial_user_attr(trial_id, OWNER, owner.attribute())

    # settle

    def _settle(self) -> list[FrozenTrial]:
        trials = self._trials()
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
            elif WAITING not in trial.user_attrs and (record := self._untold(trial, attrs)) is not None:
                self._tell_replicate(trial._trial_id, attrs, record)
                drop_checkpoint(record, self.directory.trial(trial.number))
                changed = True
        return self._trials() if changed else trials

    def _tell_duplicate(self, trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> bool:
        """Tell a duplicate what it repeats, once that has a result."""
        known = trials[trial.user_attrs[DUPLICATE_OF]]
        if not known.state.is_finished():
            return False
        values = known.values if known.state is TrialState.COMPLETE else None
        self.study.tell(trial.number, values, state=known.state, skip_if_finished=True)
        return True

    def _untold(self, trial: FrozenTrial, attrs: TrialAttrs) -> Record | None:
        """The record of a trial whose owner died, or was killed, before it could tell."""
        directory = self.directory.trial(trial.number)
        if not directory.record.exists():
            return None
        lock = self._take(trial, directory)
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

    def _take(self, trial: FrozenTrial, directory: TrialDirectory) -> FileLock | None:
        """The lock of a trial that nobody trains, or whose owner gave no sign of life for a lease."""
        owner = owner_of(trial)
        # Only who shares the owner's files can ask the lock, which knows of a death at once.
        if owner is None or owner.is_released or owner.place == self.place:
            lock = claim(directory.lock)
            if lock is not None or owner is None:
                return lock
        return seize(directory.lock) if self.lease_monitor.is_silent(owner) else None

    def _tell(self, trial_id: int, record: Record, values: Sequence[float] | None) -> None:
        state = STATES[record.state]
        if state is TrialState.COMPLETE and values is None:
            state = TrialState.FAIL
        if state is TrialState.FAIL:
            self.study._storage.set_trial_user_attr(trial_id, REASON, reason_of(record))
        with suppress(UpdateFinishedTrialError):  # told, but the database broke off before it said so
            told = values if state is TrialState.COMPLETE else None
            number = self.study._storage.get_trial_number_from_id(trial_id)
            self.study.tell(number, told, state=state, skip_if_finished=True)

    def _tell_replicate(self, trial_id: int, attrs: TrialAttrs, record: Record) -> None:
        """A replicate waits for the others of its configuration; then all are told their mean."""
        values = objective_values(self.spec.metrics, record)
        if self.spec.settings.replicates == 1 or record.state != "COMPLETE" or values is None:
            self._tell(trial_id, record, values)
        else:
            self.study._storage.set_trial_user_attr(trial_id, WAITING, values)
        trials = self._trials()
        family = family_of(trials, attrs.first)
        settings = self.spec.settings
        has_room = len(counted(trials)) + sum(map(is_in_progress, trials)) < settings.n_trials
        is_coming = len(family) < settings.replicates and has_room and not self.spec.only
        if is_coming or any(is_in_progress(trial) for trial in family):
            return
        waiting = [trial for trial in family if WAITING in trial.user_attrs]
        columns = zip(*(trial.user_attrs[WAITING] for trial in waiting), strict=True)
        means = [statistics.fmean(column) for column in columns]
        for trial in waiting:
            self.study.tell(trial.number, means, skip_if_finished=True)

    # stop

    def _stop(self, done: Sequence[FrozenTrial], is_time_up: bool) -> Stop | None:
        settings = self.spec.settings
        failed = [trial for trial in done if trial.state is TrialState.FAIL]
        if self.spec.only:
            left = set(self.spec.only) - {trial.number for trial in done}
            again = [trial for trial in failed if trial.number in self.spec.only]
            if not left:
                is_early = len(again) == len(self.spec.only)
                return Stop(
                    f"{len(self.spec.only)} trials were trained again{commonest_reasons(again)}", is_early
                )
            return (
                Stop(f"sweep.timeout={settings.timeout:g} s is over", is_early=True) if is_time_up else None
            )
        if len(done) >= settings.n_trials:
            if len(failed) == len(done):
                return Stop(f"all {len(done)} trials failed{commonest_reasons(failed)}", is_early=True)
            return Stop(f"all {settings.n_trials} trials are done", is_early=False)
        if len(failed) > settings.max_failures * settings.n_trials:
            return Stop(
                f"{len(failed)} of {settings.n_trials} trials failed, more than sweep.max_failures="
                f"{settings.max_failures:g} allows{commonest_reasons(failed)}",
                is_early=True,
            )
        if is_time_up:
            return Stop(f"sweep.timeout={settings.timeout:g} s is over", is_early=True)
        return None

    # adopt

    def _adopt(self, trials: Sequence[FrozenTrial]) -> Assignment | None:
        for trial in trials:
            if not is_in_progress(trial) or (self.spec.only and trial.number not in self.spec.only):
                continue
            directory = self.directory.trial(trial.number)
            set_obstacle_aside(directory.path, "directory")
            make_directory(directory.path)
            lock = self._take(trial, directory)
            if lock is None:
                continue
            assignment = self._begin(trial, trials, directory, lock)
            if assignment is not None:
                return assignment
            lock.release()
        return None

    def _begin(
        self, trial: FrozenTrial, trials: Sequence[FrozenTrial], directory: TrialDirectory, lock: FileLock
    ) -> Assignment | None:
        """Own a trial whose lock is held; None when it ends here instead."""
        attrs = attrs_of(trial)
        assert attrs is not None
        first = by_identity(trials, [attrs.identity])
        if first is not None and first.number < trial.number:
            # A database that broke off may have stored one suggestion twice.
            self.study._storage.set_trial_user_attr(trial._trial_id, DUPLICATE_OF, first.number)
            self.study.tell(trial.number, state=TrialState.FAIL)
            return None
        owner, self.coming = self.coming, new_owner(self.directory, self.worker, self.device)
        plain = self.suggester.compose(attrs.words)
        # What is trained is what its words give, whatever a repaired or older study took it for.
        own = self.spec.fingerprints.identities(plain)
        identity = next((one for one in own if one.configuration == attrs.configuration_hash), own[0])
        if identity != attrs.identity:
            attrs = replace(attrs, configuration_hash=identity.configuration, data=identity.data)
            for key, value in attrs.attributes().items():
                self.study._storage.set_trial_user_attr(trial._trial_id, key, value)
        assignment = Assignment(
            trial.number, trial._trial_id, directory, lock, plain, attrs, owner, identity, notes_of(trial)
        )
        if directory.hung.is_file():
            self._fail(assignment, directory.hung.read_text(encoding="utf-8", errors="replace"))
            return None
        if self._has_died_too_often(trial, assignment):
            return None
        if owner_of(trial) != owner:
            self._own(assignment.trial_id, owner)
        sign(directory, owner)
        return assignment

    def _has_died_too_often(self, trial: FrozenTrial, assignment: Assignment) -> bool:
        """Count the death of the owner before; a new finished epoch starts the count again."""
        directory = assignment.directory
        owner = owner_of(trial)
        is_elsewhere = owner is not None and owner.place != self.place
        if directory.released.is_file():  # its owner was asked to stop, and did
            directory.released.unlink()
            return False
        if owner is not None and owner.is_released:
            return False
        if not directory.config.exists() and not is_elsewhere:  # nobody has begun it
            return False
        heartbeat = heartbeat_of(trial, owner) if owner is not None else None
        epochs = max(
            len(finished_epochs(directory.history, assignment.identity)),
            heartbeat.epoch if heartbeat is not None else 0,
        )
        before = trial.user_attrs.get(DEATHS, {"count": 0, "epochs": 0, "total": 0})
        count = 1 if epochs > before["epochs"] else before["count"] + 1
        deaths = {"count": count, "epochs": epochs, "total": before["total"] + 1}
        self.study._storage.set_trial_user_attr(trial._trial_id, DEATHS, deaths)
        if count <= self.spec.settings.max_retries:
            return False
        self._fail(
            assignment, f"its process died {count} times after epoch {epochs} without finishing another"
        )
        return True

    def _fail(self, assignment: Assignment, reason: str) -> None:
        """End a trial that nobody can train to its end."""
        record = Record(
            sweep=self.spec.name,
            trial=assignment.number,
            state="FAIL",
            reason=reason,
            configuration_hash=assignment.attrs.configuration_hash,
            configuration=assignment.plain,
            overrides=assignment.attrs.words,
            swept=assignment.attrs.swept or {},
            notes=assignment.notes,
            data_fingerprint=assignment.identity.data,
        )
        write_record(record, assignment.directory.path)
        self._tell_replicate(assignment.trial_id, assignment.attrs, record)

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


def commonest_reasons(failed: Sequence[FrozenTrial]) -> str:
    """The reasons of failed trials, the commonest first."""
    reasons = Counter(trial.user_attrs.get(REASON, "unknown reason") for trial in failed)
    if not reasons:
        return ""
    return ":\n" + "\n".join(f"  {count} x {reason}" for reason, count in reasons.most_common(3))
