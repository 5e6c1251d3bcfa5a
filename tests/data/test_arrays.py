"""An .npz file of images and labels, as Keras and MedMNIST name and shape them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vggsweep.data.cache import RECENT
from vggsweep.data.catalog import check_dataset, check_test_split, class_names
from vggsweep.data.fingerprint import data_fingerprint, data_stamp
from vggsweep.data.loading import LoadedData
from vggsweep.data.reading import read_images
from vggsweep.data.settings import ArraysSettings, DatasetSettings
from vggsweep.errors import ConfigError, DataError

Settings = Callable[..., ArraysSettings]


def pixels(count: int, *shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *(shape or (8, 8))), dtype=np.uint8)


def labels(count: int) -> np.ndarray[Any, Any]:
    return np.arange(count) % 3


KERAS = {"x_train": pixels(40), "y_train": labels(40), "x_test": pixels(12, seed=1), "y_test": labels(12)}
MEDMNIST = {
    "train_images": pixels(40, 8, 8, 3),
    "train_labels": labels(40)[:, None].astype(np.uint8),
    "val_images": pixels(9, 8, 8, 3),
    "val_labels": labels(9)[:, None].astype(np.uint8),
    "test_images": pixels(12, 8, 8, 3, seed=1),
    "test_labels": labels(12)[:, None].astype(np.uint8),
}


@pytest.fixture
def arrays(dataset: Callable[..., DatasetSettings], tmp_path: Path) -> Settings:
    """The settings of a file that holds these arrays."""

    def build(held: dict[str, Any], **changes: Any) -> Any:
        np.savez(tmp_path / "file.npz", **held)
        fields = {"path": str(tmp_path / "file.npz"), "channels": 1, "resolution": 8, "workers": 0, **changes}
        return dataset("arrays", **fields)

    return build


@pytest.mark.parametrize(
    ("held", "channels"),
    [
        (KERAS, 1),
        (MEDMNIST, 3),
        ({**MEDMNIST, "train_images": MEDMNIST["train_images"].transpose(0, 3, 1, 2)}, 3),
    ],
    ids=["Keras", "MedMNIST", "channels first"],
)
def test_arrays_are_read_under_their_usual_names(
    held: dict[str, Any], channels: int, arrays: Settings
) -> None:
    chosen = arrays(held, channels=channels)
    check_dataset(chosen)
    check_test_split(chosen)
    for split, seed in (("train", 0), ("test", 1)):
        images = read_images(chosen, split)  # type: ignore[arg-type]
        count = len(images.labels)
        expected = pixels(count, *((8, 8) if channels == 1 else (8, 8, 3)), seed=seed).reshape(
            count, 8, 8, -1
        )
        assert (images.read(np.arange(count)) == expected.transpose(0, 3, 1, 2)).all()
        assert (images.labels == labels(count)).all()
    assert class_names(chosen) == ("0", "1", "2")


def test_a_validation_split_of_its_own_is_not_read_and_the_notes_say_so(
    arrays: Settings, load: Callable[..., LoadedData]
) -> None:
    data = load(arrays(MEDMNIST, channels=3))

    assert (data.train.num_images, data.validation.num_images) == (36, 4)
    assert data.note == "val_images is not read: a part of the training images validates."


def test_labels_that_begin_at_1_leave_a_class_that_no_image_teaches_and_it_is_said(
    arrays: Settings, load: Callable[..., LoadedData]
) -> None:
    data = load(arrays({**KERAS, "y_train": labels(40) + 1, "y_test": labels(12) + 1}))

    assert data.note is not None
    assert data.note.startswith("No training image shows 1 of 4 classes: 0.")


def test_what_is_not_read_and_pixels_that_are_nearly_black_are_said(
    arrays: Settings, load: Callable[..., LoadedData]
) -> None:
    masks = {"x_train": pixels(40) % 2, "x_test": pixels(12, seed=1) % 2}
    data = load(arrays({**KERAS, **masks, "train_images": pixels(40), "train_labels": labels(40)}))

    assert data.note is not None
    assert "train_images is not read: x_train is." in data.note
    assert "train_labels is not read: y_train is." in data.note
    assert "All pixels are 0 or 1 of 255, nearly black." in data.note
    assert "nearly black" not in str(load(arrays({**KERAS, "x_train": (pixels(40) % 2).astype(float)})).note)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_no_images_are_called_none(arrays: Settings, load: Callable[..., LoadedData], kind: type) -> None:
    empty = {"x_train": np.zeros((0, 8, 8), kind), "y_train": labels(0)}
    with pytest.raises(ConfigError, match="train split: there are no images"):
        load(arrays({**KERAS, **empty}))


def test_class_names_may_be_an_array_too(arrays: Settings) -> None:
    assert class_names(arrays({**KERAS, "class_names": np.array(["ant", "bee", "cow"])})) == (
        "ant",
        "bee",
        "cow",
    )


@pytest.mark.parametrize(
    "held", [pixels(40).astype(np.int64), pixels(40) / 255, (pixels(40) / 255).astype(np.float32)]
)
def test_whole_numbers_up_to_255_and_floats_up_to_1_are_the_same_bytes(held: Any, arrays: Settings) -> None:
    images = read_images(arrays({**KERAS, "x_train": held}), "train")

    assert (images.read(np.arange(40))[:, 0] == pixels(40)).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x_train": pixels(40) * 1.0}, "pixels are float64 from 0 to 255; .* or floats from 0 to 1"),
        ({"x_train": pixels(40) - 0.5}, "pixels are float64 from -0.5"),
        ({"x_train": pixels(40) / 255 - 0.5}, "Undo scaling and normalising"),
        ({"x_train": np.full((40, 8, 8), np.nan)}, "pixels are float64 from nan"),
        ({"x_train": pixels(40) * 2.0 > 9}, "pixels are bool; uint8 from 0"),
        ({"x_train": pixels(40, 8, 6)}, r"images have the shape \(40, 8, 6, 1\)"),
        ({"y_train": labels(40)[:, None] == labels(3)}, r"labels are bool \(40, 3\); one whole number"),
        ({"y_train": labels(40) + 0.5}, "labels are float64"),
        ({"y_train": labels(39)}, r"one whole number from 0 per image is needed, \(40,\)"),
        ({"y_train": labels(40) - 1}, "train labels from -1 to 1"),
        ({"y_train": labels(40) * 0}, "gives one class"),
        ({"x_train": np.array([[1], "a"], dtype=object)}, "holds Python objects, .* could run code"),
        ({"class_names": np.array(["a", "b"])}, "train labels from 0 to 2; with 2 classes"),
    ],
)
def test_what_cannot_be_trained_on_is_refused_with_advice(
    change: dict[str, Any], said: str, arrays: Settings
) -> None:
    with pytest.raises(ConfigError, match=said):
        check_dataset(arrays({**KERAS, **change}))


def test_a_missing_array_is_told_with_those_that_are_there(arrays: Settings) -> None:
    with pytest.raises(ConfigError, match="no array x_train or train_images; it has images, y_train"):
        check_dataset(arrays({"images": pixels(40), "y_train": labels(40)}))
    with pytest.raises(ConfigError, match="gives no test split. Put x_test or test_images"):
        check_test_split(arrays({"x_train": pixels(40), "y_train": labels(40)}))


def test_the_test_split_is_not_read_before_it_is_asked_for(
    arrays: Settings, load: Callable[..., LoadedData]
) -> None:
    chosen = arrays({**KERAS, "x_test": np.array([None])})
    data_fingerprint(chosen)
    data = load(chosen)
    list(data.validation.epoch(0))
    with pytest.raises(ConfigError, match="x_test holds Python objects"):
        data.open_test()


def test_a_damaged_or_absent_file_is_one_paragraph(
    arrays: Settings, dataset: Callable[..., DatasetSettings], tmp_path: Path
) -> None:
    chosen = arrays(KERAS)
    content = (tmp_path / "file.npz").read_bytes()
    middle = len(content) // 10
    for damage in (content[:-100], b"no zip", content[:middle] + b"\0" * 999 + content[middle + 999 :]):
        (tmp_path / "file.npz").write_bytes(damage)
        with pytest.raises(DataError, match="file.npz"):
            check_dataset(chosen)
    np.save(tmp_path / "one.npy", pixels(4))
    with pytest.raises(ConfigError, match="holds a single array; np.savez"):
        check_dataset(dataset("arrays", path=str(tmp_path / "one.npy")))
    with pytest.raises(ConfigError, match="dataset.path=nowhere.npz is not there"):
        check_dataset(dataset("arrays", path="nowhere.npz"))
    with pytest.raises(ConfigError, match="is a folder"):
        check_dataset(dataset("arrays", path=str(tmp_path)))


def test_fingerprint_is_of_the_contents_and_a_changed_file_is_read_again(
    arrays: Settings, tmp_path: Path
) -> None:
    taken = data_fingerprint(arrays(KERAS))
    (tmp_path / "elsewhere").mkdir()
    np.savez_compressed(tmp_path / "elsewhere/other.npz", **KERAS)

    assert taken.counts == {"train/0": 14, "train/1": 13, "train/2": 13}
    below = arrays(KERAS, path="other.npz", root=str(tmp_path / "elsewhere"))
    assert data_fingerprint(below).digest == taken.digest
    changed = arrays({**KERAS, "x_train": pixels(40, seed=5)})
    assert data_stamp(changed) != taken.stamp
    assert data_fingerprint(changed).digest != taken.digest


def test_processes_that_share_their_pixels_map_one_file(arrays: Settings, tmp_path: Path) -> None:
    chosen = arrays(KERAS)
    RECENT.share(tmp_path / "pixels")
    try:
        found = read_images(chosen, "train")
        assert isinstance(found.images, np.memmap)  # type: ignore[attr-defined]
        assert (found.read(np.arange(40))[:, 0] == pixels(40)).all()
        assert len(list((tmp_path / "pixels").glob("*[0-9a-f].npy"))) == 1
    finally:
        RECENT.share(None)
