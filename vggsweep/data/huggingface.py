"""A table of pictures and labels that Hugging Face's `datasets` reads: parquet, a folder, a name on the hub.

The pictures stay encoded in its memory-mapped file and are decoded as those of a folder are. The test split
is ``test``, else what is called validation.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np

from vggsweep.data.arrays import below_root
from vggsweep.data.decode import DamagedPictures, decode
from vggsweep.data.download import may_download
from vggsweep.data.folder import DecodedImages
from vggsweep.data.images import LabelArray, PixelArray
from vggsweep.data.listing import file_stamp
from vggsweep.data.order import IndexArray
from vggsweep.data.settings import HuggingfaceSettings
from vggsweep.data.sources import Hash, Source, options_key
from vggsweep.errors import ConfigError, DataError, near_match
from vggsweep.importing import own_words

IMAGE_COLUMNS = ("image", "img", "picture")
LABEL_COLUMNS = ("label", "labels", "fine_label", "class", "target")
VALIDATION = ("validation", "valid", "val")
# Keywords of `load_dataset` that other fields say.
GIVEN = {"path": "dataset.path", "split": "the splits of the set", "streaming": "dataset.loader"}
ROWS_AT_ONCE = 1000


def open_huggingface(settings: HuggingfaceSettings) -> Source:
    """The pictures of a table, which this process opens once for the same settings.

    Raises:
        ConfigError: `datasets` is missing, or the columns are nothing to train on.
        DataError: the table cannot be read or downloaded.
    """
    path = below_root(settings, settings.path)
    is_here = path.exists()
    place = str(path) if is_here else settings.path
    stamps = tuple(sorted(_stamps(path))) if is_here else ()
    return _opened(
        place, stamps, settings.image, settings.label, options_key(settings.options), settings.place
    )


def _stamps(path: Path) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """A changed file is read again."""
    for file in [path] if path.is_file() else path.rglob("*.parquet"):
        yield str(file), file_stamp(str(file))


@functools.lru_cache(maxsize=2)
def _opened(
    path: str, stamps: tuple[Any, ...], image: str | None, label: str | None, options: str, place: str
) -> Source:
    splits = _load(path, json.loads(options), place)
    if "train" not in splits:
        raise ConfigError(f"{place} has no split train; it has {', '.join(splits)}.")
    features = splits["train"].features
    image = _column(image, "image", features, "Image", IMAGE_COLUMNS, place)
    label = _column(label, "label", features, "ClassLabel", LABEL_COLUMNS, place)
    values = splits["train"][label][:]
    names = getattr(features[label], "names", None)
    used = list(range(len(names))) if names else sorted(set(values))
    known = {value: position for position, value in enumerate(used)}

    def table(split: str) -> TableContent:
        told = splits[split][label][:]
        strange = sorted({str(value) for value in told if value not in known})
        if strange:
            raise ConfigError(
                f"{place} has labels in its split {split} that name no class of its training pictures: "
                f"{', '.join(strange[:8])}."
            )
        labels = np.array([known[value] for value in told], dtype=np.int64)
        return TableContent(splits[split], image, labels, f"{place}, {split}")

    tests = next((name for name in ("test", *VALIDATION) if name in splits), None)
    notes = [
        f"The split {name} of {place} is not read: a part of the training pictures validates."
        for name in VALIDATION
        if name in splits and name != tests
    ]
    if tests in VALIDATION:
        notes.append(f"The test split is what {place} calls {tests}.")
    return Source(
        place,
        table("train"),
        None if tests is None else functools.partial(table, tests),
        names or list(map(str, used)),
        "Its table needs a split named test.",
        notes,
    )


def _load(path: str, options: Any, place: str) -> dict[str, Any]:
    try:
        import datasets
    except ImportError as error:
        raise ConfigError(
            "dataset=huggingface needs the package datasets: pip install 'vggsweep[huggingface]'."
        ) from error
    if not isinstance(options, Mapping):
        raise ConfigError(
            f"dataset.options={options} should be keywords, such as '+dataset.options.name=plain'."
        )
    for key, instead in GIVEN.items():
        if key in options:
            raise ConfigError(f"dataset.options.{key} is said by {instead}; leave it out.")
    is_file = Path(path).is_file()
    words: dict[str, Any] = {"data_files": path} if is_file else {}
    local = datasets.DownloadConfig(local_files_only=not may_download())
    try:
        found = datasets.load_dataset(
            "parquet" if is_file else path, **words, **options, download_config=local
        )
    except Exception as error:  # the hub, the network, and each format have errors of their own
        raise DataError(
            f"{place} cannot be loaded ({own_words(error)}). Give a parquet file, a folder of them, or a "
            "name on the hub, which is downloaded once."
        ) from error
    return dict(found)


def _column(
    chosen: str | None,
    field: str,
    features: Mapping[str, Any],
    kind: str,
    usual: tuple[str, ...],
    place: str,
) -> str:
    if chosen is not None:
        if chosen not in features:
            raise ConfigError(
                f"dataset.{field}={chosen} is no column of {place}. {near_match(chosen, features)}"
            )
        return chosen
    typed = [name for name, feature in features.items() if type(feature).__name__ == kind]
    named = [name for name in usual if name in (typed or features)]
    found = typed if len(typed) == 1 else named
    if not found:
        raise ConfigError(
            f"{place} has no column that is surely the {field}: {', '.join(features)}. Name it, "
            f"dataset.{field}=COLUMN."
        )
    return found[0]


class TableContent:
    """The pictures of a column.

    Args:
        table: a `datasets.Dataset`.
        column: of the pictures.
        labels: class of each row.
        place: for error texts.
    """

    shape = None

    def __init__(self, table: Any, column: str, labels: LabelArray, place: str) -> None:
        from datasets import Image

        self.labels = labels
        self._column, self._place = column, place
        try:
            self._table = table.select_columns([column]).cast_column(column, Image(decode=False))
        except Exception as error:  # pyarrow's, for a column of numbers
            raise ConfigError(
                f"{place}: the column {column} holds no pictures ({own_words(error)})."
            ) from error

    def images(self, channels: int, resolution: int) -> TableImages:
        """The pictures, decoded as those of a picture folder are."""
        return TableImages(self._table, self._column, self.labels, channels, resolution, self._place)

    def feed(self, digest: Hash) -> None:
        """Add the pictures as they are encoded, and the labels."""
        for start in range(0, len(self.labels), ROWS_AT_ONCE):
            for cell in self._table[start : start + ROWS_AT_ONCE][self._column]:
                content = _encoded(cell)
                digest.update(f"{len(content)}\0".encode())
                digest.update(content)
        digest.update(self.labels.data)

    def stamp(self) -> str:
        """Empty: the memory-mapped copy of `datasets` stays."""
        return ""


class TableImages(DecodedImages):
    """The pictures of a column, decoded to one size when they are read."""

    def __init__(
        self, table: Any, column: str, labels: LabelArray, channels: int, resolution: int, place: str
    ) -> None:
        super().__init__(labels, channels, resolution)
        self._table, self._column, self._place = table, column, place

    def decoded(self, index: int, heavy: AbstractContextManager[object] | None) -> PixelArray:
        """One picture, uint8 [C, H, W]."""
        name = f"{self._place}, row {index}"
        try:
            content = _encoded(self._table[int(index)][self._column])
        except (OSError, TypeError) as error:
            raise DamagedPictures(((name, own_words(error)),)) from error
        return decode(name, *self.image_shape[:2], self.whites, heavy, content)

    def contents_key(self, indices: IndexArray) -> str:
        """The name that `datasets` gave to the table, and the rows."""
        return hashlib.sha256(self._table._fingerprint.encode() + indices.tobytes()).hexdigest()


def _encoded(cell: Mapping[str, Any]) -> bytes:
    """A cell as `Image(decode=False)` gives it: the file's bytes, or where it is."""
    content = cell["bytes"]
    if content is None:
        with open(os.fspath(cell["path"]), "rb") as file:  # noqa: PTH123
            content = file.read()
    return bytes(content)
