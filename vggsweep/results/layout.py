"""The directories and files of a sweep: the only place that knows their names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vggsweep.errors import ConfigError, near_match

OUTPUTS = Path("outputs")
SINGLE_RUNS = "runs"


@dataclass(frozen=True)
class TrialDirectory:
    """Where one trial keeps its files.

    Args:
        path: ``outputs/<sweep>/trials/00007``.
    """

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def overrides(self) -> Path:
        return self.path / "overrides.yaml"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def checkpoint(self) -> Path:
        return self.path / "checkpoint.pt"

    @property
    def previous_checkpoint(self) -> Path:
        return self.path / "checkpoint.pt.prev"

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def log(self) -> Path:
        return self.path / "trial.log"

    @property
    def lock(self) -> Path:
        return self.path / "trial.lock"

    @property
    def released(self) -> Path:
        """Left by an owner that was asked to stop: its end was no death."""
        return self.path / "trial.released"

    @property
    def owner(self) -> Path:
        """The token of the worker that may write here; see `vggsweep.sweep.ownership`."""
        return self.path / "trial.owner"

    @property
    def hung(self) -> Path:
        """Left by whoever ended a process that did not answer: why."""
        return self.path / "trial.hung"

    @property
    def files(self) -> tuple[Path, ...]:
        """What a trial writes while it trains."""
        return (
            self.record,
            self.config,
            self.overrides,
            self.history,
            self.checkpoint,
            self.weights,
            self.log,
            self.owner,
            self.released,
            self.hung,
        )

    def superseded(self, pid: int) -> Path:
        """The late result of a worker that had lost the trial."""
        return self.path / f"superseded-{pid}.json"


@dataclass(frozen=True)
class SweepDirectory:
    """Where one sweep keeps its files.

    Args:
        path: ``outputs/<sweep>``.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def study(self) -> Path:
        return self.path / "study.db"

    @property
    def settings(self) -> Path:
        return self.path / "sweep.yaml"

    @property
    def trials(self) -> Path:
        return self.path / "trials"

    @property
    def workers(self) -> Path:
        return self.path / "workers"

    def images(self, host: str) -> Path:
        """Pixels that the workers of one host hold together, while they run."""
        return self.workers / f"{host}.images"

    @property
    def table(self) -> Path:
        return self.path / "table.csv"

    @property
    def front(self) -> Path:
        return self.path / "front.png"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def best(self) -> Path:
        return self.path / "optimization_results.yaml"

    @property
    def files(self) -> tuple[Path, ...]:
        """What a sweep writes beside its study and its trials."""
        return (self.settings, self.table, self.front, self.report, self.best)

    def trial(self, number: int) -> TrialDirectory:
        """The directory of a trial by the study's number; it need not exist."""
        return TrialDirectory(self.trials / f"{number:05d}")


def sweep_directory(name: str) -> SweepDirectory:
    """The directory of a named sweep under the current directory's ``outputs/``."""
    return SweepDirectory((OUTPUTS / name).resolve())


def find_sweep(word: str | None) -> SweepDirectory:
    """The sweep that a person means: a directory, a name under ``outputs/``, or the newest one.

    Raises:
        ConfigError: there is no such sweep; the text names those that are there.
    """
    names = existing_sweeps()
    if word is None:
        if not names:
            raise ConfigError(f"No sweep under {OUTPUTS.resolve()}. Train something first: vggsweep")
        return sweep_directory(max(names, key=lambda name: _last_change(OUTPUTS / name)))
    for path in (Path(word), OUTPUTS / word):
        if (path / "trials").is_dir() or (path / "study.db").is_file():
            return SweepDirectory(path.resolve())
    hint = near_match(word, names) if names else "There are none yet."
    raise ConfigError(f"No sweep {word!r} here or under {OUTPUTS.resolve()}. {hint}")


def existing_sweeps() -> list[str]:
    """Names of the sweeps under ``outputs/``."""
    if not OUTPUTS.is_dir():
        return []
    return sorted(path.name for path in OUTPUTS.iterdir() if (path / "trials").is_dir())


def _last_change(path: Path) -> float:
    """When something was last trained: what a verb writes beside the trials does not count."""
    with os.scandir(path / "trials") as entries:
        times = [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    return max([*times, os.stat(path / "trials").st_mtime])
