"""Images of a user's function: arrays or Datasets, the same split as ours, refused in the user's words."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Dataset

from vggsweep.data import custom
from vggsweep.data.catalog import check_dataset, check_test_split, class_names, training_size
from vggsweep.data.fingerprint import data_fingerprint
from vggsweep.data.loading import load_data
from vggsweep.data.reading import read_images
from vggsweep.data.settings import AugmentSettings, CustomDatasetSettings
from vggsweep.data.split import stratified_split
from vggsweep.errors import ConfigError, DataError, InfeasibleConfig

PLAIN = AugmentSettings(
    name="none",
    flip=False,
    crop_padding=0,
    erase_probability=0.0,
    erase_min_area=0.02,
    erase_max_area=0.33,
    policy=None,
    policy_ops=2,
    policy_magnitude=9,
    mixup=0.0,
    cutmix=0.0,
    mix_probability=1.0,
)
CALLS: list[dict[str, Any]] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    custom._loaded.cache_clear()
    CALLS.clear()


def settings(target: str, options: Any = None, **changes: Any) -> CustomDatasetSettings:
    fields: dict[str, Any] = {
        "root": None,
        "channels": 1,
        "num_classes": None,
        "resolution": 8,
        "limit": None,
        "val_fraction": 0.25,
        "split_seed": 0,
        "validation": "split",
        "mean": None,
        "std": None,
        "loader": "auto",
        "workers": 0,
        **changes,
    }
    name = target if "." in target else f"{__name__}.{target}"
    return CustomDatasetSettings(name="custom", target=name, options=options or {}, **fields)


def pixels(count: int, shape: tuple[int, ...] = (8, 8), seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 3) -> np.ndarray[Any, Any]:
    return np.arange(count) % classes


def arrays(**how: Any) -> Any:
    CALLS.append(how)
    np.random.rand()
    random.random()
    torch.rand(1)
    return pixels(40, seed=how.get("seed", 0)), labels(40), pixels(12, seed=1), labels(12)


def named() -> Any:
    return (*arrays(), ["a", "b", "c"])


def coloured() -> Any:
    return pixels(40, (8, 8, 3)), labels(40), None, None


def tensors() -> Any:
    return torch.tensor(pixels(40)), torch.tensor(labels(40)), None, None


class Pictures(Dataset[Any]):
    """As torchvision's: pictures of Pillow and whole numbers, with class names."""

    classes = ("ant", "bee", "cow")

    def __init__(self, count: int, seed: int = 0, form: str = "pillow") -> None:
        self.images, self.form = pixels(count, (8, 8, 3), seed), form
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        self.read.append(index)
        image = self.images[index]
        if self.form == "tensor":
            return torch.tensor(image).permute(2, 0, 1), index % 3
        if self.form == "float":
            return torch.rand(3, 8, 8), index % 3
        if self.form == "sizes":
            return image[: 8 - index % 2, : 8 - index % 2], index % 3
        return Image.fromarray(image), index % 3


TEST = Pictures(12, seed=1)


def datasets(form: str = "pillow") -> Any:
    return Pictures(40, form=form), TEST


def one_dataset() -> Any:
    return Pictures(40)


def marked(mark: str, seed: int = 0) -> Any:
    data = Pictures(40, seed=seed)
    data.fingerprint = mark  # type: ignore[attr-defined]
    return data


def load(chosen: CustomDatasetSettings) -> Any:
    return load_data(
        chosen, PLAIN, batch_size=10, eval_batch_size=10, seed=0, device="cpu", channels_last=False
    )


def test_arrays_are_split_like_every_other_set_and_the_test_images_are_apart() -> None:
    chosen = settings("arrays")
    check_dataset(chosen)
    split = stratified_split(labels(40), 0.25, 0)

    with load(chosen) as data:
        assert (data.train.num_images, data.validation.num_images) == (30, 10)
        x_NCHW, y_N = next(iter(data.validation.epoch(0)))
        assert torch.equal(y_N, torch.tensor(labels(40)[split.validation]))
        assert torch.allclose(x_NCHW[:, 0] * 255, torch.tensor(pixels(40)[split.validation]).float())
        (test, _) = next(iter(data.open_test().epoch(0)))
        assert torch.allclose(test[:, 0] * 255, torch.tensor(pixels(12, seed=1)[:10]).float())
    assert class_names(chosen) == ("0", "1", "2")
    assert training_size(chosen) == 30
    assert len(CALLS) == 1


def test_class_names_are_the_fifth_value_or_what_a_dataset_says() -> None:
    assert class_names(settings("named")) == ("a", "b", "c")
    assert class_names(settings("datasets", channels=3)) == ("ant", "bee", "cow")


@pytest.mark.parametrize("form", ["pillow", "tensor"])
def test_items_of_a_dataset_are_its_pictures(form: str) -> None:
    images = read_images(settings("datasets", {"form": form}, channels=3), "train")

    assert images.image_shape == (3, 8, 8)
    assert np.array_equal(images.read(np.arange(40)), pixels(40, (8, 8, 3)).transpose(0, 3, 1, 2))


def test_tensors_stand_for_arrays() -> None:
    assert np.array_equal(read_images(settings("tensors"), "train").read(np.arange(40))[:, 0], pixels(40))


def test_test_dataset_is_not_opened_before_it_is_asked_for() -> None:
    TEST.read.clear()
    chosen = settings("datasets", channels=3)
    check_dataset(chosen)
    data_fingerprint(chosen)
    with load(chosen) as data:
        list(data.validation.epoch(0))
        assert TEST.read == []
        data.open_test()
        assert len(TEST.read) == 12


def test_fingerprint_is_of_the_contents_and_not_of_the_name() -> None:
    own = data_fingerprint(settings("arrays"))

    assert own.counts == {"train/0": 14, "train/1": 13, "train/2": 13}
    assert data_fingerprint(settings("arrays", {"seed": 0})).digest == own.digest
    assert data_fingerprint(settings("arrays", root="/elsewhere")).digest == own.digest
    assert data_fingerprint(settings("arrays", {"seed": 1})).digest != own.digest
    assert data_fingerprint(settings("named")).digest != own.digest
    with_test = data_fingerprint(settings("arrays"), with_test=True)
    assert with_test.digest != own.digest
    assert with_test == data_fingerprint(settings("arrays", validation="test"))


def test_fingerprint_of_a_datasets_own_stands_for_its_pixels() -> None:
    def digest(**options: Any) -> str:
        return data_fingerprint(settings("marked", options, channels=3)).digest

    assert digest(mark="v1", seed=0) == digest(mark="v1", seed=1)
    assert digest(mark="v1") != digest(mark="v2")


def test_root_is_a_keyword_where_it_is_given() -> None:
    check_dataset(settings("arrays", {"seed": 2}, root="pics"))

    assert CALLS == [{"root": "pics", "seed": 2}]


def test_call_changes_no_random_numbers() -> None:
    before = (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state())
    check_dataset(settings("arrays"))

    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.equal(torch.get_rng_state(), before[2])


def rectangles() -> Any:
    return pixels(40, (8, 6)), labels(40), None, None


def floats() -> Any:
    return pixels(40) / 255, labels(40), None, None


def few_labels() -> Any:
    return pixels(40), labels(39), None, None


def one_class() -> Any:
    return pixels(40), labels(40) * 0, None, None


def unnamed_label() -> Any:
    return pixels(40), labels(40), None, None, ["a", "b"]


def other_test() -> Any:
    return pixels(40), labels(40), pixels(12, (9, 9)), labels(12)


def words() -> str:
    return "words"


def three() -> Any:
    return 1, 2, 3


def breaks(limit: int = 0) -> Any:
    raise OSError("no such file")


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (settings("arays"), "Did you mean .*test_custom.arrays?"),
        (settings("named", {"x": 1}), r"called with \(x\): got an unexpected keyword argument 'x'"),
        (settings("named", root="here"), r"called with \(root\): got an unexpected"),
        (settings("words"), r"returned a str; it should return \(x_train, y_train"),
        (settings("three"), "returned 3 values; it should return"),
        (settings("rectangles"), r"shape \(40, 8, 6, 1\); .* Crop them or pad them to a square"),
        (settings("floats"), "pixels are float64, and uint8 .*dataset.mean"),
        (settings("datasets", {"form": "float"}, channels=3), "pixels are float32, and uint8"),
        (settings("datasets", {"form": "sizes"}, channels=3), "differ in size .7 x 7 x 3, 8 x 8 x 3"),
        (settings("few_labels"), r"labels are int64 \(39,\); one whole number .* \(40,\)"),
        (settings("one_class"), "gives one class"),
        (settings("unnamed_label"), "train labels from 0 to 2; with 2 classes they go from 0 to 1"),
        (settings("arrays", channels=3), "whose images have 1. Use dataset.channels=1"),
        (settings("arrays", num_classes=4), "has 3 classes. Use dataset.num_classes=null"),
        (settings("coloured", channels=3, validation="test"), "gives no test split"),
        (settings("other_test", validation="test"), "test images of 1 x 9 x 9 .* 1 x 8 x 8"),
        (settings("arrays", mean=(0.5,)), "give both, or null for both"),
    ],
    ids=lambda value: "" if isinstance(value, str) else value.target.rpartition(".")[2],
)
def test_what_cannot_be_trained_on_is_refused_before_anything_is_trained(
    chosen: CustomDatasetSettings, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as refusal:
        check_dataset(chosen)

    assert refusal.type is ConfigError


def test_what_the_users_code_raises_is_told_in_its_words() -> None:
    with pytest.raises(InfeasibleConfig, match=r"breaks\(limit=3\) cannot be built .OSError: no such file"):
        check_dataset(settings("breaks", {"limit": 3}))


def test_missing_test_split_is_said_where_it_is_wanted() -> None:
    with pytest.raises(ConfigError, match="gives no test split. Let it return x_test"):
        check_test_split(settings("one_dataset", channels=3))


def test_images_that_differ_from_call_to_call_are_found(tiny: Callable[..., dict[str, Any]]) -> None:
    from vggsweep.configuration.belonging import Fingerprints

    name = f"{__name__}.drifting"
    plain = tiny("dataset=custom", f"dataset.target={name}", "dataset.channels=1", "dataset.limit=null")
    taken = Fingerprints()
    taken.of(plain)
    taken.check(plain)
    custom._loaded.cache_clear()  # as in another process

    with pytest.raises(DataError, match="returns other images than when this command began"):
        taken.check(plain)


def drifting() -> Any:
    CALLS.append({})
    return pixels(40, seed=len(CALLS)), labels(40), None, None
