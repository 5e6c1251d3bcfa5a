"""Every classification set of torchvision, from small files in its real format."""

from __future__ import annotations

import inspect
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision import datasets

from tests.data.test_custom import PLAIN
from tests.data.torchvision_files import MAKERS, SIZE, shade, write_set
from vggsweep.data import torchvision_source
from vggsweep.data.catalog import check_dataset, check_test_split, class_names, training_size
from vggsweep.data.fingerprint import data_fingerprint, data_stamp
from vggsweep.data.loading import load_data
from vggsweep.data.reading import read_images
from vggsweep.data.settings import TorchvisionSettings
from vggsweep.data.torchvision_class import keywords
from vggsweep.data.torchvision_sets import SETS
from vggsweep.errors import ConfigError, DataError

OPTIONS = {"EMNIST": {"split": "letters"}}
GREY = ("EMNIST", "FER2013", "FashionMNIST", "KMNIST", "MNIST", "QMNIST", "SEMEION", "USPS")
Settings = Callable[..., TorchvisionSettings]


@pytest.fixture(autouse=True)
def fresh() -> None:
    torchvision_source._opened.cache_clear()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    def build(name: str, **changes: Any) -> TorchvisionSettings:
        fields: dict[str, Any] = {
            "options": OPTIONS.get(name, {}),
            "download": False,
            "root": str(tmp_path),
            "channels": 1 if name in GREY else 3,
            "num_classes": None,
            "resolution": SIZE,
            "limit": None,
            "val_fraction": 0.2,
            "split_seed": 0,
            "validation": "split",
            "mean": None,
            "std": None,
            "loader": "auto",
            "workers": 0,
            **changes,
        }
        return TorchvisionSettings(name=name, **fields)

    return build


def load(chosen: TorchvisionSettings, **how: Any) -> Any:
    words = {"batch_size": 4, "eval_batch_size": 4, "seed": 0, "device": "cpu", "channels_last": False, **how}
    return load_data(chosen, PLAIN, **words)


@pytest.mark.parametrize("name", SETS)
def test_every_name_is_a_class_whose_constructor_takes_what_the_table_says(name: str) -> None:
    known, cls = SETS[name], getattr(datasets, name)
    for split in ("train", "test") if known.test is not None or known.argument is None else ("train",):
        words = keywords(name, OPTIONS.get(name, {}), split)
        inspect.signature(cls).bind("root", **words)
    assert known.by_hand is not None or "download" in words


def test_no_classification_set_of_torchvision_is_forgotten() -> None:
    """What is left out has boxes, captions, flows, films, pairs, forty labels, or no pictures of its own."""
    others = """
        CarlaStereo CelebA Cityscapes CocoCaptions CocoDetection CREStereo DatasetFolder ETH3DStereo FakeData
        FallingThingsStereo Flickr8k Flickr30k FlyingChairs FlyingThings3D HD1K HMDB51 ImageFolder InStereo2k
        Kinetics Kitti Kitti2012Stereo Kitti2015Stereo KittiFlow LFWPairs LSUN LSUNClass Middlebury2014Stereo
        MovingMNIST PhotoTour SBDataset SBU SceneFlowStereo Sintel SintelStereo UCF101 VisionDataset
        VOCDetection VOCSegmentation WIDERFace wrap_dataset_for_transforms_v2
    """
    assert set(datasets.__all__) - set(others.split()) == set(SETS) == set(MAKERS)


@pytest.mark.parametrize("name", SETS)
def test_pictures_and_labels_are_those_of_the_files(
    name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(name, tmp_path, monkeypatch)
    chosen = settings(name)
    check_dataset(chosen)
    check_test_split(chosen)

    train, test = (read_images(chosen, split) for split in ("train", "test"))

    is_by_rule = SETS[name].test is None
    assert len(train.labels) == (12 if is_by_rule else 15)
    assert np.bincount(train.labels).tolist() == [len(train.labels) // 3] * 3
    assert len(class_names(chosen)) == 3
    for images, split in ((train, "train"), (test, "train" if is_by_rule else "test")):
        grey = images.read(np.arange(len(images.labels))).mean(axis=(1, 2, 3))
        expected = [shade(label, split) for label in images.labels]
        assert np.abs(grey - expected).max() <= 2


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("CIFAR10", ("ant", "bee", "cow")),
        ("CLEVRClassification", ("3", "4", "5")),
        ("Caltech101", ("ant", "bee", "cow")),
        ("EMNIST", ("a", "b", "c")),
        ("Flowers102", ("pink primrose", "hard-leaved pocket orchid", "canterbury bells")),
        ("GTSRB", ("0", "1", "2")),
        (
            "INaturalist",
            tuple(f"{at:05d}_Animalia_a_b_c_d_e_{n}" for at, n in enumerate(("ant", "bee", "cow"))),
        ),
        ("ImageNet", ("ant", "bee", "cow")),
        ("Imagenette", ("tench", "English springer", "cassette player")),
        ("LFWPeople", ("ant", "bee", "cow")),
        ("Places365", ("/a/ant", "/b/bee", "/c/cow")),
        ("STL10", ("ant", "bee", "cow")),
        ("StanfordCars", ("ant", "bee", "cow")),
    ],
)
def test_classes_are_called_as_the_set_calls_them(
    name: str, names: tuple[str, ...], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(name, tmp_path, monkeypatch)

    assert class_names(settings(name)) == names


def test_test_split_is_not_constructed_before_it_is_asked_for(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set("GTSRB", tmp_path, monkeypatch)
    for file in (tmp_path / "gtsrb/GTSRB/Final_Test/Images").iterdir():
        file.write_bytes(b"no picture")
    (tmp_path / "gtsrb/GT-final_test.csv").rename(tmp_path / "away.csv")
    chosen = settings("GTSRB")
    check_dataset(chosen)
    data_fingerprint(chosen)
    with load(chosen) as data:
        assert (data.train.num_images, data.validation.num_images) == (12, 3)
        list(data.validation.epoch(0))
        with pytest.raises(DataError, match="GT-final_test.csv"):
            data.open_test()


@pytest.mark.parametrize("name", ["EuroSAT", "SEMEION"])
def test_a_set_without_a_test_split_gets_the_same_one_whatever_is_set(
    name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(name, tmp_path, monkeypatch)
    with load(settings(name)) as data:
        assert f"{name} has no test split: 3 of its 15 pictures were set aside" in (data.note or "")
        test = torch.cat([x_NCHW for x_NCHW, _ in data.open_test().epoch(0)])
        assert len(test) == 3
    with load(settings(name, split_seed=5, val_fraction=0.4, limit=4)) as data:
        assert torch.equal(next(iter(data.open_test().epoch(0)))[0], test)
    digest = data_fingerprint(settings(name)).digest
    assert data_fingerprint(settings(name, split_seed=5)).digest == digest
    assert data_fingerprint(settings(name), with_test=True).digest != digest


def test_notes_say_which_split_tests_and_which_is_not_read(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, note in (
        ("Imagenette", "The test split is what Imagenette calls val."),
        ("DTD", "The split val of DTD is not read"),
    ):
        write_set(name, tmp_path, monkeypatch)
        with load(settings(name)) as data:
            assert note in (data.note or "")


@pytest.mark.parametrize("name", ["CIFAR10", "Food101"])
def test_both_loaders_give_equal_batches(
    name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(name, tmp_path, monkeypatch)
    batches = []
    for loader in ("resident", "streaming"):
        with load(settings(name, loader=loader)) as data:
            assert data.loader == loader
            batches.append([(x, y) for epoch in range(2) for x, y in data.train.epoch(epoch)])
    assert all(torch.equal(x, u) and torch.equal(y, v) for (x, y), (u, v) in zip(*batches, strict=True))


def test_fingerprint_is_of_the_contents_wherever_they_lie(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Food101", "STL10"):
        here, there = (write_set(name, tmp_path / place / name, monkeypatch) for place in "ab")
        taken = data_fingerprint(settings(name, root=str(here)))
        assert taken.counts["train/ant"] == 5
        assert data_fingerprint(settings(name, root=str(there))).digest == taken.digest
    file = tmp_path / "a/Food101/food-101/images/ant/train0.jpg"
    chosen = settings("Food101", root=str(tmp_path / "a/Food101"))
    stamp, before = data_stamp(chosen), data_fingerprint(chosen)
    file.write_bytes(file.read_bytes() + b"\0")
    assert data_stamp(chosen) != stamp
    assert data_fingerprint(chosen).digest != before.digest


def test_classes_do_not_depend_on_how_the_file_system_lists_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torchvision.datasets import omniglot

    write_set("Omniglot", tmp_path, monkeypatch)
    first = read_images(settings("Omniglot"), "train")
    listed = omniglot.list_dir
    monkeypatch.setattr(
        omniglot, "list_dir", lambda *how, **words: sorted(listed(*how, **words), reverse=True)
    )
    torchvision_source._opened.cache_clear()
    again = read_images(settings("Omniglot"), "train")
    assert (first.read(np.arange(12)) == again.read(np.arange(12))).all()
    assert class_names(settings("Omniglot")) == ("a/ant", "b/bee", "c/cow")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("EMNIST", {}, "EMNIST needs dataset.options.split, such as .* Valid: byclass, bymerge"),
        ("EMNIST", {"split": "lettrs"}, "refuses dataset.options: Unknown value 'lettrs'"),
        ("DTD", {"partion": 2}, "is no option of DTD. Did you mean 'partition'?"),
        ("EuroSAT", {"split": "train"}, "is no option of EuroSAT. EuroSAT has no options"),
        ("MNIST", {"train": False}, "options.train=False does not say what trains"),
        ("QMNIST", {"what": "test"}, "options.what is no option of QMNIST"),
        ("SVHN", {"split": "test"}, r"Use dataset.options.split=train\|extra, or leave it out"),
        ("Caltech101", {"target_type": "annotation"}, "is no option of Caltech101"),
        ("SVHN", "extra", "should be keywords"),
    ],
)
def test_an_option_that_the_class_does_not_take_is_refused(
    name: str, options: Any, said: str, settings: Settings
) -> None:
    with pytest.raises(ConfigError, match=said):
        check_dataset(settings(name, options=options))


def test_options_say_which_kind_of_label_and_which_pictures_train(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set("OxfordIIITPet", tmp_path, monkeypatch)
    chosen = settings("OxfordIIITPet", options={"target_types": "binary-category"})
    assert class_names(chosen) == ("Cat", "Dog")
    write_set("SVHN", tmp_path, monkeypatch)
    shutil.move(tmp_path / "train_32x32.mat", tmp_path / "extra_32x32.mat")
    published = datasets.SVHN.split_list["train"][2]
    monkeypatch.setitem(datasets.SVHN.split_list, "extra", ["", "extra_32x32.mat", published])
    assert training_size(settings("SVHN", options={"split": "extra"})) == 12


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("EuroSAT", "is not whole below .* let them be downloaded with dataset.download=true"),
        ("StanfordCars", "torchvision downloads none: put stanford_cars/devkit"),
        ("ImageNet", "torchvision downloads none: put ILSVRC2012_devkit_t12.tar.gz"),
        ("USPS", "is not whole below"),
    ],
)
def test_missing_files_are_told_with_what_would_bring_them(
    name: str, said: str, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=said) as refusal:
        check_dataset(settings(name))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["CIFAR10", "MNIST", "STL10", "SVHN", "USPS"])
def test_a_truncated_file_is_one_paragraph(
    name: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set(name, tmp_path, monkeypatch)
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])
    with pytest.raises(DataError, match=f"dataset.name={name}") as refusal:
        check_dataset(settings(name))
    assert "\n" not in str(refusal.value)


def test_more_channels_than_the_images_have_are_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_set("MNIST", tmp_path, monkeypatch)
    with pytest.raises(ConfigError, match="dataset.name=MNIST, whose images have 1. Use dataset.channels=1"):
        check_dataset(settings("MNIST", channels=3))
    write_set("DTD", tmp_path, monkeypatch)
    check_dataset(settings("DTD", channels=1))
    with pytest.raises(ConfigError, match="channels=2 does not fit pictures"):
        check_dataset(settings("DTD", channels=2))
