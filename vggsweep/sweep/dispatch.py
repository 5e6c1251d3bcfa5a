"""Who trains what next. All decisions of a sweep are made here, under one lock, one at a time.

    settle    a result that was written but not told is told; a trial that died too often fails
    stop      the total is reached, too many failed, time is up, the space is exhausted
    adopt     a trial that nobody trains gets an owner: one that was interrupted, or one just suggested
    suggest   a new configuration is drawn and becomes a RUNNING trial without an owner

Every step leaves the study and the files in a state from which any other process can go on.
"""

from __future__ import annotations

import random
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import optuna
from filelock import FileLock
from optuna.trial import FrozenTrial, TrialState

from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.identity import configuration_hash
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.history import read_history
from vggsweep.results.layout import TrialDirectory
from vggsweep.results.record import Record, read_record, write_record
from vggsweep.sweep.marks import (
    DEATHS,
    DUPLICATE_OF,
    ENQUEUED,
    INFEASIBLE,
    REASON,
    WAITING,
    Mark,
    by_hash,
    counted,
    is_duplicate,
    is_in_progress,
    mark_of,
    swept_fields,
)
from vggsweep.sweep.objectives import objective_values
from vggsweep.sweep.order import SweepOrder
from vggsweep.sweep.ownership import claim
from vggsweep.sweep.samplers import sampler_name
from vggsweep.sweep.space import MOST_POINTS_WALKED, Params, load_hook
from vggsweep.sweep.storage import drafting
from vggsweep.sweep.study import STATES, add_trial
from vggsweep.trial import drop_checkpoint

# A sampler may repeat itself so often in a row; then a point that nobody has seen is drawn instead.
REPEATS_BEFORE_RANDOM = 3
SUGGESTIONS_PER_TRIAL = 10
VIOLATED = {"constraints:feasible": 1.0}


@dataclass(frozen=True)
class Task:
    """A trial that this process owns until it releases the lock.

    Args:
        number, trial_id: the study's.
        directory: the trial's own, which exists.
        lock: held.
        plain: resolved configuration.
        mark: what the study knows of it.
    """

    number: int
    trial_id: int
    directory: TrialDirectory
    lock: FileLock
    plain: Mapping[str, Any]
    mark: Mark


@dataclass(frozen=True)
class Stop:
    """The sweep ends.

    Args:
        reason: one sentence for a person.
        is_early: whether it ended before it was done.
    """

    reason: str
    is_early: bool


@dataclass(frozen=True)
class Wait:
    """Others train the last trials; one of them may still need a new owner."""


class Dispatcher:
    """Decides for one worker of a sweep.

    Args:
        order: what the sweep was told.
        study: opened with the order's sampler.
    """

    def __init__(self, order: SweepOrder, study: optuna.Study) -> None:
        self.order = order
        self.study = study
        self.directory = order.directory
        self.composer = order.composer()
        self.hook = load_hook(order.space.hook) if order.space.hook else None
        self.directory.workers.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(self.directory.workers / "ask.lock")
        self.repeats = 0
        self._unseen: list[Params] | None = None
        self._last: tuple[tuple[str, ...], dict[str, Any]] | None = None

    def next(self, *, is_time_up: bool = False) -> Task | Stop | Wait:
        """The next trial to train, or why there is none."""
        with self.lock:
            while True:
                trials = self._settle()
                if (stop := self._stop(trials, is_time_up)) is not None:
                    return stop
                if (task := self._adopt(trials)) is not None:
                    return task
                in_progress = sum(map(is_in_progress, trials))
                if len(counted(trials)) + in_progress >= self.order.settings.n_trials:
                    return Wait()
                if (stop := self._suggest(trials)) is not None:
                    return Wait() if in_progress else stop

    def finish(self, task: Task, record: Record) -> None:
        """Tell the study what a record says."""
        if self.order.settings.replicates == 1:
            self._tell(task.trial_id, record, objective_values(self.order.metrics, record))
            return
        with self.lock:
            self._tell_replicate(task.trial_id, task.mark, record)

    # settle

    def _settle(self) -> list[FrozenTrial]:
        trials = self._trials()
        changed = False
        for trial in trials:
            if trial.state is not TrialState.RUNNING:
                continue
            mark = mark_of(trial)
            if mark is None:
                # Killed between asking and marking; under the lock nobody else can be there.
                self.study.tell(trial.number, state=TrialState.FAIL, skip_if_finished=True)
                changed = True
            elif WAITING not in trial.user_attrs and (record := self._untold(trial)) is not None:
                self._tell_replicate(trial._trial_id, mark, record)
                drop_checkpoint(record, self.directory.trial(trial.number))
                changed = True
        return self._trials() if changed else trials

    def _untold(self, trial: FrozenTrial) -> Record | None:
        """The record of a trial whose owner died, or was killed, before it could tell."""
        directory = self.directory.trial(trial.number)
        if not directory.record.exists():
            return None
        lock = claim(directory.lock)
        if lock is None:
            return None
        try:
            return read_record(directory.record)
        except RecordError:
            directory.record.unlink()  # damaged from outside; it is trained again
            return None
        finally:
            lock.release()

    def _tell(self, trial_id: int, record: Record, values: Sequence[float] | None) -> None:
        state = STATES[record.state]
        if state is TrialState.COMPLETE and values is None:
            state = TrialState.FAIL
        if state is TrialState.FAIL:
            self.study._storage.set_trial_user_attr(trial_id, REASON, record.reason or "no objective value")
        self.study.tell(
            record.trial, values if state is TrialState.COMPLETE else None, state=state, skip_if_finished=True
        )

    def _tell_replicate(self, trial_id: int, mark: Mark, record: Record) -> None:
        """A replicate waits for the others of its configuration; then all are told their mean."""
        values = objective_values(self.order.metrics, record)
        if self.order.settings.replicates == 1 or record.state != "COMPLETE" or values is None:
            self._tell(trial_id, record, values)
        else:
            self.study._storage.set_trial_user_attr(trial_id, WAITING, values)
        family = [trial for trial in self._trials() if _first(trial) == mark.first]
        if any(is_in_progress(trial) for trial in family):
            return
        waiting = [trial for trial in family if WAITING in trial.user_attrs]
        columns = zip(*(trial.user_attrs[WAITING] for trial in waiting), strict=True)
        means = [statistics.fmean(column) for column in columns]
        for trial in waiting:
            self.study.tell(trial.number, means, skip_if_finished=True)

    # stop

    def _stop(self, trials: Sequence[FrozenTrial], is_time_up: bool) -> Stop | None:
        settings = self.order.settings
        done = counted(trials)
        failed = [trial for trial in done if trial.state is TrialState.FAIL]
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

    def _adopt(self, trials: Sequence[FrozenTrial]) -> Task | None:
        for trial in trials:
            if not is_in_progress(trial):
                continue
            directory = self.directory.trial(trial.number)
            directory.path.mkdir(parents=True, exist_ok=True)
            lock = claim(directory.lock)
            if lock is None:
                continue
            mark = mark_of(trial)
            assert mark is not None
            plain = self._compose(mark.words)
            task = Task(trial.number, trial._trial_id, directory, lock, plain, mark)
            if not self._has_died_too_often(trial, task):
                return task
            lock.release()
        return None

    def _has_died_too_often(self, trial: FrozenTrial, task: Task) -> bool:
        """Count the death of the owner before; a new finished epoch starts the count again."""
        directory = task.directory
        if not directory.config.exists():  # nobody has begun it
            return False
        if directory.released.exists():  # its owner was asked to stop, and did
            directory.released.unlink()
            return False
        epochs = len(read_history(directory.history))
        before = trial.user_attrs.get(DEATHS, {"count": 0, "epochs": 0, "total": 0})
        count = 1 if epochs > before["epochs"] else before["count"] + 1
        deaths = {"count": count, "epochs": epochs, "total": before["total"] + 1}
        self.study._storage.set_trial_user_attr(trial._trial_id, DEATHS, deaths)
        if count <= self.order.settings.max_retries:
            return False
        reason = f"its process died {count} times after epoch {epochs} without finishing another"
        record = Record(
            sweep=self.order.name,
            trial=task.number,
            state="FAIL",
            reason=reason,
            configuration_hash=task.mark.configuration_hash,
            configuration=task.plain,
            overrides=task.mark.words,
            swept=task.mark.swept or {},
        )
        write_record(record, directory.path)
        self._tell(task.trial_id, record, None)
        return True

    # suggest

    def _suggest(self, trials: Sequence[FrozenTrial]) -> Stop | None:
        """Draw once; what can be trained becomes a RUNNING trial that `_adopt` finds."""
        limit = SUGGESTIONS_PER_TRIAL * self.order.settings.n_trials
        if len(trials) >= limit:
            return Stop(f"{limit} suggestions brought no further new configuration", is_early=True)
        used = {trial.user_attrs[ENQUEUED]["index"] for trial in trials if ENQUEUED in trial.user_attrs}
        for index, item in enumerate(self.order.settings.enqueue or ()):
            if index not in used:
                self._enqueue(item, index, trials)
                return None
        if self._walks_space():
            unseen = self._next_unseen(trials, shuffled=not self._is_small_enough())
            if unseen is None:
                return Stop("the space is exhausted", is_early=False)
            self._place(unseen, {}, trials)
            return None
        if self.repeats >= REPEATS_BEFORE_RANDOM and self._is_walkable():
            unseen = self._next_unseen(trials, shuffled=True)
            if unseen is None:
                return Stop("the space is exhausted", is_early=False)
            self.repeats = 0
            self._place(unseen, {}, trials)
            return None
        self._ask(trials)
        return None

    def _is_small_enough(self) -> bool:
        size = self.order.space.size
        settings = self.order.settings
        return size is not None and size * settings.replicates <= settings.n_trials

    def _is_walkable(self) -> bool:
        size = self.order.space.size
        return size is not None and size <= MOST_POINTS_WALKED

    def _walks_space(self) -> bool:
        return self._is_small_enough() or sampler_name(self.order.sampler) == "grid"

    def _next_unseen(self, trials: Sequence[FrozenTrial], *, shuffled: bool) -> Params | None:
        if self._unseen is None:
            self._unseen = list(self.order.space.points())
            if shuffled:
                random.Random(self.order.seed).shuffle(self._unseen)
        seen = {_point(trial.params) for trial in trials}
        while self._unseen:
            # Taken for good: Optuna stores 8 and 8.0 as one choice, so "seen" may never hold this spelling.
            point = self._unseen.pop(0)
            if _point(point) not in seen:
                return point
        return None

    def _enqueue(self, item: Mapping[str, Any], index: int, trials: Sequence[FrozenTrial]) -> None:
        """A person's baseline: its parameters as given, those left open drawn by the sampler."""
        space = self.order.space
        inside = {key: space.fixed(key, value) for key, value in item.items() if key in space.distributions}
        outside = {key: value for key, value in item.items() if key not in space.distributions}
        own = {ENQUEUED: {"index": index, "outside": outside}}
        if inside.keys() == space.distributions.keys() and self.hook is None:
            self._place(inside, outside, trials, own)
            return
        self.study.enqueue_trial(inside, user_attrs=own)
        self._ask(trials)

    def _ask(self, trials: Sequence[FrozenTrial]) -> None:
        """Ask the sampler; whatever comes of it is written in one transaction."""
        with drafting(self.study) as draft:
            trial = self.study.ask(dict(self.order.space.distributions))
            mark = self._judge(trial, trials)
        if mark is not None:
            # An enqueued trial had its number before.
            first = replace(mark, first=trial.number if draft.number is None else draft.number)
            self._add_replicates(first, trials, trial.params, trial.distributions)

    def _judge(self, trial: optuna.Trial, trials: Sequence[FrozenTrial]) -> Mark | None:
        """Mark a suggestion that is to be trained, or tell it at once."""
        hooked = dict(self.hook(trial)) if self.hook is not None else {}
        params = {name: trial.params[name] for name in self.order.space.distributions}
        outside = {**hooked, **trial.user_attrs.get(ENQUEUED, {}).get("outside", {})}
        words = self._words(params, outside)
        verdict = self._verdict(words, trials)
        swept = swept_fields({**trial.params, **outside})
        if isinstance(verdict, str):
            trial.set_constraint("feasible", 1.0)
            trial.set_user_attr(INFEASIBLE, verdict)
            self.study.tell(trial, state=TrialState.PRUNED)
            self.repeats += 1
        elif isinstance(verdict, FrozenTrial):
            self._tell_again(trial, verdict)
            self.repeats += 1
        else:
            self.repeats = 0
            mark = Mark(configuration_hash(verdict), words, swept)
            for key, value in mark.attributes().items():
                trial.set_user_attr(key, value)
            return mark
        return None

    def _place(
        self,
        params: Params,
        extra: Mapping[str, Any],
        trials: Sequence[FrozenTrial],
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a chosen point, in one transaction."""
        words = self._words(params, extra)
        verdict = self._verdict(words, trials)
        distributions = self.order.space.distributions
        own = dict(attributes or {})
        if isinstance(verdict, str):
            add_trial(
                self.study,
                {**own, INFEASIBLE: verdict},
                state=TrialState.PRUNED,
                params=params,
                distributions=distributions,
                system_attributes=VIOLATED,
            )
            return
        if isinstance(verdict, FrozenTrial):
            add_trial(
                self.study,
                {**own, DUPLICATE_OF: verdict.number},
                state=TrialState.FAIL,
                params=params,
                distributions=distributions,
            )
            return
        mark = Mark(configuration_hash(verdict), words, swept_fields({**params, **extra}), None)
        number = add_trial(
            self.study, {**own, **mark.attributes()}, params=params, distributions=distributions
        )
        first = Mark(mark.configuration_hash, words, mark.swept, number)
        self._add_replicates(first, trials, params, distributions)

    def _add_replicates(
        self, mark: Mark, trials: Sequence[FrozenTrial], params: Mapping[str, Any], distributions: Any
    ) -> None:
        """The same configuration under the next seeds, as far as ``n_trials`` goes."""
        settings = self.order.settings
        room = settings.n_trials - len(counted(trials)) - sum(map(is_in_progress, trials)) - 1
        for offset in range(1, min(settings.replicates, room + 1)):
            words = (*mark.words, f"seed={self.order.seed + offset}")
            plain = self.composer.compose(words)
            twin = Mark(configuration_hash(plain), words, mark.swept, mark.first)
            add_trial(self.study, twin.attributes(), params=params, distributions=distributions)

    def _words(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(self.order.space.words({**params, **extra}))

    def _verdict(
        self, words: Sequence[str], trials: Sequence[FrozenTrial]
    ) -> dict[str, Any] | FrozenTrial | str:
        """The configuration to train, or the trial that it repeats, or why it cannot exist."""
        try:
            plain = self._compose(words)
            check_configuration(read_configuration(plain))
        except ConfigError as error:
            return str(error)
        return by_hash(trials, configuration_hash(plain)) or plain

    def _tell_again(self, trial: optuna.Trial, known: FrozenTrial) -> None:
        """The result of a configuration that was trained before; nothing is trained twice."""
        trial.set_user_attr(DUPLICATE_OF, known.number)
        if known.state is TrialState.COMPLETE:
            self.study.tell(trial, known.values)
        elif known.state is TrialState.PRUNED:
            self.study.tell(trial, state=TrialState.PRUNED)
        else:
            self.study.tell(trial, state=TrialState.FAIL)

    def _compose(self, words: Sequence[str]) -> dict[str, Any]:
        """The configuration of these words; the last one is remembered, as it is asked for twice."""
        key = tuple(words)
        if self._last is None or self._last[0] != key:
            self._last = (key, self.composer.compose(words))
        return self._last[1]

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


def commonest_reasons(failed: Sequence[FrozenTrial]) -> str:
    """The reasons of failed trials, the commonest first."""
    reasons = Counter(trial.user_attrs.get(REASON, "unknown reason") for trial in failed)
    if not reasons:
        return ""
    return ":\n" + "\n".join(f"  {count} x {reason}" for reason, count in reasons.most_common(3))


def _first(trial: FrozenTrial) -> int | None:
    mark = mark_of(trial)
    return None if mark is None or is_duplicate(trial) else mark.first


def _point(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, str(value)) for name, value in params.items()))
