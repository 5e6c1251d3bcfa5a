import pytest

from vggsweep.data.splits import find_layout, list_split, role_of
from vggsweep.errors import ConfigError

CLASSES = {"cats": 1, "dogs": 1}


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train", "test"),
        ("Train", "Test"),
        ("TRAIN", "TEST"),
        ("Training", "Testing"),
        ("training_set", "test_set"),
        ("trainset", "testset"),
        ("train_images", "test_images"),
        ("TrainImages", "TestImages"),
        ("Training Data", "Testing Data"),
        ("seg_train", "seg_test"),
        ("asl_alphabet_train", "asl_alphabet_test"),
        ("train2017", "test2017"),
        ("Trainingsdaten", "Testdaten"),
        ("01_train", "02_test"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/images", "test/images"),
    ],
)
def test_splits_are_found_by_every_usual_name(train, test, pictures, tmp_path):
    pictures(tmp_path / train, CLASSES)
    pictures(tmp_path / test, {"cats": 2, "dogs": 3})
    layout = find_layout(tmp_path)
    assert (layout.train.path, layout.test.path) == (str(tmp_path / train), str(tmp_path / test))
    assert list_split(tmp_path, "train").class_names == ("cats", "dogs")
    assert len(list_split(tmp_path, "test").paths) == 5


def test_folders_of_classes_are_no_splits(pictures, tmp_path):
    pictures(tmp_path, CLASSES)
    layout = find_layout(tmp_path)
    assert layout.train.path == str(tmp_path)
    assert layout.test is None
    assert layout.sentences() == []


@pytest.mark.parametrize(
    "classes",
    [
        ("train", "tram"),
        ("bullet_train/2019", "bullet_train/2020", "car"),
        ("test_tube", "flask", "beaker"),
        ("valid", "invalid"),
        ("valid", "expired", "damaged"),
        ("test", "control"),
        ("trainers", "boots", "testudo"),
        ("bullet_train", "test_tube", "car"),
        ("cats/indoor", "cats/outdoor", "dogs/indoor", "dogs/outdoor"),
    ],
)
def test_classes_that_sound_like_splits_stay_classes(classes, pictures, tmp_path):
    pictures(tmp_path, dict.fromkeys(classes, 1))
    names = sorted({name.split("/")[0] for name in classes})
    assert list(list_split(tmp_path, "train").class_names) == names


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (("train", "test"), "has the splits test, train, but the pictures of test, train are not sorted"),
        (("train", "test/cats", "test/dogs"), "the pictures of train are not sorted into class folders"),
        (("cats", "dogs", "test/cats", "test/dogs"), "has test beside cats, dogs: it looks like a split"),
        (("cats", "dogs", "Test"), "has Test beside cats, dogs"),
        (("val/cats", "val/dogs", "test/cats", "test/dogs"), "has test, val beside nothing else"),
        (
            ("train_1/cats", "train_2/cats", "train_1/dogs"),
            "several folders for its train split: train_1, tr",
        ),
        (("Train/cats", "train/cats", "test/cats"), "several folders for its train split"),
        (("train/cats", "test/cats", "Test_old/cats"), "several folders for its test split: Test_old, test"),
        (("cats/train", "cats/test", "dogs/train", "dogs/test"), "train and test inside each of cats, dogs"),
        (("seg_train/cats", "seg_train/dogs", "seg_pred", "docs"), "has seg_train beside docs, seg_pred"),
    ],
)
def test_what_has_two_readings_is_refused_with_the_way_out(folders, message, pictures, tmp_path):
    pictures(tmp_path, dict.fromkeys(folders, 1))
    with pytest.raises(ConfigError, match=f"{message}.*train/"):
        find_layout(tmp_path)


def test_folders_beside_the_splits_are_told(pictures, tmp_path):
    for split in ("train", "Val", "seg_pred"):
        pictures(tmp_path / split, CLASSES)
    (tmp_path / "train" / "cats" / "000.png").rename(tmp_path / "train" / "loose.png")
    pictures(tmp_path / "train", {"cats": 1})
    layout = find_layout(tmp_path)
    assert layout.train.path == str(tmp_path / "train")
    assert layout.test is None
    unread, loose = layout.sentences()
    assert f"{tmp_path}/Val, {tmp_path}/seg_pred are not read" in unread
    assert "1 of the pictures" in loose


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("Validation", "validation"),
        ("devset", "validation"),
        ("TESTING", "test"),
        ("train_test_split", None),
        ("trainval", None),
        ("contest", None),
        ("strain", None),
        ("", None),
    ],
)
def test_a_name_says_one_role_or_none(name, role):
    assert role_of(name) == role
