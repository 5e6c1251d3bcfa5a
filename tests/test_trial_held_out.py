"""What a trial reads of the test set, and when."""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.alone import Trial
from tests.alone import trial as trial


def write_idx(path: Path, values: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    header = bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(header + values.tobytes())


@pytest.fixture
def digits(tmp_path: Path) -> Path:
    """A data root with a small set; the class is where the bright column stands.

    It goes by the name of a set whose unpacked files have no known checksum.
    """
    folder = tmp_path / "own" / "kmnist"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for stem, count in (("train", 400), ("t10k", 50)):
        labels = np.arange(count, dtype=np.uint8) % 10
        images = random.integers(0, 50, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[:, 2 * label + 4] = 255
        write_idx(folder / f"{stem}-images-idx3-ubyte", images)
        write_idx(folder / f"{stem}-labels-idx1-ubyte", labels)
    return folder


def test_the_test_set_is_not_read_unless_asked(trial: Callable[..., Trial], digits: Path) -> None:
    words = ("dataset=kmnist", f"dataset.root={digits.parent}")
    scored = trial(*words, "train.evaluate_test=true")()
    assert {"test_acc", "test_loss"} <= set(scored.metrics)
    for path in digits.glob("t10k-*"):
        path.write_bytes(b"not to be read")
    unscored = trial(*words)()
    assert unscored.state == "COMPLETE"
    assert "test_acc" not in unscored.metrics
    assert unscored.metrics["val_acc"] == scored.metrics["val_acc"]
    unread = trial(*words, "train.evaluate_test=true")()
    assert unread.state == "COMPLETE"  # what was trained is kept
    assert unread.metrics["val_acc"] == scored.metrics["val_acc"]
    assert "test_acc" not in unread.metrics
    (note,) = unread.notes
    assert note.startswith("the test set was not evaluated: ")
    assert "t10k-images-idx3-ubyte is damaged" in note


def test_the_test_accuracy_is_that_of_the_last_epochs_network(
    trial: Callable[..., Trial], digits: Path
) -> None:
    words = ("dataset=kmnist", f"dataset.root={digits.parent}", "train.evaluate_test=true")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        shutil.copy(digits / f"train-{kind}", digits / f"t10k-{kind}")
    record = trial(*words, "dataset.validation=test")()
    assert record.metrics["test_acc"] == record.metrics["val_acc"]
    assert record.metrics["test_loss"] == record.metrics["val_loss"]


def test_validation_on_the_test_split_is_noted_in_the_record(trial: Callable[..., Trial]) -> None:
    (note,) = trial("dataset.validation=test")().notes
    assert "Validation is the test split of fashion_mnist_mini (dataset.validation=test)" in note
    assert trial()().notes == ()


def test_corrupt_data_fail_with_the_file_named(trial: Callable[..., Trial], digits: Path) -> None:
    file = digits / "train-images-idx3-ubyte"
    file.write_bytes(os.urandom(1000))
    record = trial("dataset=kmnist", f"dataset.root={digits.parent}")()
    assert record.state == "FAIL"
    assert record.reason is not None
    assert f"{file} is damaged" in record.reason
    assert "\n" not in record.reason
