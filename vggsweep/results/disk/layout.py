"""The directories and files of a sweep, by name."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from vggsweep.errors import ConfigError, near_match

OUTPUTS = Path("outputs")
SINGLE_RUNS = "runs"
RETRAINED = "retrained"
OPENINGS = "test_openings.jsonl"


# A directory of a higher number than so many, and a hundred times the directories there are, is no trial's.
LARGEST_GAP = 1000


class _File:
    """A file or folder of a directory, by its fixed name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, directory: TrialDirectory | SweepDirectory, kind: object = None) -> Path:
        return directory.path / self.name


@dataclass(frozen=True)
class TrialDirectory:
    """Where one trial keeps its files.

    Args:
        path: ``outputs/<sweep>/trials/00007``.
    """

    path: Path

    record = _File("record.json")
    config = _File("config.yaml")
    overrides = _File("overrides.yaml")
    history = _File("history.csv")
    # which validation images its network got right
    answers = _File("answers.json")
    checkpoint = _File("checkpoint.pt")
    previous_checkpoint = _File("checkpoint.pt.prev")
    weights = _File("model.safetensors")
    # accuracy on the test set, where `vggsweep evaluate` opened it
    test = _File("test.json")
    log = _File("trial.log")
    lock = _File("trial.lock")
    # held together by the processes of train.nproc, while they run
    pixels = _File("pixels")
    # the token of the worker that may write here; see `vggsweep.sweep.scheduling.ownership`
    owner = _File("trial.owner")
    # by which loggers know its run again, where any is chosen
    run = _File("trial.run")
    # left by an owner that was asked to stop: its end was no death
    released = _File("trial.released")
    # left by whoever ended a process that did not answer: why
    hung = _File("trial.hung")

    @property
    def files(self) -> tuple[Path, ...]:
        """What a trial writes while it trains."""
        signs = (self.owner, self.run, self.released, self.hung)
        written = (self.record, self.config, self.overrides, self.history, self.answers)
        return (*written, self.checkpoint, self.weights, self.log, *signs)

    @property
    def is_begun(self) -> bool:
        """Whether it has a record, or a configuration that somebody began to train."""
        return self.record.is_file() or self.config.is_file()

    @property
    def sweep(self) -> SweepDirectory | None:
        """The sweep that it lies in, itself or as a trial's ``retrained/``; None for a copy elsewhere."""
        own = self.path.parent if self.path.name == RETRAINED else self.path
        is_inside = own.parent.name == "trials" and own.name.isdecimal()
        return SweepDirectory(own.parent.parent) if is_inside else None

    @property
    def openings(self) -> Path:
        """The log of looks at the test set: the sweep's, or its own where it lies in none."""
        return (self.sweep or self).path / OPENINGS

    @property
    def address(self) -> str:
        """How a person names it: ``quickstart/7`` below the current directory's outputs/, else its path."""
        sweep = self.sweep
        is_own = self.path.name != RETRAINED
        if sweep is not None and is_own and sweep.path.parent.resolve() == OUTPUTS.resolve():
            return f"{sweep.name}/{int(self.path.name)}"
        return str(self.path)

    @property
    def retrained(self) -> TrialDirectory:
        """Where the same configuration is trained once more for its weights; it need not exist."""
        return TrialDirectory(self.path / RETRAINED)

    def superseded(self, token: str) -> Path:
        """The late result of a worker that had lost the trial."""
        return self.path / f"superseded-{token}.json"


@dataclass(frozen=True)
class SweepDirectory:
    """Where one sweep keeps its files.

    Args:
        path: ``outputs/<sweep>``.
    """

    path: Path

    study = _File("study.db")
    settings = _File("sweep.yaml")
    trials = _File("trials")
    workers = _File("workers")
    # of jobs that were queued by commands that did not wait for them
    jobs = _File("workers/jobs.txt")
    table = _File("table.csv")
    front = _File("front.png")
    report = _File("report.html")
    best = _File("optimization_results.yaml")
    # by which loggers know the run of its report again, where any is chosen
    run = _File("sweep.run")
    openings = _File(OPENINGS)
    # its networks timed anew by `vggsweep measure`
    measurements = _File("measurements.jsonl")

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def files(self) -> tuple[Path, ...]:
        """What a sweep writes beside its study and its trials."""
        return (self.settings, self.run, self.measurements, *self.closing_files)

    @property
    def closing_files(self) -> tuple[Path, ...]:
        """What tells of all its trials when a sweep has ended."""
        return (self.table, self.front, self.report, self.best)

    def images(self, host: str) -> Path:
        """Pixels that the workers of one host hold together, while they run."""
        return self.workers / f"{host}.images"

    def trial(self, number: int) -> TrialDirectory:
        """The directory of a trial by the study's number; it need not exist."""
        return TrialDirectory(self.trials / f"{number:05d}")

    def begun_trials(self) -> list[int]:
        """Numbers of the trials that have a record or have been begun, in order."""
        try:
            with os.scandir(self.trials) as entries:
                names = [entry.name for entry in entries if entry.name.isdecimal() and entry.name.isascii()]
        except (FileNotFoundError, NotADirectoryError):
            return []
        most = LARGEST_GAP + 100 * len(names)
        numbers = [int(name) for name in names if len(name) < 10 and name == f"{int(name):05d}"]
        return sorted(number for number in numbers if number < most and self.trial(number).is_begun)


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
