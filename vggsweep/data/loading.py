"""The entry point of the data room: from settings to batch sources."""

from __future__ import annotations

import functools
import hashlib
import math
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

import numpy as np
import torch

from vggsweep.data import depth
from vggsweep.data.batches import BatchPlan, BatchSource, Finish, Share
from vggsweep.data.catalog import check_dataset, class_names, data_root, native_resolution, pictures
from vggsweep.data.decode import DamagedPictures
from vggsweep.data.depth import Whites
from vggsweep.data.folder import DecodedImages
from vggsweep.data.images import Images
from vggsweep.data.order import IndexArray
from vggsweep.data.preprocess import Preprocess
from vggsweep.data.reading import read_images
from vggsweep.data.resident import ResidentBatches
from vggsweep.data.settings import AugmentSettings, DatasetSettings, Loader, SourceSettings
from vggsweep.data.sources import open_source
from vggsweep.data.split import first_images, stratified_split
from vggsweep.data.splits import find_layout
from vggsweep.data.streaming import StreamingBatches
from vggsweep.device import free_device_memory
from vggsweep.errors import DataError
from vggsweep.machine import free_memory

# What images may take of the free memory; network, activations and other trials need the rest.
MEMORY_SHARE = 0.4


@dataclass(frozen=True)
class Part:
    """Some images of a split.

    Args:
        images: the split.
        indices: positions in it.
    """

    images: Images
    indices: IndexArray

    def class_counts(self, num_classes: int) -> tuple[int, ...]:
        """How many images each class has, in the order of the labels."""
        return tuple(np.bincount(self.images.labels[self.indices], minlength=num_classes).tolist())

    def digest(self) -> str:
        """Which images of the split these are, in which order, with which labels: 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for values in (self.indices, self.images.labels[self.indices]):
            digest.update(np.ascontiguousarray(values, dtype="<i8").tobytes())
        return digest.hexdigest()

    @property
    def num_bytes(self) -> int:
        """Memory that the stored pixels take."""
        return len(self.indices) * math.prod(self.images.image_shape)

    def chance(self) -> tuple[float, float]:
        """Accuracy and loss (nats) of guessing: share of the commonest class, entropy of all."""
        counts = np.bincount(self.images.labels[self.indices])
        shares = counts[counts > 0] / len(self.indices)
        return float(shares.max()), float(-(shares * np.log(shares)).sum())


@dataclass
class LoadedData:
    """Everything that a trial needs of its data set. A context manager: leaving it closes all sources.

    Args:
        train: shuffled, augmented.
        validation: in order, unchanged.
        preprocess: what happens to every image; a saved network keeps it.
        class_names: the name of each label.
        loader: the kind of source that was chosen.
        note: what a reader of the result must know, such as that validation is the test split; or None.
        chance: validation accuracy and loss of guessing, see `Part.chance`.
        class_counts: training images of each class.
        validated: which images of which split validate, see `Part.digest`.
    """

    train: BatchSource
    validation: BatchSource
    preprocess: Preprocess
    class_names: tuple[str, ...]
    loader: Literal["resident", "streaming"]
    note: str | None
    chance: tuple[float, float]
    class_counts: tuple[int, ...]
    validated: str
    _sources: _Sources
    _opened: list[BatchSource] = field(default_factory=list)

    def open_test(self) -> BatchSource:
        """The test split, in order, unchanged. Nothing of it is read before this call.

        Raises:
            DataError: there is none, or it is damaged.
        """
        source = self._sources.evaluation(_test_part(self._sources.settings))
        self._opened.append(source)
        return source

    def close(self) -> None:
        """End worker processes and free the images."""
        for source in (self.train, self.validation, *self._opened):
            source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load_data(
    settings: DatasetSettings,
    augment: AugmentSettings,
    *,
    batch_size: int,
    eval_batch_size: int,
    seed: int,
    device: torch.device | str,
    channels_last: bool,
    share: Share | None = None,
) -> LoadedData:
    """Open training and validation images, and be ready to open the test split.

    Args:
        settings: the data set.
        augment: what changes at random in training images.
        batch_size: images in a training batch.
        eval_batch_size: images in an evaluation batch.
        seed: of the order and the augmentation; the validation part depends on `split_seed` alone.
        device: where batches come out.
        channels_last: memory format of the batches.
        share: of each batch of training and validation that this process takes; None takes all.

    Raises:
        ConfigError: the settings contradict the data set.
        DataError: the data are missing or damaged.
    """
    check_dataset(settings)
    train, validation = parts = _training_parts(settings)
    whites = train.images.whites if isinstance(train.images, DecodedImages) else ()
    preprocess = Preprocess(
        settings.channels,
        native_resolution(settings),
        settings.resolution,
        settings.mean,
        settings.std,
        whites,
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    finish = Finish(preprocess, None, seed, torch.device(device), memory_format)
    share = share or Share()
    sources = _Sources(settings, finish, eval_batch_size)
    names = class_names(settings)
    loader = choose_loader(settings.loader, train.num_bytes + validation.num_bytes, finish.device)
    return LoadedData(
        train=sources.training(train, augment, batch_size, loader, parts, share),
        validation=sources.evaluation(validation, loader, parts, share),
        preprocess=preprocess,
        class_names=names,
        loader=loader,
        note=_note(settings, whites),
        chance=validation.chance(),
        class_counts=train.class_counts(len(names)),
        validated=f"{'test' if settings.validation == 'test' else 'train'}:{validation.digest()}",
        _sources=sources,
    )


def open_test_split(
    settings: DatasetSettings,
    preprocess: Preprocess,
    *,
    eval_batch_size: int,
    device: torch.device | str,
    channels_last: bool,
) -> BatchSource:
    """Open the test split alone, in order, unchanged: for a network that was kept.

    Args:
        settings: the data set.
        preprocess: of the network.
        eval_batch_size, device, channels_last: see `load_data`.

    Raises:
        ConfigError: the settings contradict the data set, or it has no test split.
        DataError: the data are missing or damaged.
    """
    check_dataset(settings)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    sources = _Sources(
        settings, Finish(preprocess, None, 0, torch.device(device), memory_format), eval_batch_size
    )
    return sources.evaluation(_test_part(settings))


def validation_part(settings: DatasetSettings) -> Part:
    """The images that validate, as they are stored.

    Raises:
        ConfigError: the settings contradict the data set.
        DataError: the data are missing or damaged.
    """
    check_dataset(settings)
    return _training_parts(settings)[1]


def choose_loader(
    requested: Loader, num_bytes: int, device: torch.device
) -> Literal["resident", "streaming"]:
    """``resident`` when the images fit into a part of the device's free memory, else ``streaming``.

    Args:
        requested: `dataset.loader`; anything but ``auto`` is obeyed.
        num_bytes: what the images take as uint8 at their stored resolution.
        device: where they would stay.
    """
    if requested != "auto":
        return requested
    free = free_device_memory(device) if device.type == "cuda" else free_memory()
    return "resident" if num_bytes <= MEMORY_SHARE * free else "streaming"


@dataclass(frozen=True)
class _Sources:
    """Makes the batch sources of one trial."""

    settings: DatasetSettings
    finish: Finish
    eval_batch_size: int

    def training(
        self,
        part: Part,
        augment: AugmentSettings,
        batch_size: int,
        loader: Loader,
        used: tuple[Part, ...],
        share: Share,
    ) -> BatchSource:
        """The source that trains; what is damaged in any of the parts that are used is told together."""
        plan = BatchPlan(
            len(part.indices),
            batch_size,
            self.finish.seed,
            is_training=True,
            share=share,
            is_mixed=augment.mixes_images,
        )
        finish = Finish(
            self.finish.preprocess, augment, self.finish.seed, self.finish.device, self.finish.memory_format
        )
        return self._source(part, plan, finish, loader, used)

    def evaluation(
        self,
        part: Part,
        loader: Loader | None = None,
        used: tuple[Part, ...] = (),
        share: Share | None = None,
    ) -> BatchSource:
        size, seed = self.eval_batch_size, self.finish.seed
        plan = BatchPlan(len(part.indices), size, seed, is_training=False, share=share or Share())
        chosen = loader or choose_loader(self.settings.loader, part.num_bytes, self.finish.device)
        return self._source(part, plan, self.finish, chosen, used or (part,))

    def _source(
        self, part: Part, plan: BatchPlan, finish: Finish, loader: Loader, used: tuple[Part, ...]
    ) -> BatchSource:
        tell_all = functools.partial(_all_damaged, used)
        if loader == "streaming":
            return StreamingBatches(part.images, part.indices, plan, finish, self.settings.workers, tell_all)
        try:
            return ResidentBatches(part.images, part.indices, plan, finish)
        except DamagedPictures as error:
            raise tell_all(error) from None


def _training_parts(settings: DatasetSettings) -> tuple[Part, Part]:
    """The images that train and those that validate, both within `limit`."""
    images = read_images(settings, "train")
    if settings.validation == "test":
        return _limited(settings, images, first_images(images.labels, None, 0)), _test_part(settings)
    split = stratified_split(images.labels, settings.val_fraction, settings.split_seed)
    return _limited(settings, images, split.train), _limited(settings, images, split.validation)


def _test_part(settings: DatasetSettings) -> Part:
    images = read_images(settings, "test")
    return _limited(settings, images, first_images(images.labels, None, 0))


def _limited(settings: DatasetSettings, images: Images, indices: IndexArray) -> Part:
    chosen = first_images(images.labels[indices], settings.limit, settings.split_seed)
    return Part(images, indices[chosen])


def _all_damaged(parts: tuple[Part, ...], error: DataError) -> DataError:
    """The error that names every damaged picture of these parts, after the first was met."""
    if not isinstance(error, DamagedPictures):
        return error
    found = [
        picture
        for part in parts
        if isinstance(part.images, DecodedImages)
        for picture in part.images.find_damaged(part.indices)
    ]
    return DamagedPictures(tuple(sorted(found))) if found else error


def _note(settings: DatasetSettings, whites: Whites) -> str | None:
    notes = []
    if settings.validation == "test":
        notes.append(
            f"Validation is the test split of {settings.name} (dataset.validation=test): the best of "
            "several networks looks better on it than it is."
        )
    if settings.name == "image_folder":
        notes += find_layout(data_root(settings)).sentences() + pictures(settings).left_out.sentences()
    if isinstance(settings, SourceSettings):
        notes += open_source(settings).notes
    return " ".join([*notes, *depth.sentences(whites)]) or None
