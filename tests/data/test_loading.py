import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vggsweep.data import idx
from vggsweep.data.catalog import training_size
from vggsweep.data.loading import choose_loader
from vggsweep.data.reading import read_images
from vggsweep.data.split import first_images
from vggsweep.errors import ConfigError, DataError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def labels_of(source) -> list[int]:
    return [label for _, y in source.epoch(0) for label in y.tolist()]


def test_the_default_data_set_has_its_documented_sizes(dataset, load):
    data = load(dataset())
    assert (data.train.num_images, data.validation.num_images) == (4_800, 1_200)
    assert data.open_test().num_images == 2_000
    assert np.bincount(labels_of(data.validation)).tolist() == [120] * 10
    assert len(data.class_names) == 10
    assert data.note is None


@pytest.mark.parametrize("limit", [50, 1_000, 1_500])
def test_a_limit_holds_for_every_part_and_keeps_every_class(limit, dataset, load):
    settings = dataset(limit=limit)
    data = load(settings)
    sources = (data.train, data.validation, data.open_test())
    assert [source.num_images for source in sources] == [limit, min(limit, 1_200), limit]
    assert data.train.num_images == training_size(settings)
    for source in sources:
        assert len(set(labels_of(source))) == 10


def test_the_validation_part_does_not_follow_the_trials_seed(dataset, load):
    first, second = (load(dataset(limit=60), seed=seed) for seed in (0, 1))
    for (x, _), (other, _) in zip(first.validation.epoch(0), second.validation.epoch(0), strict=True):
        assert torch.equal(x, other)
    other_split = load(dataset(limit=60, split_seed=1))
    assert not torch.equal(next(other_split.validation.epoch(0))[0], next(first.validation.epoch(0))[0])


def test_validating_on_the_test_split_trains_on_everything_and_says_so(dataset, load):
    data = load(dataset(validation="test"))
    assert (data.train.num_images, data.validation.num_images) == (6_000, 2_000)
    assert "Validation is the test split of fashion_mnist_mini" in data.note


def test_normalised_training_images_have_mean_zero_and_deviation_one(dataset, load):
    images = torch.cat([x for x, _ in load(dataset(resolution=28)).train.epoch(0)])
    assert abs(images.mean()) < 0.01
    assert abs(images.std() - 1) < 0.01


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_test_split_is_not_opened_before_it_is_asked_for(dataset, load, tmp_path):
    folder = tmp_path / "fashion_mnist"
    folder.mkdir()
    for name in idx.STEMS["train"]:
        shutil.copy(DEBIAN / f"{name}.gz", folder)
    for name in idx.STEMS["test"]:
        (folder / f"{name}.gz").write_bytes(b"damaged")
    data = load(dataset("fashion_mnist", root=str(tmp_path)))
    assert (data.train.num_images, data.validation.num_images) == (54_000, 6_000)
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte.gz is damaged"):
        data.open_test()


def test_pictures_without_a_test_folder_train_and_only_the_test_fails(dataset, load, pictures, tmp_path):
    pictures(tmp_path, {"cats": 10, "dogs": 10})
    data = load(dataset("image_folder", root=str(tmp_path), resolution=16))
    assert (data.train.num_images, data.validation.num_images) == (16, 4)
    with pytest.raises(ConfigError, match=r"has no test split. Put test pictures into .*test"):
        data.open_test()


def test_test_pictures_are_opened_on_request(dataset, load, pictures, tmp_path):
    pictures(tmp_path / "train", {"cats": 10, "dogs": 10})
    pictures(tmp_path / "test", {"cats": 3, "dogs": 4})
    data = load(dataset("image_folder", root=str(tmp_path), resolution=16, channels=1, mean=[0.5], std=[0.5]))
    test = data.open_test()
    assert labels_of(test) == [0] * 3 + [1] * 4
    assert next(test.epoch(0))[0].shape == (7, 1, 16, 16)


def test_test_folders_must_be_the_training_folders(dataset, load, pictures, tmp_path):
    pictures(tmp_path / "train", {"cats": 10, "dogs": 10})
    pictures(tmp_path / "test", {"cats": 3, "wolves": 4})
    data = load(dataset("image_folder", root=str(tmp_path), resolution=16))
    with pytest.raises(ConfigError, match="different class folders: dogs, wolves"):
        data.open_test()


def test_an_unused_validation_folder_is_mentioned(dataset, load, pictures, tmp_path):
    for part in ("train", "val"):
        pictures(tmp_path / part, {"cats": 5, "dogs": 5})
    assert "val is not read" in load(dataset("image_folder", root=str(tmp_path), resolution=16)).note


def test_trials_of_one_process_share_the_raw_images(dataset):
    assert read_images(dataset(), "train") is read_images(dataset(resolution=64, limit=10), "train")
    assert read_images(dataset(), "train") is not read_images(dataset(), "test")


def test_a_limited_set_is_a_part_of_the_whole(dataset):
    labels = read_images(dataset(), "train").labels
    few, more = first_images(labels, 100, 0), first_images(labels, 1_000, 0)
    assert set(few) < set(more)


def test_images_stay_resident_while_they_fit():
    cpu = torch.device("cpu")
    assert choose_loader("auto", 10**6, cpu) == "resident"
    assert choose_loader("auto", 10**15, cpu) == "streaming"
    assert choose_loader("resident", 10**15, cpu) == "resident"
    assert choose_loader("streaming", 1, cpu) == "streaming"


@pytest.mark.cuda
def test_a_gpus_free_memory_decides():
    gpu = torch.device("cuda")
    assert choose_loader("auto", 10**6, gpu) == "resident"
    assert choose_loader("auto", 10**15, gpu) == "streaming"
