"""The sweeps and trials that the words of a line name: ``quickstart``, ``quickstart/7``, or directories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vggsweep.errors import ConfigError
from vggsweep.results.disk.address import BEST, find_trial
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, find_sweep

CHOICE_HELP = "sweep (directory or name under outputs/), or a trial of one: SWEEP/7, SWEEP/best"


@dataclass(frozen=True)
class Choice:
    """What the words name.

    Args:
        sweeps: every sweep of which something was named, once.
        trials: for a sweep of which single trials were named, by its path: their numbers.
    """

    sweeps: tuple[SweepDirectory, ...]
    trials: Mapping[Path, frozenset[int]]

    @property
    def single(self) -> TrialDirectory | None:
        """The one trial that was named; None for several, and for a whole sweep."""
        if len(self.sweeps) != 1:
            return None
        numbers = self.trials.get(self.sweeps[0].path, frozenset())
        return self.sweeps[0].trial(*numbers) if len(numbers) == 1 else None

    def numbers(self, sweep: SweepDirectory) -> list[int]:
        """The trials that were named of a sweep; all that are begun where it was named as a whole."""
        named = self.trials.get(sweep.path)
        return sweep.begun_trials() if named is None else sorted(named)

    def keeps(self, row: Mapping[str, Any]) -> bool:
        """Whether a row of the results table was named, by its ``dir``."""
        if not self.trials:  # as nearly always; a path for each row takes time
            return True
        place = Path(str(row.get("dir")))
        named = self.trials.get(place.parent.parent)
        return named is None or int(place.name) in named


def choose(words: Sequence[str | None]) -> Choice:
    """Find what the words name.

    Args:
        words: sweeps and trials; None, or no word, for the newest sweep.

    Raises:
        ConfigError: there is no such sweep or trial.
    """
    sweeps: dict[Path, SweepDirectory] = {}
    trials: dict[Path, frozenset[int]] = {}
    whole = set()
    for word in words or [None]:
        found = find_place(word)
        sweep = found if isinstance(found, SweepDirectory) else sweep_of(found)
        sweeps[sweep.path] = sweep
        if isinstance(found, SweepDirectory):
            whole.add(sweep.path)
        else:
            trials[sweep.path] = trials.get(sweep.path, frozenset()) | {number_of(found)}
    return Choice(tuple(sweeps.values()), {path: n for path, n in trials.items() if path not in whole})


def find_place(word: str | None) -> SweepDirectory | TrialDirectory:
    """The sweep or the trial that a word names; None is the newest sweep.

    Raises:
        ConfigError: there is none.
    """
    if word is None or not names_trial(word):
        return find_sweep(word)
    return find_trial(word)


def names_trial(word: str) -> bool:
    """Whether a word is written as a trial's address; there need not be one.

    >>> names_trial("quickstart/7"), names_trial("quickstart/best"), names_trial("quickstart")
    (True, True, False)
    """
    try:
        find_sweep(word)
    except ConfigError:
        parent, _, last = word.rstrip("/").rpartition("/")
        is_name = last == BEST or (last.isascii() and last.isdecimal())
        return (bool(parent) and is_name) or TrialDirectory(Path(word)).is_begun
    return False


def find_whole_sweep(word: str | None, why: str) -> SweepDirectory:
    """The sweep that a word names, for a verb that makes no sense for one trial.

    Args:
        word: None for the newest.
        why: a sentence that says so.

    Raises:
        ConfigError: there is no such sweep, or the word names a trial.
    """
    found = find_place(word)
    if isinstance(found, TrialDirectory):
        raise ConfigError(f"{word} is one trial. {why}")
    return found


def sweep_of(trial: TrialDirectory) -> SweepDirectory:
    """The sweep in whose directory a trial lies."""
    return SweepDirectory(trial.path.parent.parent)


def number_of(trial: TrialDirectory) -> int:
    """A trial's number, by its directory's name.

    Raises:
        ConfigError: the directory is no trial's of a sweep.
    """
    name = trial.path.name
    if not (name.isascii() and name.isdecimal() and trial.path.parent.name == "trials"):
        raise ConfigError(
            f"{trial.path} does not lie among the trials of a sweep, so it has no number there."
        )
    return int(name)
