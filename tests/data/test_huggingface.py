"""Tables of encoded pictures, written with pyarrow as the hub keeps them; read without a network."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

from vggsweep.data.catalog import check_dataset, check_test_split, class_names  # noqa: E402
from vggsweep.data.fingerprint import data_fingerprint  # noqa: E402
from vggsweep.data.loading import LoadedData  # noqa: E402
from vggsweep.data.reading import read_images  # noqa: E402
from vggsweep.data.settings import DatasetSettings, HuggingfaceSettings  # noqa: E402
from vggsweep.errors import ConfigError, DataError  # noqa: E402

Settings = Callable[..., HuggingfaceSettings]
NAMES = ("ant", "bee", "cow")


def encoded(shade: int, width: int = 12) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, 12), (shade,) * 3).save(file, "PNG")
    return file.getvalue()


def table(count: int, first: int = 0, names: tuple[str, ...] | None = NAMES, **columns: Any) -> Any:
    """Pictures of shade `first` + row, of two sizes; labels go round three classes."""
    pictures = [{"bytes": encoded(first + row, 12 + row % 2), "path": None} for row in range(count)]
    held = {
        "image": pa.array(pictures, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        "label": pa.array([row % 3 for row in range(count)], pa.int64()),
        **columns,
    }
    told: dict[str, Any] = {
        name: {"_type": "Value", "dtype": str(value.type)} for name, value in held.items()
    }
    told["image"] = {"_type": "Image"}
    if names:
        told["label"] = {"_type": "ClassLabel", "names": list(names)}
    metadata = {"huggingface": json.dumps({"info": {"features": told}})}
    return pa.table(held).replace_schema_metadata(metadata)


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets", reason="pip install 'vggsweep[huggingface]'")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.fixture
def hugging(dataset: Callable[..., DatasetSettings], tmp_path: Path) -> Settings:
    """The settings of a folder that holds these tables, by their split."""

    def build(tables: dict[str, Any], **changes: Any) -> Any:
        (tmp_path / "set").mkdir(exist_ok=True)
        for split, held in tables.items():
            pq.write_table(held, tmp_path / "set" / f"{split}-00000-of-00001.parquet")
        fields = {"path": str(tmp_path / "set"), "resolution": 12, "workers": 0, **changes}
        return dataset("huggingface", **fields)

    return build


def test_pictures_are_decoded_like_those_of_a_folder(hugging: Settings) -> None:
    chosen = hugging({"train": table(30), "test": table(6, 100)})
    check_dataset(chosen)
    check_test_split(chosen)
    for split, count, first in (("train", 30, 0), ("test", 6, 100)):
        images = read_images(chosen, split)  # type: ignore[arg-type]
        assert images.image_shape == (3, 12, 12)
        assert (images.read(np.arange(count))[:, 0, 5, 5] == first + np.arange(count)).all()
        assert (images.read_all(np.arange(count)) == images.read(np.arange(count))).all()
        assert (images.labels == np.arange(count) % 3).all()
    assert class_names(chosen) == NAMES


def test_a_single_parquet_file_trains(hugging: Settings, tmp_path: Path) -> None:
    pq.write_table(table(30), tmp_path / "mine.parquet")
    chosen = hugging({}, path="mine.parquet", root=str(tmp_path), channels=1)
    check_dataset(chosen)
    assert read_images(chosen, "train").image_shape == (1, 12, 12)
    with pytest.raises(ConfigError, match="gives no test split. Its table needs a split named test"):
        check_test_split(chosen)


def test_both_loaders_give_equal_batches(hugging: Settings, load: Callable[..., LoadedData]) -> None:
    batches = []
    for loader in ("resident", "streaming"):
        data = load(hugging({"train": table(30)}, loader=loader, workers=1), batch_size=8)
        batches.append([x_NCHW for epoch in range(2) for x_NCHW, _ in data.train.epoch(epoch)])
    assert all((x == y).all() for x, y in zip(*batches, strict=True))


def test_validation_tests_where_nothing_else_does_and_is_not_read_otherwise(
    hugging: Settings, load: Callable[..., LoadedData]
) -> None:
    data = load(hugging({"train": table(30), "validation": table(6, 100)}))
    assert "The test split is what" in (data.note or "")
    assert data.open_test().num_images == 6
    data = load(hugging({"test": table(9, 50)}))
    assert "The split validation of" in (data.note or "")
    assert data.open_test().num_images == 9


def test_columns_are_named_where_they_are_not_found(hugging: Settings) -> None:
    words = pa.array(["cow", "ant", "bee"] * 10)
    held = table(30, names=None, kind=words).rename_columns(["image", "number", "kind"])
    with pytest.raises(ConfigError, match="no column that is surely the label: image, number, kind. Name it"):
        check_dataset(hugging({"train": held}))
    assert class_names(hugging({"train": held}, label="kind")) == NAMES
    with pytest.raises(ConfigError, match="dataset.label=kin is no column .* Did you mean 'kind'?"):
        check_dataset(hugging({"train": held}, label="kin"))
    with pytest.raises(ConfigError, match="the column number holds no pictures"):
        check_dataset(hugging({"train": held}, label="kind", image="number"))


def test_labels_that_name_no_class_are_refused_when_the_test_split_is_opened(hugging: Settings) -> None:
    test = table(6).set_column(1, "label", pa.array([-1] * 6))  # as sets whose test labels are secret have it
    chosen = hugging({"train": table(30, names=None), "test": test.replace_schema_metadata(None)})
    check_dataset(chosen)
    with pytest.raises(ConfigError, match="labels in its split test that name no class .*: -1"):
        check_test_split(chosen)


def test_a_broken_picture_is_named_by_its_row(hugging: Settings) -> None:
    pictures = [{"bytes": encoded(row) if row != 7 else b"no picture", "path": None} for row in range(30)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    held = table(30)
    broken = held.set_column(0, "image", pa.array(pictures, kind)).replace_schema_metadata(
        held.schema.metadata
    )
    images = read_images(hugging({"train": broken}), "train")
    with pytest.raises(DataError, match="train, row 7 cannot be read as a picture"):
        images.read_all(np.arange(30))


def test_fingerprint_is_of_the_pictures_and_labels(hugging: Settings, tmp_path: Path) -> None:
    digest = data_fingerprint(hugging({"train": table(30)})).digest
    pq.write_table(table(30), tmp_path / "mine.parquet", compression="gzip")
    assert data_fingerprint(hugging({}, path=str(tmp_path / "mine.parquet"))).digest == digest
    assert data_fingerprint(hugging({"train": table(30, 1)})).digest != digest


def test_what_cannot_be_loaded_is_told_with_what_would_do(hugging: Settings) -> None:
    with pytest.raises(
        DataError, match="nobody/nothing cannot be loaded .* a parquet file, a folder of them"
    ):
        check_dataset(hugging({}, path="nobody/nothing"))
    with pytest.raises(ConfigError, match="dataset.options.split is said by the splits of the set"):
        check_dataset(hugging({}, options={"split": "train"}))
    with pytest.raises(ConfigError, match="should be keywords"):
        check_dataset(hugging({}, options="plain"))
