"""A trial whose pictures change while it trains keeps nothing of what was trained on others."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from vggsweep.configuration.belonging import Fingerprints
from vggsweep.errors import DataChanged
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult
from vggsweep.training.progress import EpochObserver
from vggsweep.trial import TrialSpec, run_trial


class Trials:
    """Trials on one folder of pictures, each in a directory of its own."""

    def __init__(self, plain: dict[str, Any], root: Path, folder: Path) -> None:
        self.plain, self.root, self.folder = plain, root, folder
        self.fingerprints = Fingerprints()
        self.output = StringIO()

    def directory(self, name: str) -> TrialDirectory:
        directory = TrialDirectory(self.folder / name)
        directory.path.mkdir(exist_ok=True)
        return directory

    def run(self, name: str, on_epoch: EpochObserver | None = None) -> Record:
        identity = self.fingerprints.identity(self.plain)
        spec = TrialSpec(
            "alone",
            0,
            self.directory(name),
            self.plain,
            identity=identity,
            fingerprints=self.fingerprints,
        )
        return run_trial(spec, stop=StopRequest(), console=Console(file=self.output), on_epoch=on_epoch)

    def losses(self, name: str) -> list[tuple[float, float]]:
        rows = read_history(self.directory(name).history)
        return [(row["train_loss"], row["val_loss"]) for row in rows]


@pytest.fixture
def trials(tiny: Callable[..., dict[str, Any]], tmp_path: Path) -> Callable[..., Trials]:
    """``trials("dataset.loader=streaming")``: two classes of eight pictures, three epochs."""
    random = np.random.default_rng(0)
    root = tmp_path / "pictures"
    for name in ("cats", "dogs"):
        (root / name).mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.bmp")
    words = (
        "dataset=image_folder",
        f"dataset.root={root}",
        "dataset.resolution=8",
        "dataset.limit=null",
        "dataset.val_fraction=0.5",
        "train.batch_size=4",
        "train.epochs=3",
    )
    return lambda *more: Trials(tiny(*words, *more), root, tmp_path)


def invert(root: Path) -> None:
    """Other pixels in files of the same sizes; twice is as before."""
    for path in root.rglob("*.bmp"):
        content = path.read_bytes()
        path.write_bytes(content[:54] + bytes(255 - byte for byte in content[54:]))


def test_an_epoch_that_streamed_other_pictures_is_not_kept_and_the_trial_goes_on_with_the_right_ones(
    trials: Callable[..., Trials],
) -> None:
    here = trials("dataset.loader=streaming", "dataset.workers=1")
    here.run("calm")

    def change(result: EpochResult, _val_images: int) -> None:
        if result.epoch == 1:
            invert(here.root)

    with pytest.raises(DataChanged, match="changed while they were trained on"):
        here.run("disturbed", change)
    assert not here.directory("disturbed").record.exists()
    assert len(here.losses("disturbed")) == 1
    invert(here.root)
    record = here.run("disturbed")

    assert record.state == "COMPLETE"
    assert "continues after epoch 1 of 3" in here.output.getvalue()
    assert here.losses("disturbed") == here.losses("calm")


def test_pictures_that_are_all_in_memory_may_change(trials: Callable[..., Trials]) -> None:
    here = trials("dataset.loader=resident")
    here.run("calm")

    record = here.run("disturbed", lambda _result, _val_images: invert(here.root))

    assert record.state == "COMPLETE"
    assert here.losses("disturbed") == here.losses("calm")


def test_pictures_that_changed_before_they_were_loaded_train_nothing(trials: Callable[..., Trials]) -> None:
    here = trials("dataset.loader=resident")
    here.fingerprints.identity(here.plain)
    invert(here.root)

    with pytest.raises(DataChanged):
        here.run("late")

    assert not here.directory("late").record.exists()
    assert not here.directory("late").history.exists()
