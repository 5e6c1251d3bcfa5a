"""What a configuration says about the data and its augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from vggsweep.data.torchvision_sets import SETS
from vggsweep.errors import ConfigError
from vggsweep.settings import setting

PUBLISHED = ("fashion_mnist_mini", "fashion_mnist", "mnist", "kmnist", "cifar10", "cifar100", "svhn")
SplitName = Literal["train", "test"]
Loader = Literal["auto", "resident", "streaming"]
Policy = Literal["randaugment", "trivialaugment"]


@dataclass(frozen=True, kw_only=True)
class DatasetSettings:
    """One data set as the network sees it.

    Args:
        name: a key of `DATASETS`.
        root: folder of the files; None means ``VGGSWEEP_DATA`` or ``~/.cache/vggsweep``.
        channels: colour channels.
        num_classes: None counts them; a set of `vggsweep.data.catalog.CATALOG` says its own.
        resolution: input height and width of the network in pixels.
        limit: at most so many training images, and as many of each evaluation split.
        val_fraction: part of the training split that validates, between 0 and 1.
        split_seed: seed of that part and of ``limit``; never the trial's seed, so that every trial of
            a sweep is compared on the same images.
        validation: ``split`` is that part; ``test`` validates on the test split.
        mean: per channel, for pixels in 0..1; None together with `std` leaves pixels in 0..1.
        std: per channel.
        loader: see `vggsweep.data.loading.choose_loader`.
        workers: worker processes of the streaming loader; 0 reads in the training process.
    """

    name: str
    root: str | None
    channels: int = setting(minimum=1)
    num_classes: int | None = setting(minimum=2)
    resolution: int = setting(minimum=1)
    limit: int | None = setting(minimum=2)
    val_fraction: float = setting(above=0.0, below=1.0)
    split_seed: int = setting(minimum=0)
    validation: Literal["split", "test"]
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None = setting(above=0.0)
    loader: Loader
    workers: int = setting(minimum=0)


@dataclass(frozen=True, kw_only=True)
class SourceSettings(DatasetSettings):
    """Images of which nothing is known before they are opened, see `vggsweep.data.sources`."""

    @property
    def place(self) -> str:
        """Where they come from, as the configuration says it."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class CustomDatasetSettings(SourceSettings):
    """Images of the user's own function, see `vggsweep.data.custom`.

    Args:
        target: dotted name of the function.
        options: its keywords; it gets `root` too where that is given.
    """

    target: str
    options: Any

    @property
    def place(self) -> str:
        return f"dataset.target={self.target}"


@dataclass(frozen=True, kw_only=True)
class TorchvisionSettings(SourceSettings):
    """A set of `torchvision.datasets`, see `vggsweep.data.torchvision_source`.

    Args:
        name: of its class.
        options: keywords of that class beside those that say the split.
        download: whether what is not below `root` is downloaded.
    """

    options: Any
    download: bool

    @property
    def place(self) -> str:
        return f"dataset.name={self.name}"


@dataclass(frozen=True, kw_only=True)
class ArraysSettings(SourceSettings):
    """Images and labels of an ``.npz`` file, see `vggsweep.data.arrays`.

    Args:
        path: the file; a relative one is below `root`, where that is given.
    """

    path: str

    @property
    def place(self) -> str:
        return f"dataset.path={self.path}"


@dataclass(frozen=True, kw_only=True)
class HuggingfaceSettings(SourceSettings):
    """A table of pictures that the package `datasets` reads, see `vggsweep.data.huggingface`.

    Args:
        path: a parquet file, a folder, or a name on the hub; a relative one is below `root`, where that is
            given.
        image: column of the pictures; None finds it.
        label: column of the labels; None finds it.
        options: keywords of `datasets.load_dataset`.
    """

    path: str
    image: str | None
    label: str | None
    options: Any

    @property
    def place(self) -> str:
        return f"dataset.path={self.path}"


DATASETS: dict[str, type[DatasetSettings]] = {
    **dict.fromkeys((*PUBLISHED, "image_folder"), DatasetSettings),
    "custom": CustomDatasetSettings,
    "arrays": ArraysSettings,
    "huggingface": HuggingfaceSettings,
    **dict.fromkeys(SETS, TorchvisionSettings),
    str(None): TorchvisionSettings,  # before its set is named
}


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """What changes at random in a training image, each time it is seen.

    Args:
        name: the option's name, for records.
        flip: mirror left and right, half of the time.
        crop_padding: shift by up to so many pixels; 0 never shifts.
        erase_probability: part of the images that lose a rectangle.
        erase_min_area: least part of the image that a rectangle covers.
        erase_max_area: largest part.
        policy: operations that each image draws from a list, see `vggsweep.data.policy`; None draws none.
        policy_ops: operations on each image under ``randaugment``.
        policy_magnitude: their strength, from nothing (0) to the strongest (30).
        mixup, cutmix: alpha of the share's Beta distribution, see `vggsweep.data.mixing`; 0 mixes none.
        mix_probability: part of the batches that are mixed.
    """

    name: str
    flip: bool
    crop_padding: int = setting(minimum=0)
    erase_probability: float = setting(minimum=0.0, maximum=1.0)
    erase_min_area: float = setting(above=0.0, maximum=1.0)
    erase_max_area: float = setting(above=0.0, maximum=1.0)
    policy: Policy | None
    policy_ops: int = setting(minimum=1)
    policy_magnitude: int = setting(minimum=0, maximum=30)
    mixup: float = setting(minimum=0.0)
    cutmix: float = setting(minimum=0.0)
    mix_probability: float = setting(above=0.0, maximum=1.0)

    def __post_init__(self) -> None:
        if self.erase_min_area > self.erase_max_area:
            raise ConfigError(
                f"augment.erase_min_area={self.erase_min_area:g} is larger than "
                f"augment.erase_max_area={self.erase_max_area:g}; swap them."
            )

    @property
    def changes_images(self) -> bool:
        """Whether images are flipped, shifted or erased."""
        return self.flip or self.crop_padding > 0 or self.erase_probability > 0

    @property
    def mixes_images(self) -> bool:
        """Whether images of a batch are mixed with each other, and so their labels."""
        return self.mixup > 0 or self.cutmix > 0
