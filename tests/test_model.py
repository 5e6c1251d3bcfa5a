from __future__ import annotations

import runpy
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import vggsweep
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.loading import load_data
from vggsweep.data.reading import read_images
from vggsweep.data.split import first_images, stratified_split
from vggsweep.errors import DataError, RecordError
from vggsweep.model import save_weights
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.disk.record import Record

if TYPE_CHECKING:
    Train = Callable[..., tuple[Record, TrialDirectory]]

EXAMPLE = Path(__file__).parents[1] / "examples" / "predict.py"


@pytest.fixture
def kept(train: Train) -> tuple[Record, TrialDirectory]:
    """A trained network with its weights."""
    return train("train.keep_weights=true")


def raw_validation_images(record: Record) -> tuple[torch.Tensor, torch.Tensor]:
    """The validation images of a record as bytes, and their labels."""
    settings = read_configuration(record.configuration).dataset
    images = read_images(settings, "train")
    part = stratified_split(images.labels, settings.val_fraction, settings.split_seed).validation
    part = part[first_images(images.labels[part], settings.limit, settings.split_seed)]
    return torch.from_numpy(images.read_all(part)), torch.from_numpy(images.labels[part])


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("train.ema=0.7",),
        ("budget=params", "budget.target=9e3", "arch.width=null", "budget.tolerance=0.2"),
        ("dataset.resolution=24", "train.channels_last=false"),
        ("dataset.mean=null", "dataset.std=null"),
    ],
)
def test_the_kept_network_has_the_recorded_accuracy_on_raw_images(
    train: Train, words: tuple[str, ...]
) -> None:
    record, directory = train("train.keep_weights=true", *words)
    model = vggsweep.load_model(directory.path)
    images, labels = raw_validation_images(record)
    with torch.no_grad():
        hits = (model(images).argmax(dim=1) == labels).sum().item()
    assert hits / len(labels) == record.metrics["val_acc"]


def test_forward_equals_the_network_on_loaded_batches(
    kept: tuple[Record, TrialDirectory], tiny: Callable[..., dict[str, Any]]
) -> None:
    record, directory = kept
    model = vggsweep.load_model(str(directory.path))
    configuration = read_configuration(tiny())
    with load_data(
        configuration.dataset,
        configuration.augment,
        batch_size=64,
        eval_batch_size=1000,
        seed=0,
        device="cpu",
        channels_last=False,
    ) as data:
        ((x_NCHW, _),) = data.validation.epoch(0)
    images, _ = raw_validation_images(record)
    with torch.no_grad():
        torch.testing.assert_close(model(images), model.network(x_NCHW))
    assert not model.training


def test_predict_gives_the_likeliest_classes_first(kept: tuple[Record, TrialDirectory]) -> None:
    record, directory = kept
    model = vggsweep.load_model(directory.path)
    images, _ = raw_validation_images(record)
    picture = Image.fromarray(images[0, 0].numpy())
    predicted = model.predict(picture, top=10)
    shares = [share for _, share in predicted]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert {name for name, _ in predicted} == set(model.class_names)
    assert "ankle boot" in {name.lower() for name in model.class_names}
    with torch.no_grad():
        best = int(model(images[:1]).argmax())
    assert predicted[0][0] == model.class_names[best]
    assert len(model.predict(picture)) == 5
    assert len(model.predict(picture, top=99)) == 10


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg", "picture.gif", "picture.tiff"])
def test_a_colour_file_of_any_size_is_predicted(
    kept: tuple[Record, TrialDirectory], tmp_path: Path, name: str
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / name)
    model = vggsweep.load_model(kept[1].path)
    assert len(model.predict(tmp_path / name, top=3)) == 3
    assert model.predict(str(tmp_path / name)) == model.predict(tmp_path / name)


def test_what_is_no_picture_is_refused_by_name(kept: tuple[Record, TrialDirectory], tmp_path: Path) -> None:
    model = vggsweep.load_model(kept[1].path)
    (tmp_path / "notes.txt").write_text("no picture")
    for name in ("notes.txt", "missing.png"):
        with pytest.raises(DataError, match=name):
            model.predict(tmp_path / name)


def test_images_of_another_size_are_refused(kept: tuple[Record, TrialDirectory]) -> None:
    model = vggsweep.load_model(kept[1].path)
    with pytest.raises(DataError, match=r"trained on torch.uint8 \[N, 1, 28, 28\]"):
        model(torch.zeros(2, 1, 32, 32, dtype=torch.uint8))


def test_own_pictures_are_predicted_as_they_were_trained_and_without_their_folder(
    train: Train, tmp_path: Path
) -> None:
    """A network of a picture folder: the folder is gone, and a turned, oblong picture comes in."""
    random = np.random.default_rng(0)
    for name, colour in {"blue": (0, 0, 200), "red": (200, 0, 0)}.items():
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            pixels = (random.integers(0, 55, (24, 36, 3)) + np.array(colour)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    oblong = random.integers(0, 256, (24, 60, 3), dtype=np.uint8)
    oblong[:, :30] //= 4
    turned = Image.fromarray(oblong)
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "pictures" / "red" / "turned.jpg", exif=turned.getexif())
    _, directory = train(
        "dataset=image_folder",
        f"dataset.root={tmp_path / 'pictures'}",
        "dataset.resolution=16",
        "dataset.limit=null",
        "train.batch_size=8",
        "train.keep_weights=true",
    )
    settings = read_configuration(vggsweep.read_record(directory.path).configuration).dataset
    images = read_images(settings, "train")
    where = [Path(path).name for path in images.pictures.paths].index("turned.jpg")  # type: ignore[attr-defined]
    as_trained = torch.from_numpy(images.read(np.array([where])))
    shutil.copy(tmp_path / "pictures" / "red" / "turned.jpg", tmp_path / "turned.jpg")
    shutil.rmtree(tmp_path / "pictures")
    model = vggsweep.load_model(directory.path)
    assert model.class_names == ("blue", "red")
    with torch.no_grad():
        shares = model(as_trained).softmax(dim=1)[0]
    assert dict(model.predict(tmp_path / "turned.jpg")) == pytest.approx(
        dict(zip(model.class_names, shares.tolist(), strict=True))
    )


def test_twelve_bits_in_sixteen_are_predicted_as_they_were_trained(train: Train, tmp_path: Path) -> None:
    """What is white is decided for the whole set, not file by file: a dark picture stays dark."""
    random = np.random.default_rng(0)
    for name, highest in {"bright": 4096, "dark": 400}.items():
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(20):
            pixels = random.integers(0, highest, (16, 16), dtype=np.uint16)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{number}.png")
    record, directory = train(
        "dataset=image_folder",
        f"dataset.root={tmp_path / 'pictures'}",
        "dataset.resolution=16",
        "dataset.limit=null",
        "train.batch_size=8",
        "train.keep_weights=true",
    )
    assert any("16-bit pictures is taken to be 0 to 4095" in note for note in record.notes)
    model = vggsweep.load_model(directory.path)
    settings = read_configuration(record.configuration).dataset
    images = read_images(settings, "train")
    pixels = images.read(np.arange(40))
    assert pixels[:20].max() == 255 and pixels[20:].max() == round(399 * 255 / 4095)
    with torch.no_grad():
        shares = model(torch.from_numpy(pixels[20:21])).softmax(dim=1)[0]
    assert dict(model.predict(images.pictures.paths[20])) == pytest.approx(  # type: ignore[attr-defined]
        dict(zip(model.class_names, shares.tolist(), strict=True))
    )


@pytest.mark.parametrize("address", ["runs/0", "runs/best", "outputs/runs/trials/00000"])
def test_a_model_is_loaded_by_the_address_of_its_trial(
    kept: tuple[Record, TrialDirectory], address: str
) -> None:
    assert len(vggsweep.load_model(address).class_names) == 10


def test_a_directory_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="does not exist"):
        vggsweep.load_model(tmp_path)


def test_a_trial_that_kept_no_weights_says_how_to_keep_them(train: Train) -> None:
    _, directory = train()
    with pytest.raises(RecordError, match="train.keep_weights=true"):
        vggsweep.load_model(directory.path)


def test_damaged_weights_are_refused(kept: tuple[Record, TrialDirectory]) -> None:
    weights = kept[1].weights
    weights.write_bytes(weights.read_bytes()[:-20])
    with pytest.raises(RecordError, match="model.safetensors is damaged"):
        vggsweep.load_model(kept[1].path)


def test_equal_weights_are_equal_files(kept: tuple[Record, TrialDirectory], tmp_path: Path) -> None:
    directory = kept[1]
    model = vggsweep.load_model(directory.path)
    for name in map(str, range(9)):  # an order left to chance would show by now
        save_weights(model.network, tmp_path / name, model.preprocess, model.class_names)
        assert (tmp_path / name).read_bytes() == directory.weights.read_bytes()


def test_weights_of_another_program_are_refused(kept: tuple[Record, TrialDirectory]) -> None:
    weights = kept[1].weights
    save_file(load_file(weights), weights)
    with pytest.raises(RecordError, match="does not belong to"):
        vggsweep.load_model(kept[1].path)


def test_weights_of_another_network_are_refused(kept: tuple[Record, TrialDirectory], train: Train) -> None:
    _, wider = train("train.keep_weights=true", "arch.width=8")
    shutil.copy(wider.weights, kept[1].weights)
    with pytest.raises(RecordError, match="does not belong to"):
        vggsweep.load_model(kept[1].path)


def test_the_example_names_a_picture(
    kept: tuple[Record, TrialDirectory],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, _ = raw_validation_images(kept[0])
    Image.fromarray(images[0, 0].numpy()).save(tmp_path / "boot.png")
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), str(kept[1].path), str(tmp_path / "boot.png")])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    names = vggsweep.load_model(kept[1].path).class_names
    assert len(lines) == 3
    assert all(line.split("%  ")[1] in names for line in lines)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "predict.py: name a trial and a picture: "),
        (["{trial}", "nowhere.jpg"], "predict.py: There is no picture 'nowhere.jpg'."),
        (["{trial}/../..", "nowhere.jpg"], "is a sweep; name one of its trials, such as "),
        (["nowhere", "nowhere.jpg"], "predict.py: 'nowhere' names no trial."),
    ],
    ids=["nothing", "no picture", "a sweep", "no trial"],
)
def test_the_example_says_in_one_sentence_what_it_was_not_given(
    kept: tuple[Record, TrialDirectory],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    told: str,
) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *(word.format(trial=kept[1].path) for word in words)])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert end.value.code in (1, 2)


def test_a_list_of_pictures_is_answered_one_by_one(
    kept: tuple[Record, TrialDirectory], tmp_path: Path
) -> None:
    model = vggsweep.load_model(kept[1].path)
    pictures = [Image.new("L", (28, 28), shade) for shade in (0, 200)]
    pictures[1].save(tmp_path / "light.png")

    several = model.predict([pictures[0], tmp_path / "light.png"], top=2)

    assert several == [model.predict(picture, top=2) for picture in pictures]
    assert model.predict([]) == []
