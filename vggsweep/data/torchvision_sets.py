"""The classification sets of `torchvision.datasets`: what each calls its splits; torchvision is not imported.

Left out are sets for other tasks (detection, segmentation, captions, video, pairs of pictures), CelebA, whose
pictures have forty labels, and LSUN, a database of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Keywords of their constructors that decide where and how pictures are read, or that are not for pictures.
NOT_OPTIONS = frozenset(
    "self root train transform target_transform transforms download loader is_valid_file allow_empty "
    "background what".split()
)


@dataclass(frozen=True)
class TorchvisionSet:
    """How a class says its splits.

    Args:
        argument: the keyword that says the split; None where all pictures are one.
        train: its value for training.
        test: its value for the labelled pictures that test; None where there are none, and a part of the
            pictures is set aside by rule.
        other_train: values that ``dataset.options`` may give in the place of `train`.
        unread: a labelled split that neither trains nor tests.
        target: the keyword of another kind of label that is left alone.
        by_hand: the files that a person has to put below the root, where torchvision downloads none.
    """

    argument: str | None = None
    train: Any = None
    test: Any = None
    other_train: tuple[str, ...] = ()
    unread: str | None = None
    target: str | None = None
    by_hand: str | None = None


_FLAG = TorchvisionSet("train", True, False)
_SPLIT = TorchvisionSet("split", "train", "test")
_THREE = TorchvisionSet("split", "train", "test", unread="val")
_VAL_TESTS = TorchvisionSet("split", "train", "val")
_ONE = TorchvisionSet()

SETS: dict[str, TorchvisionSet] = {
    **dict.fromkeys(("CIFAR10", "CIFAR100", "EMNIST", "FashionMNIST", "KMNIST", "MNIST", "QMNIST"), _FLAG),
    **dict.fromkeys(("Caltech256", "EuroSAT", "SEMEION", "SUN397"), _ONE),
    **dict.fromkeys(("CLEVRClassification", "Imagenette"), _VAL_TESTS),
    **dict.fromkeys(("DTD", "Flowers102", "PCAM", "RenderedSST2"), _THREE),
    **dict.fromkeys(("Food101", "GTSRB", "STL10"), _SPLIT),
    "Caltech101": TorchvisionSet(target="target_type"),
    "Country211": TorchvisionSet("split", "train", "test", unread="valid"),
    "FER2013": TorchvisionSet("split", "train", "test", by_hand="fer2013/fer2013.csv"),
    "FGVCAircraft": TorchvisionSet("split", "trainval", "test", other_train=("train", "val")),
    "INaturalist": TorchvisionSet("version", "2021_train", "2021_valid", other_train=("2021_train_mini",)),
    "ImageNet": TorchvisionSet(
        "split",
        "train",
        "val",
        by_hand="ILSVRC2012_devkit_t12.tar.gz, ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar",
    ),
    "LFWPeople": TorchvisionSet(
        "split",
        "10fold",
        by_hand="lfw-py/lfw-funneled.tgz and what it holds, lfw-py/people.txt and lfw-py/lfw-names.txt",
    ),
    "Omniglot": TorchvisionSet("background", True),
    "OxfordIIITPet": TorchvisionSet("split", "trainval", "test"),
    "Places365": TorchvisionSet("split", "train-standard", "val", other_train=("train-challenge",)),
    "StanfordCars": TorchvisionSet(
        "split",
        "train",
        "test",
        by_hand="stanford_cars/devkit, stanford_cars/cars_train and, to test, stanford_cars/cars_test with "
        "stanford_cars/cars_test_annos_withlabels.mat",
    ),
    "SVHN": TorchvisionSet("split", "train", "test", other_train=("extra",)),
    "USPS": _FLAG,
}
