"""How a person names a trial: ``quickstart/7``, ``quickstart/best``, or its directory."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from vggsweep.errors import ConfigError, RecordError, near_match
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, existing_sweeps, find_sweep
from vggsweep.results.disk.record import Record, read_record

BEST = "best"
TRIAL_HELP = "SWEEP/7, SWEEP/best (highest val_acc), or the trial's directory"


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
    """The COMPLETE trial with the highest validation accuracy; of equals the one with the fewest MACs.

    Raises:
        ConfigError: no trial of it is COMPLETE.
    """
    best: tuple[tuple[float, float], TrialDirectory] | None = None
    for number in sweep.begun_trials():
        directory = sweep.trial(number)
        try:
            record = read_record(directory.record)
        except RecordError:  # none yet, or damaged
            continue
        if (rank := _rank(record)) is not None and (best is None or rank > best[0]):
            best = rank, directory
    if best is None:
        raise ConfigError(f"No trial of {sweep.name} is COMPLETE yet, so none is the best.")
    return best[1]


def _rank(record: Record) -> tuple[float, float] | None:
    accuracy, macs = record.metrics.get("val_acc"), record.costs.get("macs")
    if record.state != "COMPLETE" or accuracy is None:
        return None
    return accuracy, -macs if macs is not None else float("-inf")


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
