"""Sweeps to which people did things: deleted, cut, copied, renamed, swapped; no trial takes another's result.

Every training here is real and tiny. A history is a row of moves drawn at random; after each command every
record that counts is held against the network that its trial was to train, trained by itself.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from tests.conftest import TINY
from tests.orders import read_spec
from vggsweep.configuration.belonging import Fingerprints
from vggsweep.errors import Interrupted, VggsweepError
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.continuation import check_same_sweep, join_study
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.scheduling.scheduler import TrialScheduler
from vggsweep.sweep.single_run import train_one
from vggsweep.sweep.spec.composer import Composer
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.study import open_study, storage_of
from vggsweep.sweep.storage.trial_attrs import attrs_of, is_duplicate
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult
from vggsweep.trial import TrialSpec, run_trial
from vggsweep.verbs.repair import run as repair

PICTURES = (
    "dataset=image_folder",
    "dataset.resolution=8",
    "dataset.limit=null",
    "arch.num_blocks=1",
    "train.batch_size=4",
    "train.epochs=2",
    "train.threads=1",
    "train.precision=fp32",
    "arch.depth=1",
    "arch.width=2",
)
# Two of each, so that equal shapes meet different settings.
SPACES = ("optimizer.lr=0.01,0.1", "optimizer.lr=0.03,0.3", "arch.width=2,3")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def pictures(folder: Path, names: str, seed: int) -> Path:
    drawn = np.random.default_rng(seed)
    for label, name in enumerate(names.split()):
        (folder / name).mkdir(parents=True)
        for number in range(6):
            pixels = drawn.integers(0, 100, (8, 8, 3)) + 100 * label
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


class QuickOrder(SweepSpec):
    """An order whose configurations are composed by Hydra once for all histories."""

    composers: ClassVar[dict[tuple[str, ...], Composer]] = {}

    @property
    def composer(self) -> Composer:  # type: ignore[override]
        return self.composers.setdefault(self.fixed, Composer(self.fixed))


@dataclass
class Ground:
    """What all histories share: pictures, what was composed, and what each training should have brought.

    Args:
        folder: for the pictures, and for trainings that nobody disturbs.
    """

    folder: Path
    orders: dict[tuple[str, Path], SweepSpec] = field(default_factory=dict)
    runs: dict[tuple[str, Path], dict[str, Any]] = field(default_factory=dict)
    truth: dict[tuple[str, str | None], float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.roots = [
            pictures(self.folder / "A", "cats dogs", 1),
            pictures(self.folder / "B", "cars ships", 2),
        ]

    def words(self, root: Path) -> tuple[str, ...]:
        kept = [word for word in TINY if not word.startswith(("arch.", "dataset.", "train."))]
        return (*kept, *PICTURES, f"dataset.root={root}")

    def spec(self, space: str, root: Path, name: str) -> SweepSpec:
        if (space, root) not in self.orders:
            swept = space.partition("=")[0]
            words = [word for word in self.words(root) if not word.startswith(f"{swept}=")]
            spec = read_spec(
                [*words, space, "sweep.name=any", "sweep.max_failures=1"],
                extra_dir=None,
                config_name="config",
                command="vggsweep -m …",
            )
            self.orders[space, root] = QuickOrder(
                **{one.name: getattr(spec, one.name) for one in fields(spec)}
            )
        spec = self.orders[space, root]
        directory = sweep_directory(name)
        return replace(spec, name=name, root=directory.path, fingerprints=Fingerprints())

    def run(self, word: str, root: Path) -> dict[str, Any]:
        if (word, root) not in self.runs:
            self.runs[word, root] = Composer(self.words(root)).compose([word])
        return self.runs[word, root]


class World:
    """A person at work in one folder.

    Args:
        draw: decides what the person does.
        ground: what other persons share.
    """

    def __init__(self, draw: random.Random, ground: Ground) -> None:
        self.draw = draw
        self.ground = ground
        self.said: list[str] = []

    # what a person types

    def sweep(self, name: str, space: str, root: Path, stops_after: int | None) -> None:
        self.said.append(f"-m {space} {root.name} {name} {stops_after}")
        try:
            spec = self.ground.spec(space, root, name)
            check_same_sweep(spec)
            spec.directory.trials.mkdir(parents=True, exist_ok=True)
            join_study(spec)
            save_spec(spec)
            self.work(spec, stops_after)
        except VggsweepError as error:
            self.said.append(f"  refused: {error}")
            return
        self.check(spec.directory, spec)

    def work(self, spec: SweepSpec, stops_after: int | None) -> None:
        study = open_study(spec.directory, directions=[metric.direction for metric in spec.metrics])
        scheduler = TrialScheduler(spec, study)
        try:
            while isinstance(step := scheduler.next(), Assignment):
                try:
                    record = self.train(spec, step, stops_after)
                except Interrupted:
                    if self.draw.random() < 0.5:
                        scheduler.release(step)
                    return
                finally:
                    step.lock.release()
                scheduler.finish(step, record)
                stops_after = None if stops_after is None else stops_after - 1
        finally:
            storage_of(study).close()

    def train(self, spec: SweepSpec, assignment: Assignment, stops_after: int | None) -> Record:
        def stop(result: EpochResult, _val_images: int) -> None:
            if stops_after == 0:
                raise Interrupted

        assignment = TrialSpec(
            assignment.directory.path.parents[1].name,
            assignment.number,
            assignment.directory,
            assignment.plain,
            [*spec.fixed, *assignment.attrs.words],
            assignment.attrs.swept,
            assignment.identity,
            assignment.notes,
        )
        console = Console(file=StringIO())
        record = run_trial(assignment, stop=StopRequest(), console=console, on_epoch=stop)
        if stops_after == 1 and self.draw.random() < 0.3:
            raise Interrupted  # killed between writing and telling
        return record

    def single(self, name: str, root: Path) -> None:
        word = self.draw.choice(["optimizer.lr=0.01", "optimizer.lr=0.3", "arch.width=3"])
        self.said.append(f"{word} {root.name} {name}")
        plain = self.ground.run(word, root)
        plain = {**plain, "sweep": {**plain["sweep"], "name": name}}
        try:
            record, directory = train_one(plain, [word], stop=StopRequest(), console=Console(file=StringIO()))
        except VggsweepError as error:
            self.said.append(f"  refused: {error}")
            return
        assert record.configuration_hash == Fingerprints().identity(plain).configuration, self.said
        self.check_record(record, directory)

    # what happens to files

    def damage(self) -> None:
        sweeps = sorted(Path("outputs").iterdir()) if Path("outputs").is_dir() else []
        if not sweeps:
            return
        sweep = self.draw.choice(sweeps)
        trials = sorted((sweep / "trials").iterdir()) if (sweep / "trials").is_dir() else []
        move = self.draw.choice(
            [
                self.delete,
                self.cut,
                self.copy_trial,
                self.swap,
                self.rename,
                self.copy_sweep,
                self.lose_study,
                self.change_a_picture,
                self.repair,
            ]
        )
        self.said.append(f"{move.__name__} {sweep.name}")
        move(sweep, trials)

    def delete(self, sweep: Path, trials: list[Path]) -> None:
        if file := self.any_file(trials):
            file.unlink()

    def cut(self, sweep: Path, trials: list[Path]) -> None:
        if file := self.any_file(trials):
            file.write_bytes(file.read_bytes()[: self.draw.randrange(1 + file.stat().st_size)])

    def copy_trial(self, sweep: Path, trials: list[Path]) -> None:
        """One file, or all, of a trial into the place of another, of this sweep or of another."""
        others = sorted(Path("outputs").glob("*/trials/*"))
        if trials and len(others) > 1:
            target = self.draw.choice([*trials, sweep / "trials" / f"{len(trials):05d}"])
            source = self.draw.choice(others)
            target.mkdir(exist_ok=True)
            names = [path.name for path in source.iterdir() if path.suffix != ".lock"]
            for name in names if self.draw.random() < 0.5 else self.draw.sample(names, k=min(1, len(names))):
                if source != target:
                    shutil.copy(source / name, target / name)

    def swap(self, sweep: Path, trials: list[Path]) -> None:
        if len(trials) > 1:
            one, other = self.draw.sample(trials, k=2)
            one.rename(sweep / "trials" / "aside")
            other.rename(one)
            (sweep / "trials" / "aside").rename(other)

    def rename(self, sweep: Path, trials: list[Path]) -> None:
        target = sweep.with_name(self.draw.choice("abc"))
        if not target.exists():
            sweep.rename(target)

    def copy_sweep(self, sweep: Path, trials: list[Path]) -> None:
        target = sweep.with_name(self.draw.choice("abc"))
        if not target.exists():
            shutil.copytree(sweep, target)

    def lose_study(self, sweep: Path, trials: list[Path]) -> None:
        (sweep / "study.db").unlink(missing_ok=True)
        if self.draw.random() < 0.3:
            (sweep / "study.db").touch()
        if self.draw.random() < 0.3:
            (sweep / "sweep.yaml").unlink(missing_ok=True)

    def repair(self, sweep: Path, trials: list[Path]) -> None:
        import argparse

        try:
            repair(argparse.Namespace(sweep=sweep.name))
        except VggsweepError as error:
            self.said.append(f"  refused: {error}")

    def change_a_picture(self, sweep: Path, trials: list[Path]) -> None:
        file = self.ground.roots[0] / "cats" / "0.png"
        Image.new("RGB", (8, 8), self.draw.choice(["white", "black"])).save(file)

    def any_file(self, trials: list[Path]) -> Path | None:
        files = [path for trial in trials for path in sorted(trial.iterdir()) if path.suffix != ".lock"]
        return self.draw.choice(files) if files else None

    # what must hold

    def check(self, directory: SweepDirectory, spec: SweepSpec) -> None:
        """Every result that the study tells is that of the configuration which its trial names."""
        study = read_study(directory)
        assert {trial.number for trial in study.get_trials()} == set(range(len(study.get_trials())))
        for trial in study.get_trials():
            attrs = attrs_of(trial)
            if attrs is None or is_duplicate(trial):
                continue
            composed = spec.composer.compose(attrs.words)
            identity = spec.fingerprints.identity(composed)
            assert identity.fits(attrs.identity), self.said
            if trial.values:
                assert trial.values[0] == self.trained_alone(composed, spec), (self.said, trial.number)
        records, _ = read_records(directory.path)
        for path, record in records:
            if int(path.name) == record.trial:
                self.check_record(record, TrialDirectory(path))

    def check_record(self, record: Record, directory: TrialDirectory) -> None:
        plain = dict(record.configuration)
        identity = Fingerprints().identity(plain)
        if record.data_fingerprint != identity.data:
            return  # of pictures that have changed since
        assert record.configuration_hash == identity.configuration, self.said
        if record.state == "COMPLETE":
            assert record.metrics["val_acc"] == self.trained_alone(plain, None), (
                self.said,
                str(directory.path),
            )
            try:
                rows = read_history(directory.history, record.identity)
            except (ValueError, TypeError):
                return  # cut
            for row in rows[-1:]:
                if len(rows) == record.metrics["epochs_run"]:
                    assert row["val_acc"] == record.metrics["val_acc"], self.said

    def trained_alone(self, plain: dict[str, Any], spec: SweepSpec | None) -> float:
        """The accuracy that this configuration reaches where nobody ever interfered."""
        identity = Fingerprints().identity(plain)
        key = (identity.configuration, identity.data)
        truth = self.ground.truth
        if key not in truth:
            place = TrialDirectory(self.ground.folder / f"{len(truth):05d}")
            place.path.mkdir(parents=True)
            record = run_trial(
                TrialSpec("alone", 0, place, plain), stop=StopRequest(), console=Console(file=StringIO())
            )
            assert record.state == "COMPLETE", record.reason
            truth[key] = record.metrics["val_acc"]
        return truth[key]

    def live(self, moves: int) -> None:
        """Type and suffer, in turn."""
        for _ in range(moves):
            name, root = self.draw.choice("ab"), self.draw.choice(self.ground.roots)
            if self.draw.random() < 0.3:
                self.single(name, root)
            else:
                self.sweep(name, self.draw.choice(SPACES), root, self.draw.choice([None, None, 0, 1]))
            self.damage()


def _live(seeds: range, folder: Path, enter: Callable[[Path], None]) -> None:
    ground = Ground(folder)
    for seed in seeds:
        home = folder / str(seed)
        home.mkdir()
        enter(home)
        World(random.Random(seed), ground).live(moves=5)


def test_no_trial_takes_a_result_that_is_not_its_own(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(range(3), own_folder, monkeypatch.chdir)


@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_no_trial_of_two_hundred_histories_takes_a_result_that_is_not_its_own(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _live(range(1000, 1200), own_folder, monkeypatch.chdir)
