"""Choose the next trial for a worker; `suggest` draws its configuration.

A sweep's decisions are made here, one at a time, under one lock:

    settle    a result that was written but not told is told
    stop      the total is reached, too many failed, time is up, every point of the space is done
    adopt     a trial that no worker trains gets an owner: one that was interrupted, or one just suggested;
              one whose workers died too often fails, and one that an earlier sweep trained gets its result
    suggest   a new configuration is drawn and becomes a RUNNING trial without an owner

Every step leaves the study and the files in a state from which any other process can go on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial

import optuna
from filelock import FileLock
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from vggsweep.configuration.sweep_settings import ParetoSettings
from vggsweep.files import make_directory, set_obstacle_aside
from vggsweep.results.disk.history import finished_epochs
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record, readable_record, write_record
from vggsweep.sweep.pruning.callback import rungs
from vggsweep.sweep.pruning.pareto import recorded_scores
from vggsweep.sweep.scheduling.decisions import Assignment, Stop, TakenOver, Wait
from vggsweep.sweep.scheduling.front import drop_weights_off_front
from vggsweep.sweep.scheduling.ownership import (
    OWNER,
    LeaseMonitor,
    Owner,
    heartbeat_of,
    is_signed_by,
    new_owner,
    owner_of,
    owns,
    place_of,
    sign,
)
from vggsweep.sweep.scheduling.settle import Settler
from vggsweep.sweep.scheduling.suggest import Suggester
from vggsweep.sweep.scheduling.take_over import record_taken_over, write_taken_over
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import EarlierResult
from vggsweep.sweep.storage.file_lock import claim, seize
from vggsweep.sweep.storage.study import database_of, storage_of, write_attrs
from vggsweep.sweep.storage.study_lock import StudyLockLost, study_lock_of
from vggsweep.sweep.storage.trial_attrs import (
    DEATHS,
    DUPLICATE_OF,
    REASON,
    attrs_of,
    counted,
    is_in_progress,
    notes_of,
    of_identity,
    rung_attributes,
)
from vggsweep.trial_directory import keep_late_record


class TrialScheduler:
    """Choose the next trial for one worker of a sweep.

    Args:
        spec: what the sweep was told.
        study: opened with the spec's sampler.
        worker, device: what others are told of this worker.
    """

    def __init__(self, spec: SweepSpec, study: optuna.Study, worker: str = "main", device: str = "") -> None:
        self.spec = spec
        self.study = study
        self.directory = spec.directory
        self.suggester = Suggester(spec, study, lambda: {OWNER: asdict(self.coming)})
        make_directory(self.directory.workers)
        self.settler = Settler(spec, study, self._take)
        self.study_lock = study_lock_of(
            database_of(study), study.study_name, self.directory.workers / "ask.lock"
        )
        self.lease_monitor = LeaseMonitor(spec.settings.lease)
        self._new_owner = partial(new_owner, self.directory, worker, device)
        # of the trial that is begun next; one that is suggested bears it from the first, in one transaction
        self.coming = self._new_owner()
        self.place = place_of(self.directory)
        self._has_looked_for_strays = False

    def next(self, *, is_time_up: bool = False) -> Assignment | TakenOver | Stop | Wait:
        """The next trial to train, or why there is none."""
        while True:
            # else the database restarted, or a process that had lost the lock still wrote
            with suppress(StudyLockLost, UpdateFinishedTrialError), self.study_lock.hold():
                return self._decide(is_time_up=is_time_up)

    def _decide(self, *, is_time_up: bool) -> Assignment | TakenOver | Stop | Wait:
        while True:
            trials = self.settler.settle()
            if not self._has_looked_for_strays:
                self._set_strays_aside(trials)
                self._has_looked_for_strays = True
            self.lease_monitor.look(trials)
            self.study_lock.check()
            done = counted(trials)
            if (stop := self._stop(done, is_time_up)) is not None:
                drop_weights_off_front(self.spec, self.study)  # results of other hosts moved the front too
                return stop
            if (adopted := self._adopt(trials)) is not None:
                return adopted
            in_progress = sum(map(is_in_progress, trials))
            if self.spec.only or len(done) + in_progress >= self.spec.settings.n_trials:
                return Wait()
            if (stop := self.suggester.suggest(trials)) is not None:
                return Wait() if in_progress else stop

    def finish(self, assignment: Assignment, record: Record) -> bool:
        """Tell the study what a record says.

        Returns:
            Whether it counts. Otherwise another worker had taken the trial over: the record is set aside.
        """
        while True:
            with suppress(StudyLockLost), self.study_lock.hold():
                if not self._is_owner(assignment):
                    keep_late_record(record, assignment.directory)
                    if is_signed_by(assignment.directory, assignment.owner):  # the other's lies elsewhere
                        assignment.directory.record.unlink(missing_ok=True)
                    return False
                self.settler.tell(assignment.trial_id, assignment.attrs, record)
                return True

    def release(self, assignment: Assignment) -> None:
        """Give an unfinished trial up: its end here was no death, and anybody may go on with it."""
        with suppress(OSError):  # a full disk may be why
            assignment.directory.released.touch()
        if self._is_owner(assignment):
            self._own(assignment.trial_id, replace(assignment.owner, is_released=True))

    def _set_strays_aside(self, trials: Sequence[FrozenTrial]) -> None:
        """Results that this host wrote and never told, of trials that another host has taken over since."""
        for trial in trials:
            owner, directory = owner_of(trial), self.directory.trial(trial.number)
            is_here = owner is None or owner.place == self.place or is_signed_by(directory, owner)
            # Without a token nothing says that the files are another owner's: they were copied or moved.
            if not is_here and directory.owner.exists() and directory.record.exists():
                if (record := readable_record(directory.record)) is not None:
                    keep_late_record(record, directory)
                directory.record.unlink()

    def _is_owner(self, assignment: Assignment) -> bool:
        return owns(assignment.owner, storage_of(self.study).get_trial(assignment.trial_id))

    def _own(self, trial_id: int, owner: Owner) -> None:
        storage_of(self.study).set_trial_user_attr(trial_id, OWNER, asdict(owner))

    # stop

    def _stop(self, done: Sequence[FrozenTrial], is_time_up: bool) -> Stop | None:
        settings = self.spec.settings
        over = Stop(f"sweep.timeout={settings.timeout:g} s is over", is_early=True) if is_time_up else None
        failed = [trial for trial in done if trial.state is TrialState.FAIL]
        if self.spec.only:
            left = set(self.spec.only) - {trial.number for trial in done}
            again = [trial for trial in failed if trial.number in self.spec.only]
            if not left:
                is_early = len(again) == len(self.spec.only)
                return Stop(
                    f"{len(self.spec.only)} trials were trained again{commonest_reasons(again)}", is_early
                )
            return over
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
        return over

    # adopt

    def _take(self, trial: FrozenTrial, directory: TrialDirectory) -> FileLock | None:
        """The lock of a trial that nobody trains, or whose owner gave no sign of life for a lease."""
        owner = owner_of(trial)
        # Only who shares the owner's files can ask the lock, which knows of a death at once.
        if owner is None or owner.is_released or owner.place == self.place:
            lock = claim(directory.lock)
            if lock is not None or owner is None:
                return lock
        return seize(directory.lock) if self.lease_monitor.is_silent(owner) else None

    def _adopt(self, trials: Sequence[FrozenTrial]) -> Assignment | TakenOver | None:
        for trial in trials:
            if not is_in_progress(trial) or (self.spec.only and trial.number not in self.spec.only):
                continue
            directory = self.directory.trial(trial.number)
            set_obstacle_aside(directory.path, "directory")
            make_directory(directory.path)
            lock = self._take(trial, directory)
            if lock is None:
                continue
            begun = self._begin(trial, trials, directory, lock)
            if not isinstance(begun, Assignment):
                lock.release()
            if begun is not None:
                return begun
        return None

    def _begin(
        self, trial: FrozenTrial, trials: Sequence[FrozenTrial], directory: TrialDirectory, lock: FileLock
    ) -> Assignment | TakenOver | None:
        """Own a trial whose lock is held; another answer when it ends here instead."""
        attrs = attrs_of(trial)
        assert attrs is not None
        first = next(of_identity(trials, [attrs.identity]), None)
        if first is not None and first.number < trial.number:
            # A database that broke off may have stored one suggestion twice.
            storage_of(self.study).set_trial_user_attr(trial._trial_id, DUPLICATE_OF, first.number)
            self.study.tell(trial.number, state=TrialState.FAIL)
            return None
        owner, self.coming = self.coming, self._new_owner()
        plain = self.suggester.compose(attrs.words)
        # What is trained is what its words give, whatever a repaired or older study took it for.
        own = self.spec.fingerprints.identities(plain)
        identity = next((one for one in own if one.configuration == attrs.configuration_hash), own[0])
        if identity != attrs.identity:
            attrs = replace(attrs, configuration_hash=identity.configuration, data=identity.data)
            write_attrs(self.study, trial, attrs)
        assignment = Assignment(
            trial.number, trial._trial_id, directory, lock, plain, attrs, owner, identity, notes_of(trial)
        )
        if directory.hung.is_file():
            self._fail(assignment, directory.hung.read_text(encoding="utf-8", errors="replace"))
            return None
        if (taken_over := self._take_over(assignment)) is not None:
            return taken_over
        if self._has_died_too_often(trial, assignment):
            return None
        if owner_of(trial) != owner:
            self._own(assignment.trial_id, owner)
        sign(directory, owner)
        return assignment

    def _take_over(self, assignment: Assignment) -> TakenOver | None:
        """Give a trial the result that an earlier sweep has; None where it has to be trained.

        The record is written last: a kill before it leaves a trial that is begun again, here or elsewhere,
        and after it one whose result is told like any other.
        """
        directory, plain = assignment.directory, assignment.plain
        is_begun = directory.checkpoint.exists() or directory.previous_checkpoint.exists()
        if is_begun or self.spec.only:  # what was begun goes on; what is to be trained again is
            return None
        found = self.suggester.warm_start.result_of(plain, self.spec.metrics)
        if found is None:
            return None
        record = record_taken_over(found, self.spec, assignment)
        self._tell_rungs(assignment, found)
        if not write_taken_over(record, found, directory):
            return None
        self.settler.tell(assignment.trial_id, assignment.attrs, record)
        return TakenOver(record)

    def _tell_rungs(self, assignment: Assignment, found: EarlierResult) -> None:
        """Let the pruner compare later trials with what an earlier one reached, where that was recorded."""
        pruner, storage = self.spec.pruner, storage_of(self.study)
        looked_at = rungs(pruner, assignment.plain["train"]["epochs"])
        recorded = recorded_scores(found.directory.history, found.record.identity)
        scores = {epoch: score for epoch, score in recorded.items() if epoch in looked_at}
        if isinstance(pruner, ParetoSettings):
            for key, rung in rung_attributes(scores, found.record).items():
                storage.set_trial_user_attr(assignment.trial_id, key, rung)
        else:
            for epoch, score in scores.items():
                storage.set_trial_intermediate_value(assignment.trial_id, epoch, score)

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
        epochs = len(finished_epochs(directory.history, assignment.identity))
        epochs = max(epochs, heartbeat.epoch if heartbeat is not None else 0)
        before = trial.user_attrs.get(DEATHS, {"count": 0, "epochs": 0, "total": 0})
        count = 1 if epochs > before["epochs"] else before["count"] + 1
        deaths = {"count": count, "epochs": epochs, "total": before["total"] + 1}
        storage_of(self.study).set_trial_user_attr(trial._trial_id, DEATHS, deaths)
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
        self.settler.tell(assignment.trial_id, assignment.attrs, record)


def commonest_reasons(failed: Sequence[FrozenTrial]) -> str:
    """The reasons of failed trials, the commonest first."""
    reasons = Counter(trial.user_attrs.get(REASON, "unknown reason") for trial in failed)
    if not reasons:
        return ""
    return ":\n" + "\n".join(f"  {count} x {reason}" for reason, count in reasons.most_common(3))
