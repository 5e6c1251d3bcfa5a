from pathlib import Path

import pytest

from vggsweep.data.catalog import CATALOG, check_dataset
from vggsweep.errors import ConfigError

CONF = Path(__file__).parents[2] / "conf"
# of these nothing is known before their function is called or their files are opened
SOURCES = {"custom", "arrays", "huggingface", "torchvision"}
DATASETS = sorted({path.stem for path in (CONF / "dataset").glob("*.yaml")} - SOURCES)
AUGMENTS = sorted(path.stem for path in (CONF / "augment").glob("*.yaml"))


@pytest.mark.parametrize("option", DATASETS)
def test_every_dataset_option_is_complete_and_fits_its_data_set(option, dataset, pictures, tmp_path):
    root = str(pictures(tmp_path, {"cat": 5, "dog": 5})) if option == "image_folder" else None
    settings = dataset(option, root=root)
    assert settings.name == option
    check_dataset(settings)


def test_every_published_data_set_has_an_option():
    assert set(DATASETS) == {*CATALOG, "image_folder"}


@pytest.mark.parametrize("option", AUGMENTS)
def test_every_augment_option_is_complete(option, augmentation):
    settings = augmentation(option)
    assert settings.name == option
    assert settings.changes_images == (option != "none")


@pytest.mark.parametrize("group", ["dataset", "augment"])
def test_every_field_of_every_option_is_explained(group):
    for path in (CONF / group).glob("*.yaml"):
        for line in path.read_text().splitlines():
            assert "#" in line or line.startswith("name:"), f"{path.name}: {line}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_fraction": 1.0}, r"dataset.val_fraction=1.0 must be less than 1."),
        ({"val_fraction": 0}, r"dataset.val_fraction=0 must be more than 0."),
        ({"limit": 1}, r"dataset.limit=1 is too small; the least is 2."),
        ({"std": [0.0]}, r"dataset.std=\[0.0\] must be more than 0."),
        ({"loader": "resident_"}, r"Did you mean 'resident'\?"),
    ],
)
def test_a_value_out_of_bounds_is_refused_with_its_bound(change, message, dataset):
    with pytest.raises(ConfigError, match=message):
        dataset(**change)


def test_swapped_erase_areas_are_refused(augmentation):
    with pytest.raises(ConfigError, match="augment.erase_min_area=0.5 is larger"):
        augmentation("random_erasing", erase_min_area=0.5)
