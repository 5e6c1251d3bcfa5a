import subprocess
import sys
from pathlib import Path

import pytest

from vggsweep.data.catalog import (
    CATALOG,
    check_dataset,
    check_test_split,
    class_names,
    data_root,
    find_test_pictures,
    resolve_num_classes,
    training_size,
)
from vggsweep.errors import ConfigError


@pytest.mark.parametrize(
    ("option", "change", "message"),
    [
        ("fashion_mnist", {"channels": 3}, "dataset.channels=3 .* have 1. Use dataset.channels=1."),
        ("cifar100", {"num_classes": 10}, "has 100 classes. Use dataset.num_classes=100."),
        ("mnist", {"num_classes": None}, "dataset.num_classes=null does not fit mnist"),
        ("cifar10", {"mean": [0.5]}, r"dataset.mean=\[0.5\] has 1 numbers for dataset.channels=3"),
        ("mnist", {"std": None}, "dataset.mean is given but dataset.std is null"),
        ("image_folder", {}, "dataset.root=/path/to/pictures"),
        ("image_folder", {"root": "/no/such/place"}, "dataset.root=/no/such/place is not a folder"),
    ],
)
def test_a_contradiction_is_refused_with_what_would_work(option, change, message, dataset):
    with pytest.raises(ConfigError, match=message):
        check_dataset(dataset(option, **change))


def test_a_root_that_is_a_file_is_refused(dataset, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file; name the folder"):
        check_dataset(dataset(root=str(tmp_path / "file")))


def test_a_folder_without_class_folders_is_refused(dataset, tmp_path):
    with pytest.raises(ConfigError, match="has no sub-folder with pictures; two classes are the least"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_a_single_class_is_refused(dataset, pictures, tmp_path):
    pictures(tmp_path, {"cats": 3, "empty": 0})
    with pytest.raises(ConfigError, match="has one such sub-folder, cats"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_a_wrong_number_of_classes_names_the_folders(dataset, pictures, tmp_path):
    pictures(tmp_path, {"cats": 3, "dogs": 3})
    with pytest.raises(ConfigError, match="has 2 class folders: cats, dogs. Use dataset.num_classes=null"):
        check_dataset(dataset("image_folder", root=str(tmp_path), num_classes=3))


def test_validating_on_a_missing_test_folder_is_refused(dataset, pictures, tmp_path):
    pictures(tmp_path, {"cats": 3, "dogs": 3})
    with pytest.raises(ConfigError, match="has no test split. Put test pictures into"):
        check_dataset(dataset("image_folder", root=str(tmp_path), validation="test"))


@pytest.mark.parametrize("option", ["fashion_mnist", "image_folder"])
def test_a_test_split_that_fits_is_accepted(option, dataset, pictures, tmp_path):
    pictures(tmp_path / "train", {"cats": 3, "dogs": 3})
    pictures(tmp_path / "test", {"cats": 3, "dogs": 3})
    check_test_split(dataset(option, root=str(tmp_path)))


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({}, "has no test split. Put test pictures into .*/test, one folder a class"),
        ({"cats": 3}, "have different class folders: dogs. Both need the same ones"),
        ({"cats": 3, "dogs": 0}, "have different class folders: dogs"),
        ({"cats": 3, "dogs": 1, "wolves": 1}, "have different class folders: wolves"),
        ({".": 3}, "has no test split. .* The pictures of .*/test are in no class folders"),
    ],
)
def test_a_test_split_that_does_not_fit_is_refused_without_opening_a_picture(
    test, message, dataset, pictures, tmp_path
):
    pictures(tmp_path / "train", {"cats": 3, "dogs": 3})
    pictures(tmp_path / "test", test)
    for validation in ("test", "split"):
        settings = dataset("image_folder", root=str(tmp_path), validation=validation)
        with pytest.raises(ConfigError, match=message):
            check_test_split(settings)
    with pytest.raises(ConfigError, match=message):
        check_dataset(dataset("image_folder", root=str(tmp_path), validation="test"))


def test_training_pictures_are_no_test_by_a_link(dataset, pictures, tmp_path):
    pictures(tmp_path / "train", {"cats": 3, "dogs": 3})
    (tmp_path / "test").mkdir()
    for name in ("cats", "dogs"):
        (tmp_path / "test" / name).symlink_to(tmp_path / "train" / name)
    with pytest.raises(ConfigError, match="leads by links to the training pictures"):
        check_test_split(dataset("image_folder", root=str(tmp_path)))


def test_labels_go_by_name_in_whatever_form_its_letters_are_written(dataset, pictures, tmp_path):
    """A decomposed é sorts before z, a composed one after it."""
    pictures(tmp_path / "train", {"z": 3, "\u00e9": 2})
    pictures(tmp_path / "test", {"z": 1, "e\u0301": 4})
    found = find_test_pictures(dataset("image_folder", root=str(tmp_path)))
    assert found.class_names == ("z", "\u00e9")
    assert found.labels == (1, 1, 1, 1, 0)
    pictures(tmp_path / "train", {"e\u0301": 2})
    with pytest.raises(ConfigError, match="several class folders that read \u00e9"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_a_folder_around_the_data_set_is_looked_through(dataset, pictures, tmp_path):
    pictures(tmp_path / "archive", {"cats": 3, "dogs": 3})
    with pytest.raises(ConfigError, match=f"Did you mean dataset.root={tmp_path}/archive"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_a_folder_of_files_that_are_not_read_says_what_it_has(dataset, pictures, tmp_path):
    pictures(tmp_path, {"cats": 0, "dogs": 0, ".": 2})
    for name in ("cats", "dogs"):
        (tmp_path / name / "1.heic").touch()
    with pytest.raises(ConfigError, match=r"2 files are not read .*2 .heic. 2 pictures lie in no sub-folder"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_a_folder_that_leaves_one_training_picture_is_refused(dataset, pictures, tmp_path):
    pictures(tmp_path, {"cats": 1, "dogs": 1})
    with pytest.raises(ConfigError, match="leaves a single training image"):
        check_dataset(dataset("image_folder", root=str(tmp_path)))


def test_training_size_takes_off_the_validation_part_and_the_limit(dataset):
    assert training_size(dataset()) == 4_800
    assert training_size(dataset("fashion_mnist")) == 54_000
    assert training_size(dataset("fashion_mnist", validation="test")) == 60_000
    assert training_size(dataset(limit=100)) == 100
    assert training_size(dataset(limit=10_000)) == 4_800


def test_pictures_are_counted_from_the_folders(dataset, pictures, tmp_path):
    settings = dataset("image_folder", root=str(pictures(tmp_path, {"dogs": 6, "cats": 4})))
    assert class_names(settings) == ("cats", "dogs")
    assert resolve_num_classes(settings) == 2
    assert training_size(settings) == 8


def test_every_class_has_its_own_name():
    for facts in CATALOG.values():
        assert len(set(facts.class_names)) == len(facts.class_names)


def test_class_names_are_those_of_torchvision():
    from torchvision.datasets import KMNIST, FashionMNIST

    assert [name.lower() for name in FashionMNIST.classes][1:] == list(CATALOG["fashion_mnist"].class_names)[
        1:
    ]
    assert tuple(KMNIST.classes) == CATALOG["kmnist"].class_names
    assert len(CATALOG["cifar100"].class_names) == 100


def test_the_data_root_can_come_from_the_environment(dataset, monkeypatch, tmp_path):
    monkeypatch.delenv("VGGSWEEP_DATA", raising=False)
    assert data_root(dataset()) == Path.home() / ".cache" / "vggsweep"
    monkeypatch.setenv("VGGSWEEP_DATA", str(tmp_path))
    assert data_root(dataset()) == tmp_path
    assert data_root(dataset(root="/elsewhere")) == Path("/elsewhere")


def test_facts_are_known_without_torch():
    code = "import sys, vggsweep.data.catalog, vggsweep.data.reading; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
