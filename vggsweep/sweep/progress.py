"""How far a sweep is: counts by state, the front so far, time left. Read from the study and the files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.history import read_history
from vggsweep.results.layout import SweepDirectory
from vggsweep.sweep.locks import is_owned
from vggsweep.sweep.marks import (
    DEATHS,
    counted,
    is_duplicate,
    is_in_progress,
    is_infeasible,
    is_marked,
    mark_of,
)
from vggsweep.sweep.ownership import beat_of, owner_of, place_of


@dataclass(frozen=True)
class RunningTrial:
    """A trial without a result.

    Args:
        number: the study's.
        worker: who trains it, or did; None before anybody began.
        device: where.
        is_owned: whether a living process trains it: by its lock on this host, by its last sign of life
            on another.
        silent_seconds: since that sign, by the owner's clock; None where the lock knows.
        epoch: last finished epoch.
        val_acc: after that epoch, or None.
        swept: its parameters.
    """

    number: int
    worker: str | None
    device: str
    is_owned: bool
    silent_seconds: float | None
    epoch: int
    val_acc: float | None
    swept: dict[str, object]

    @property
    def worker_words(self) -> str:
        """Who trains it, for people."""
        if not self.is_owned:
            return "none: the same command continues it"
        if self.silent_seconds is None:
            return f"{self.worker}: training now"
        return f"{self.worker}: heard of {max(0.0, self.silent_seconds):.0f} s ago"


@dataclass(frozen=True)
class SweepProgress:
    """A sweep at one moment.

    Args:
        done: COMPLETE + PRUNED + FAIL, as ``n_trials`` counts.
        counts: trials by state; ``INFEASIBLE`` and ``DUPLICATE`` beside the study's own words.
        retried: trials that outlived the death of an owner.
        running: trials without a result.
        seconds_a_trial: mean wall time of finished trials, or None.
    """

    done: int
    counts: dict[str, int]
    retried: int
    running: tuple[RunningTrial, ...]
    seconds_a_trial: float | None


def read_progress(directory: SweepDirectory, trials: Sequence[FrozenTrial]) -> SweepProgress:
    """The progress of a sweep from its study's trials and its files."""
    counts = Counter(state for trial in trials if (state := state_name(trial)) is not None)
    done = counted(trials)
    finished = [trial for trial in done if trial.datetime_start and trial.datetime_complete]
    seconds = [(t.datetime_complete - t.datetime_start).total_seconds() for t in finished]  # type: ignore[operator]
    return SweepProgress(
        done=len(done),
        counts=dict(counts),
        retried=sum(DEATHS in trial.user_attrs for trial in trials),
        running=tuple(_running(directory, trial) for trial in trials if is_in_progress(trial)),
        seconds_a_trial=sum(seconds) / len(seconds) if seconds else None,
    )


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """The best trial, or those that none dominates; empty where none completed.

    Replicates, which share their value, are there as one: the first that completed.
    """
    complete = counted(study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)))
    firsts: dict[int | None, int] = {}
    for trial in complete:
        mark = mark_of(trial)
        assert mark is not None, "only marked trials are counted"
        firsts.setdefault(mark.first, trial.number)
    if not firsts:
        return []
    numbers = set(firsts.values())
    return [trial for trial in study.best_trials if trial.number in numbers]


def state_name(trial: FrozenTrial) -> str | None:
    """The state that people see; None for a suggestion that was killed before it was marked."""
    if is_infeasible(trial):
        return "INFEASIBLE"
    if is_duplicate(trial):
        return "DUPLICATE"
    if not is_marked(trial) and trial.state is not TrialState.WAITING:
        return None
    return trial.state.name


def _running(directory: SweepDirectory, trial: FrozenTrial) -> RunningTrial:
    place = directory.trial(trial.number)
    mark = mark_of(trial)
    history = read_history(place.history, None if mark is None else mark.identity)
    owner = owner_of(trial)
    beat = beat_of(trial, owner) if owner is not None else None
    is_elsewhere = owner is not None and owner.place != place_of(directory)
    # the files of another host may not be here; its signs of life are
    far = beat if beat is not None and beat.epoch > len(history) else None
    near = history[-1]["val_acc"] if history else None
    silent = time.time() - beat.at if is_elsewhere and beat is not None else None
    is_released = owner is not None and owner.is_released
    return RunningTrial(
        number=trial.number,
        worker=owner.worker if owner is not None else None,
        device=owner.device if owner is not None else "",
        is_owned=not is_released and (is_elsewhere or is_owned(place.lock)),
        silent_seconds=silent,
        epoch=far.epoch if far is not None else len(history),
        val_acc=far.val_acc if far is not None else near,
        swept=dict(mark.swept or {}) if mark is not None else {},
    )
