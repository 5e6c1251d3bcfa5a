"""What a logger does, and what it is told of the run, or the whole sweep, that it logs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class LoggedRun:
    """The trial that a logger is told of.

    Args:
        sweep: name of the sweep, by which runs are grouped.
        trial: the study's trial number, the run's name.
        token: sixteen hexadecimal digits that no other run has; a continued trial has them again.
        is_continued: whether the run was begun before.
        directory: the trial's own.
        configuration: resolved values of every setting, nested.
    """

    sweep: str
    trial: int
    token: str
    is_continued: bool
    directory: Path
    configuration: Mapping[str, Any]

    @property
    def outputs(self) -> Path:
        """``outputs/``, which holds the sweep."""
        return self.directory.parents[2]

    def parameters(self) -> dict[str, Any]:
        """The settings that decide the result, under dotted names; no value is nested."""
        nodes = ("sweep", "space", "objective", "logger")
        return _flat({name: node for name, node in self.configuration.items() if name not in nodes})


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Args:
        state: COMPLETE, PRUNED or FAIL; INTERRUPTED where the same command continues it.
        reason: why it was pruned or failed, in one sentence.
        results: the numbers of its record, each under its node: ``costs/macs``, ``metrics/val_acc``.
        files: to keep with the run.
    """

    state: str
    reason: str | None = None
    results: Mapping[str, float] | None = None
    files: Sequence[Path] = ()


class Logger(Protocol):
    """One place where a run is logged; it may raise anything and take its time.

    It is made as the trial begins, and then called in a thread of its own.
    """

    def begin(self, run: LoggedRun) -> int:
        """Open the run, or open it again.

        Returns:
            How many epochs it holds already.
        """
        ...

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Write the figures of one epoch, from 1, each once and in order."""
        ...

    def end(self, ending: Ending) -> None:
        """Write how it ended, and close it."""
        ...


@dataclass(frozen=True)
class LoggedSweep:
    """The sweep that a logger is told of when it ends; once more, under the same token, when it goes on.

    Args:
        sweep: its name.
        token: sixteen hexadecimal digits that no other run has.
        directory: the sweep's own.
        runs: tokens of the runs of its trials.
        notes: what it was, in words: the command, why it ended, its best trial.
        results: trials by state, and the best one's objectives.
        files: the report, the table and the picture of the front, as far as there are such.
    """

    sweep: str
    token: str
    directory: Path
    runs: frozenset[str]
    notes: Mapping[str, str]
    results: Mapping[str, float]
    files: Sequence[Path]

    @property
    def outputs(self) -> Path:
        """``outputs/``, which holds the sweep."""
        return self.directory.parent


@runtime_checkable
class SweepLogger(Protocol):
    """What a logger may do besides: keep the report of a sweep."""

    def end_sweep(self, sweep: LoggedSweep) -> None:
        """Write what the sweep found in a run of its own, in the place of what was written there before.

        It is made for this alone: nothing else of it is called.
        """
        ...


def _flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names, with lists as text.

    >>> _flat({"arch": {"depth": 8, "stages": [[1, 8]]}, "seed": 0})
    {'arch.depth': 8, 'arch.stages': '[[1, 8]]', 'seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in node.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            is_plain = value is None or isinstance(value, (bool, int, float, str))
            found[f"{prefix}{key}"] = value if is_plain else str(value)
    return found
