"""Real options, real files: what the data tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from vggsweep.data.cache import RECENT
from vggsweep.data.loading import LoadedData, load_data
from vggsweep.data.settings import DATASETS, AugmentSettings, DatasetSettings
from vggsweep.settings import read_settings

CONF = Path(__file__).parents[2] / "conf"


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    RECENT.clear()
    yield
    RECENT.clear()


@pytest.fixture
def dataset() -> Callable[..., DatasetSettings]:
    """``dataset("mnist", limit=100)``: that option of conf/dataset with these changes."""

    def build(option: str = "fashion_mnist_mini", **changes: Any) -> DatasetSettings:
        plain = yaml.safe_load((CONF / "dataset" / f"{option}.yaml").read_text())
        return read_settings(DATASETS[str(plain["name"])], {**plain, **changes}, "dataset")

    return build


@pytest.fixture
def augmentation() -> Callable[..., AugmentSettings]:
    """The same for conf/augment."""

    def build(option: str = "none", **changes: Any) -> AugmentSettings:
        plain = yaml.safe_load((CONF / "augment" / f"{option}.yaml").read_text())
        return read_settings(AugmentSettings, {**plain, **changes}, "augment")

    return build


@pytest.fixture
def load(augmentation: Callable[..., AugmentSettings]) -> Iterator[Callable[..., LoadedData]]:
    """`load_data` on the CPU; everything is closed after the test."""
    loaded: list[LoadedData] = []

    def build(settings: DatasetSettings, augment: str = "none", **changes: Any) -> LoadedData:
        options = {
            "batch_size": 32,
            "eval_batch_size": 50,
            "seed": 0,
            "device": "cpu",
            "channels_last": False,
            **changes,
        }
        loaded.append(load_data(settings, augmentation(augment), **options))
        return loaded[-1]

    yield build
    for data in loaded:
        data.close()


def write_pictures(folder: Path, classes: dict[str, int], size: tuple[int, int] = (20, 16)) -> Path:
    """Random colour PNGs, so many per class; returns the folder."""
    random = np.random.default_rng(0)
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            pixels = random.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number:03}.png")
    return folder


@pytest.fixture
def pictures() -> Callable[..., Path]:
    """`write_pictures`, without an import between test files."""
    return write_pictures
