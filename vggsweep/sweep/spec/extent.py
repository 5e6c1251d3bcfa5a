"""How much a sweep has to do, and how long that takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optuna.trial import FrozenTrial

from vggsweep.results.disk.sweep_file import SavedSpec
from vggsweep.sweep.spec.search_space import SearchSpace, point_key
from vggsweep.sweep.storage.trial_attrs import counted, is_duplicate, is_infeasible, is_ours

# A space of more times `n_trials` is one to search, and nobody means to train all of it.
WHOLE = 10


@dataclass(frozen=True)
class Extent:
    """How much a sweep was told to do.

    Args:
        n_trials: at most; None where nothing says, as for single runs.
        n_workers: that train at the same time.
        replicates: trials per point of the space.
        space_size: points of the space; None when it is endless or not known, and where they are not all.
    """

    n_trials: int | None = None
    n_workers: int = 1
    replicates: int = 1
    space_size: int | None = None

    def most(self, points: int | None) -> int:
        """How many trials there are at most, where so many points can be trained; None for endless ones."""
        assert self.n_trials is not None
        return self.n_trials if points is None else min(self.n_trials, points * self.replicates)

    def remainder(self, trials: Sequence[FrozenTrial] = ()) -> str | None:
        """What tells that `n_trials` ends before the whole space is trained; None where it does not.

        Nor is it told of a space that nobody would train whole.

        >>> Extent(20, replicates=24, space_size=6).remainder()
        'n_trials=20 ends after 20 of up to 144 trials (6 configurations x 24 seeds); n_trials=144 trains all'
        """
        if self.n_trials is None or self.space_size is None or len(counted(trials)) > self.n_trials:
            return None
        points = self.space_size - self._idle_points(trials)
        whole = points * self.replicates
        if not self.n_trials < whole <= WHOLE * self.n_trials:
            return None
        seeds = f" ({points} configurations x {self.replicates} seeds)" * (self.replicates > 1)
        ends = f"n_trials={self.n_trials} ends after {self.n_trials} of up to {whole} trials{seeds}"
        return f"{ends}; n_trials={whole} trains all"

    def total(self, trials: Sequence[FrozenTrial]) -> int | None:
        """How many trials will count when the sweep is done, as far as that is known.

        A point that turned out to be no network, or another one's configuration, is trained never.
        """
        if self.n_trials is None or self.space_size is None:
            return self.n_trials
        if (self.space_size - sum(map(_is_refused, trials))) * self.replicates >= self.n_trials:
            return self.n_trials
        return max(self.most(self.space_size - self._idle_points(trials)), len(counted(trials)))

    def _idle_points(self, trials: Sequence[FrozenTrial]) -> int:
        """Points that are never trained, as far as trials have shown."""
        refused = {point_key(trial.params) for trial in trials if _is_refused(trial)}
        if not refused:
            return 0
        trained = {point_key(trial.params) for trial in trials if is_ours(trial) and not is_duplicate(trial)}
        return len(refused - trained)


def _is_refused(trial: FrozenTrial) -> bool:
    return is_infeasible(trial) or is_duplicate(trial)


def saved_extent(saved: SavedSpec | None, trials: Sequence[FrozenTrial]) -> Extent:
    """Read the extent of a saved sweep, for a process that only looks at it.

    Args:
        saved: its ``sweep.yaml``; None where there is none.
        trials: the study's; they show the space where an earlier release did not count it.
    """
    if saved is None:
        return Extent()
    size = saved.space_size
    if not saved.is_counted and "hook" not in saved.space:
        space = next((trial.distributions for trial in reversed(trials) if trial.distributions), None)
        size = None if space is None else SearchSpace(space).size
    return Extent(saved.n_trials, saved.n_workers, saved.replicates, size)


def seconds_left(trials: int, mean: float, begun: Sequence[float], workers: int) -> float:
    """Time until some trials are done, each worker taking the next when it is free.

    Args:
        trials: without a result, those that are training included.
        mean: seconds that one takes.
        begun: for each that is training, since when.
        workers: that train at the same time.

    >>> seconds_left(6, 10.0, [4.0, 0.0], workers=2), seconds_left(1, 10.0, [4.0], workers=2)
    (30.0, 6.0)
    """
    if trials <= 0:
        return 0.0
    busy = sorted(max(0.0, mean - seconds) for seconds in begun)
    lanes = [0.0] * (workers - len(busy)) + busy
    whole, rest = divmod(max(0, trials - len(busy)), len(lanes))
    return max(lane + mean * (whole + (at < rest)) for at, lane in enumerate(lanes))
