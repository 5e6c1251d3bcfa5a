"""How a person names a trial: ``quickstart/7``, ``quickstart/best``, or its directory."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from vggsweep.errors import ConfigError, near_match
from vggsweep.results.disk.best import ranked_configurations
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, existing_sweeps, find_sweep

BEST = "best"
TRIAL_HELP = "SWEEP/7, SWEEP/best (highest accuracy, seeds averaged), or the trial's directory"


def find_trial(address: str) -> TrialDirectory:
    """The trial that a person means.

    Args:
        address: ``SWEEP/NUMBER`` or ``SWEEP/best``, where SWEEP is a name under ``outputs/`` or a directory;
            or the trial's own directory.

    Returns:
        Its directory, which exists.

    Raises:
        ConfigError: there is no such sweep or trial; the text names those that are there.
    """
    own = Path(address)
    if _is_trial(own):
        return TrialDirectory(own.resolve())
    sweep_word, _, trial_word = address.rstrip("/").rpartition("/")
    if _is_sweep(address):
        shown = shlex.quote(address.rstrip("/"))
        raise ConfigError(f"{address!r} is a whole sweep. Name one of its trials, such as {shown}/{BEST}.")
    if not sweep_word:
        newest = (existing_sweeps() or ["SWEEP"])[0]
        hint = near_match(address, existing_sweeps()) if existing_sweeps() else "There is no sweep yet."
        raise ConfigError(
            f"{address!r} names no trial. A trial is written SWEEP/NUMBER or SWEEP/{BEST}, such as "
            f"{shlex.quote(newest)}/{BEST}. {hint}"
        )
    sweep = find_sweep(sweep_word.removesuffix("/trials"))
    if trial_word == BEST:
        return best_trial(sweep)
    numbers = sweep.begun_trials()
    there = f"It has {ranges(numbers)}." if numbers else "It has none yet."
    if not (trial_word.isascii() and trial_word.isdecimal()):
        raise ConfigError(
            f"{trial_word!r} is no trial of {sweep.name}: trials are named by number, or as {BEST}. {there}"
        )
    directory = sweep.trial(int(trial_word))
    if not directory.path.is_dir():
        raise ConfigError(f"{sweep.name} has no trial {int(trial_word)}. {there}")
    return directory


def best_trial(sweep: SweepDirectory) -> TrialDirectory:
    """The first trial of the configuration with the highest accuracy, seeds averaged.

    Of equals it is that with the fewest MACs; where each network's learning rate was searched, those at their
    own rate are compared, as `vggsweep.results.disk.best` has it.

    Raises:
        ConfigError: no trial of it is COMPLETE.
    """
    ranked = ranked_configurations(sweep)
    if not ranked:
        raise ConfigError(f"No trial of {sweep.name} is COMPLETE yet, so none is the best.")
    return sweep.trial(ranked[0].trials[0])


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in few words.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0 to 2, 5, 7, 8'
    """
    starts = [0, *(at for at, (low, high) in enumerate(pairwise(numbers), 1) if high != low + 1)]
    parts = [numbers[start:end] for start, end in pairwise([*starts, len(numbers)])]
    texts = (
        f"{part[0]} to {part[-1]}" if len(part) > 2 else ", ".join(map(str, part)) for part in parts if part
    )
    return ", ".join(texts)


def _is_trial(path: Path) -> bool:
    directory = TrialDirectory(path)
    return directory.is_begun and not _is_sweep(str(path))


def _is_sweep(word: str) -> bool:
    try:
        find_sweep(word)
    except ConfigError:
        return False
    return True
