"""How far a sweep is: counts by state, the front so far, time left. Read from the study and the files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial, TrialState

from vggsweep.results.disk.history import finished_epochs
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import readable_record
from vggsweep.results.disk.yaml_text import read_yaml
from vggsweep.results.plain import is_number
from vggsweep.sweep.scheduling.ownership import heartbeat_of, owner_of, place_of
from vggsweep.sweep.spec.extent import Extent, seconds_left
from vggsweep.sweep.storage.file_lock import is_owned
from vggsweep.sweep.storage.trial_attrs import (
    DEATHS,
    attrs_of,
    counted,
    is_duplicate,
    is_in_progress,
    is_infeasible,
    is_ours,
    shown_parameters,
)

# A mean over so many of the latest trials says how long one takes.
TRIALS_TIMED = 100


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
        seconds: since its owner began, or began again; None where its files are not here.
        curve: val_acc after each epoch whose history is here.
    """

    number: int
    worker: str | None
    device: str
    is_owned: bool
    silent_seconds: float | None
    epoch: int
    val_acc: float | None
    swept: dict[str, object]
    seconds: float | None = None
    curve: tuple[float, ...] = ()

    @property
    def worker_words(self) -> str:
        """Who trains it, for people."""
        if not self.is_owned:
            return "none: the same command continues it"
        if self.silent_seconds is None:
            return f"{self.worker}: training now" if self.worker else "training now"
        return f"{self.worker}: heard of {max(0.0, self.silent_seconds):.0f} s ago"


@dataclass(frozen=True)
class SweepProgress:
    """A sweep at one moment.

    Args:
        done: COMPLETE + PRUNED + FAIL, as ``n_trials`` counts.
        total: what ``done`` will be at the end, or None where nothing says.
        counts: trials by state; ``INFEASIBLE`` and ``DUPLICATE`` beside the study's own words.
        retried: trials that outlived the death of an owner.
        running: trials without a result.
        seconds_left: until the end, from the mean time of finished trials; None before the first.
    """

    done: int
    total: int | None
    counts: dict[str, int]
    retried: int
    running: tuple[RunningTrial, ...]
    seconds_left: float | None

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to train."""
        return self.total is not None and self.done >= self.total


class ProgressReader:
    """Reads the progress of one sweep, again and again.

    Args:
        directory: the sweep's.
    """

    def __init__(self, directory: SweepDirectory) -> None:
        self._directory = directory
        self._seconds: dict[int, float | None] = {}

    def read(self, trials: Sequence[FrozenTrial], extent: Extent) -> SweepProgress:
        """The progress by the study's trials and the sweep's files."""
        done = counted(trials)
        total = extent.total(trials)
        running = tuple(running_trial(self._directory, trial) for trial in trials if is_in_progress(trial))
        return SweepProgress(
            done=len(done),
            total=total,
            counts=state_counts(trials),
            retried=sum(DEATHS in trial.user_attrs for trial in trials),
            running=running,
            seconds_left=None if total is None else self._left(done, running, total, extent.n_workers),
        )

    def _left(
        self, done: Sequence[FrozenTrial], running: Sequence[RunningTrial], total: int, workers: int
    ) -> float | None:
        latest = sorted(done, key=lambda trial: trial.number)[-TRIALS_TIMED:]
        timed = [seconds for trial in latest if (seconds := self._seconds_of(trial)) is not None]
        if not timed:
            return None
        begun = [trial.seconds or 0.0 for trial in running if trial.is_owned]
        return seconds_left(total - len(done), sum(timed) / len(timed), begun, workers)

    def _seconds_of(self, trial: FrozenTrial) -> float | None:
        """How long a finished trial was trained; its record is read once.

        The study's own times hold pauses too: of an interrupted trial, and of a replicate, which is there
        before its turn comes.
        """
        if trial.number not in self._seconds:
            seconds = None
            if (record := readable_record(self._directory.trial(trial.number).record)) is not None:
                known = [record.timings.get(name) for name in ("total_seconds", "train_seconds")]
                seconds = max((float(value) for value in known if is_number(value)), default=None)
            if seconds is None and trial.datetime_start and trial.datetime_complete:  # another host's
                seconds = (trial.datetime_complete - trial.datetime_start).total_seconds()
                seconds = seconds if seconds >= 0 else None  # a clock that was set back says nothing
            self._seconds[trial.number] = seconds
        return self._seconds[trial.number]


def state_counts(trials: Sequence[FrozenTrial]) -> dict[str, int]:
    """Trials by the state that people see, in alphabetical order."""
    counts = Counter(state for trial in trials if (state := state_name(trial)) is not None)
    return dict(sorted(counts.items()))


def state_name(trial: FrozenTrial) -> str | None:
    """The state that people see; None for a suggestion that was killed before it had attributes."""
    if is_infeasible(trial):
        return "INFEASIBLE"
    if is_duplicate(trial):
        return "DUPLICATE"
    if not is_ours(trial) and trial.state is not TrialState.WAITING:
        return None
    return trial.state.name


def running_trial(directory: SweepDirectory, trial: FrozenTrial) -> RunningTrial:
    """Look at a trial without a result: who trains it, and how far it is."""
    place = directory.trial(trial.number)
    attrs = attrs_of(trial)
    history = finished_epochs(place.history, None if attrs is None else attrs.identity)
    owner = owner_of(trial)
    heartbeat = heartbeat_of(trial, owner) if owner is not None else None
    is_elsewhere = owner is not None and owner.place != place_of(directory)
    # the files of another host may not be here; its signs of life are
    far = heartbeat if heartbeat is not None and heartbeat.epoch > len(history) else None
    near = history[-1].get("val_acc") if history else None
    silent = time.time() - heartbeat.at if is_elsewhere and heartbeat is not None else None
    is_released = owner is not None and owner.is_released
    return RunningTrial(
        number=trial.number,
        worker=owner.worker if owner is not None else None,
        device=owner.device if owner is not None else _configured_device(place),
        is_owned=not is_released and (is_elsewhere or is_owned(place.lock)),
        silent_seconds=silent,
        epoch=far.epoch if far is not None else len(history),
        val_acc=far.val_acc if far is not None else near,
        swept=shown_parameters(trial),
        seconds=_seconds_since_signed(place),
        curve=tuple(epoch["val_acc"] for epoch in history if "val_acc" in epoch),
    )


def _configured_device(place: TrialDirectory) -> str:
    """The device of a single run, which has no owner in the study."""
    config = read_yaml(place.config)
    return str(config.get("device", "")) if isinstance(config, dict) else ""


def _seconds_since_signed(place: TrialDirectory) -> float | None:
    """Since the owner put its name to the trial, which it does when it begins."""
    try:
        return max(0.0, time.time() - place.owner.stat().st_mtime)
    except OSError:
        return None
