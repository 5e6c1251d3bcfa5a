"""Small sets in the real formats of torchvision's classes: three classes, each grey of its own.

A training picture of class k is grey of `shade(k)`, a test picture of `shade(k, "test")`.
"""

from __future__ import annotations

import bz2
import csv
import hashlib
import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

CLASSES = 3
EACH = {"train": 5, "test": 2}
SPLITS = ("train", "test")
SIZE = 12


def shade(label: int, split: str = "train") -> int:
    return 40 + 60 * label + 25 * (split == "test")


def examples(split: str) -> list[tuple[int, int]]:
    """(class, number) of each picture, classes mixed."""
    return [(label, number) for number in range(EACH[split]) for label in range(CLASSES)]


def labels(split: str, first: int = 0) -> np.ndarray[Any, Any]:
    return np.array([first + label for label, _ in examples(split)])


def pixels(split: str, *shape: int) -> np.ndarray[Any, Any]:
    """uint8 [N, *shape]."""
    return np.stack([np.full(shape, shade(label, split), np.uint8) for label, _ in examples(split)])


def picture(path: Path, label: int, split: str = "train") -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (SIZE + 4, SIZE), (shade(label, split),) * 3).save(path)
    return path.name


def write(path: Path, content: bytes | str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def idx(array: np.ndarray[Any, Any], kind: int = 8) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


def idx_set(folder: str, stems: dict[str, str], first: int = 0, times: int = 1) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for split, stem in stems.items():
            shown = pixels(split, SIZE, SIZE).repeat(times, axis=0)
            write(root / folder / "raw" / f"{stem}-images-idx3-ubyte", idx(shown))
            told = labels(split, first).astype(np.uint8).repeat(times)
            write(root / folder / "raw" / f"{stem}-labels-idx1-ubyte", idx(told))

    return make


def qmnist(root: Path) -> None:
    for split in SPLITS:
        told = np.zeros((len(labels(split)), 8), ">i4")
        told[:, 0] = labels(split)
        write(root / f"QMNIST/raw/qmnist-{split}-images-idx3-ubyte", idx(pixels(split, SIZE, SIZE)))
        write(root / f"QMNIST/raw/qmnist-{split}-labels-idx2-int", idx(told, 12))


def cifar(
    folder: str, members: dict[str, list[str]], key: str, meta: tuple[str, str]
) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for split, names in members.items():
            for part, name in enumerate(names):
                data = pixels(split, 3 * 32 * 32)[part :: len(names)]
                told = labels(split)[part :: len(names)].tolist()
                write(root / folder / name, pickle.dumps({"data": data, key: told}))
        write(root / folder / meta[0], pickle.dumps({meta[1]: ["ant", "bee", "cow"]}))

    return make


def usps(root: Path) -> None:
    for split, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = (
            f"{label + 1} " + " ".join(f"{i + 1}:{shade(label, split) / 127.5 - 1:.6f}" for i in range(256))
            for label, _ in examples(split)
        )
        write(root / name, bz2.compress("\n".join(lines).encode()))


def semeion(root: Path) -> None:
    """Pixels are 0 or 1 here: its grey is how many are white."""
    lines = []
    for label, _ in examples("train"):
        bits = [1.0] * shade(label) + [0.0] * 256
        lines.append(
            " ".join(f"{bit:.4f}" for bit in bits[:256]) + " " + " ".join("01"[k == label] for k in range(10))
        )
    write(root / "semeion.data", "\n".join(lines))


def stl10(root: Path) -> None:
    base = root / "stl10_binary"
    for split in SPLITS:
        write(base / f"{split}_X.bin", pixels(split, 3, 96, 96).tobytes())
        write(base / f"{split}_y.bin", (labels(split) + 1).astype(np.uint8).tobytes())
    write(base / "unlabeled_X.bin", b"")
    write(base / "class_names.txt", "ant\nbee\ncow\n")


def svhn(root: Path) -> None:
    for split in SPLITS:
        cropped = pixels(split, 32, 32, 3).transpose(1, 2, 3, 0)
        told = np.where(labels(split) == 0, 10, labels(split))[:, None]
        savemat(root / f"{split}_32x32.mat", {"X": cropped, "y": told.astype(np.uint8)})


def fer2013(root: Path) -> None:
    (root / "fer2013").mkdir()
    with (root / "fer2013/fer2013.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["emotion", "pixels", "Usage"])
        for split, usage in (("train", "Training"), ("test", "PublicTest")):
            for label, _ in examples(split):
                rows.writerow([label, " ".join([str(shade(label, split))] * 48 * 48), usage])


def pcam(root: Path) -> None:
    h5py = pytest.importorskip("h5py")
    (root / "pcam").mkdir()
    for split in SPLITS:
        for kind, array in (("x", pixels(split, SIZE, SIZE, 3)), ("y", labels(split)[:, None, None, None])):
            with h5py.File(root / f"pcam/camelyonpatch_level_2_split_{split}_{kind}.h5", "w") as file:
                file[kind] = array


def folders(
    pattern: str, names: tuple[str, ...] = ("ant", "bee", "cow"), **splits: str
) -> Callable[[Path], None]:
    """Class folders; `pattern` says where a picture is, by split, name, label and numbers from 1."""

    def make(root: Path) -> None:
        for split in SPLITS if splits else ("train",):
            for label, number in examples(split):
                words = {"name": names[label], "label": label, "above": label + 1, "number": number + 1}
                picture(root / pattern.format(split=splits.get(split), **words), label, split)

    return make


def both(*makers: Callable[[Path], None]) -> Callable[[Path], None]:
    def make(root: Path) -> None:
        for one in makers:
            one(root)

    return make


def gtsrb(root: Path) -> None:
    base = root / "gtsrb"
    rows = ["Filename;Width;ClassId"]
    for label, number in examples("train"):
        picture(base / f"GTSRB/Training/{label:05d}/{number}.ppm", label)
    for label, number in examples("test"):
        name = picture(base / f"GTSRB/Final_Test/Images/{label}{number}.ppm", label, "test")
        rows.append(f"{name};{SIZE};{label}")
    write(base / "GT-final_test.csv", "\n".join(rows))


def flowers(root: Path) -> None:
    base, ids, told = root / "flowers-102", {"trnid": [], "tstid": [], "valid": [1]}, []
    for split in SPLITS:
        for label, _ in examples(split):
            told.append(label + 1)
            ids["trnid" if split == "train" else "tstid"].append(len(told))
            picture(base / f"jpg/image_{len(told):05d}.jpg", label, split)
    savemat(base / "setid.mat", ids)
    savemat(base / "imagelabels.mat", {"labels": told})


def food(root: Path) -> None:
    base = root / "food-101"
    for split in SPLITS:
        listed: dict[str, list[str]] = {}
        for label, number in examples(split):
            name = f"{'ant bee cow'.split()[label]}/{split}{number}"
            picture(base / f"images/{name}.jpg", label, split)
            listed.setdefault(name.partition("/")[0], []).append(name)
        write(base / f"meta/{split}.json", json.dumps(listed))


def pets(root: Path) -> None:
    base = root / "oxford-iiit-pet"
    for split, file in (("train", "trainval"), ("test", "test")):
        lines = []
        for label, number in examples(split):
            name = f"{'ant bee cow'.split()[label]}_{split}_{number}".replace(f"_{split}", split)
            picture(base / f"images/{name}.jpg", label, split)
            lines.append(f"{name} {label + 1} {1 + (label > 0)} 1")
        write(base / f"annotations/{file}.txt", "\n".join(lines))


def dtd(root: Path) -> None:
    for split in SPLITS:
        lines = []
        for label, number in examples(split):
            name = "ant bee cow".split()[label]
            lines.append(
                f"{name}/" + picture(root / f"dtd/dtd/images/{name}/{split}{number}.jpg", label, split)
            )
        write(root / f"dtd/dtd/labels/{split}1.txt", "\n".join(lines))


def aircraft(root: Path) -> None:
    base = root / "fgvc-aircraft-2013b/data"
    write(base / "variants.txt", "ant\nbee\ncow\n")
    for split, file in (("train", "trainval"), ("test", "test")):
        lines = []
        for label, number in examples(split):
            picture(base / f"images/{split}{label}{number}.jpg", label, split)
            lines.append(f"{split}{label}{number} {'ant bee cow'.split()[label]}")
        write(base / f"images_variant_{file}.txt", "\n".join(lines))


def cars(root: Path) -> None:
    base, kinds = root / "stanford_cars", [("fname", "O"), ("class", "O")]
    for split, file in (("train", "devkit/cars_train_annos.mat"), ("test", "cars_test_annos_withlabels.mat")):
        rows = [
            (picture(base / f"cars_{split}/{label}{number}.jpg", label, split), label + 1)
            for label, number in examples(split)
        ]
        (base / file).parent.mkdir(parents=True, exist_ok=True)
        savemat(base / file, {"annotations": np.array(rows, dtype=kinds)})
    savemat(base / "devkit/cars_meta.mat", {"class_names": np.array(["ant", "bee", "cow"], dtype=object)})


def clevr(root: Path) -> None:
    base = root / "clevr/CLEVR_v1.0"
    for split, file in (("train", "train"), ("test", "val")):
        scenes = [
            {
                "image_filename": picture(base / f"images/{file}/{label}{number}.png", label, split),
                "objects": [{}] * (3 + label),
            }
            for label, number in examples(split)
        ]
        write(base / f"scenes/CLEVR_{file}_scenes.json", json.dumps({"scenes": scenes}))


def sun(root: Path) -> None:
    folders("SUN397/{name[0]}/{name}/sun_{number}.jpg")(root)
    write(root / "SUN397/ClassName.txt", "/a/ant\n/b/bee\n/c/cow\n")


def places(root: Path) -> None:
    write(root / "categories_places365.txt", "/a/ant 0\n/b/bee 1\n/c/cow 2\n")
    for split, file, folder in (
        ("train", "places365_train_standard.txt", "data_large_standard"),
        ("test", "places365_val.txt", "val_large"),
    ):
        lines = []
        for label, number in examples(split):
            picture(root / folder / f"x/{label}{number}.jpg", label, split)
            lines.append(f"/x/{label}{number}.jpg {label}")
        write(root / file, "\n".join(lines))


def imagenet(root: Path) -> None:
    names = {"n01": ("ant", "emmet"), "n02": ("bee",), "n03": ("cow",)}
    torch.save((names, ["n01"]), root / "meta.bin")
    folders("{split}/{name}/{number}.JPEG", ("n01", "n02", "n03"), train="train", test="val")(root)


def faces(root: Path) -> None:
    folders("lfw-py/lfw_funneled/{name}/{name}_{number:04d}.jpg")(root)
    people = "".join(f"{name}\t{EACH['train']}\n" for name in ("ant", "bee", "cow"))
    write(root / "lfw-py/people.txt", f"1\n3\n{people}")
    write(root / "lfw-py/lfw-names.txt", people)
    write(root / "lfw-py/lfw-funneled.tgz", "what it holds is unpacked")


def omniglot(root: Path) -> None:
    folders("omniglot-py/images_background/{name[0]}/{name}/{number}.png")(root)
    write(root / "omniglot-py/images_background.zip", "what it holds is unpacked")


_BATCHES = {"train": [f"data_batch_{part}" for part in range(1, 6)], "test": ["test_batch"]}
_NATURE = tuple(f"{at:05d}_Animalia_a_b_c_d_e_{name}" for at, name in enumerate(("ant", "bee", "cow")))
_NOUNS = ("n01440764", "n02102040", "n02979186")
MNIST = {"train": "train", "test": "t10k"}
MAKERS: dict[str, Callable[[Path], None]] = {
    "CIFAR10": cifar("cifar-10-batches-py", _BATCHES, "labels", ("batches.meta", "label_names")),
    "CIFAR100": cifar(
        "cifar-100-python",
        {"train": ["train"], "test": ["test"]},
        "fine_labels",
        ("meta", "fine_label_names"),
    ),
    "CLEVRClassification": clevr,
    "Caltech101": both(
        folders("caltech101/101_ObjectCategories/{name}/image_{number:04d}.jpg"),
        lambda root: (root / "caltech101/101_ObjectCategories/BACKGROUND_Google").mkdir(),
    ),
    "Caltech256": folders("caltech256/256_ObjectCategories/{above:03d}.{name}/{above:03d}_{number:04d}.jpg"),
    "Country211": folders("country211/{split}/{name}/{number}.jpg", train="train", test="test"),
    "DTD": dtd,
    "EMNIST": idx_set("EMNIST", {split: f"emnist-letters-{split}" for split in SPLITS}, first=1),
    "EuroSAT": folders("eurosat/2750/{name}/{name}_{number}.jpg"),
    "FER2013": fer2013,
    "FGVCAircraft": aircraft,
    "FashionMNIST": idx_set("FashionMNIST", MNIST),
    "Flowers102": flowers,
    "Food101": food,
    "GTSRB": gtsrb,
    "INaturalist": folders("{split}/{name}/{number}.jpg", _NATURE, train="2021_train", test="2021_valid"),
    "ImageNet": imagenet,
    "Imagenette": folders("imagenette2/{split}/{name}/{number}.jpeg", _NOUNS, train="train", test="val"),
    "KMNIST": idx_set("KMNIST", MNIST),
    "LFWPeople": faces,
    "MNIST": idx_set("MNIST", MNIST),
    "Omniglot": omniglot,
    "OxfordIIITPet": pets,
    "PCAM": pcam,
    "Places365": places,
    "QMNIST": qmnist,
    "RenderedSST2": folders(
        "rendered-sst2/{split}/{name}/{number}.png",
        ("negative", "positive", "so-so"),
        train="train",
        test="test",
    ),
    "SEMEION": semeion,
    "STL10": stl10,
    "SUN397": sun,
    "SVHN": svhn,
    "StanfordCars": cars,
    "USPS": usps,
}


def write_set(name: str, root: Path, patch: pytest.MonkeyPatch) -> Path:
    """A small set below this root, whose checksums the class takes for the published ones."""
    MAKERS[name](root)
    written = {
        path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in root.rglob("*") if path.is_file()
    }
    cls = getattr(datasets, name)
    for attribute in [name for base in cls.__mro__[:-1] for name in vars(base)]:
        value = getattr(cls, attribute)
        if isinstance(value, (dict, list, tuple)):
            patch.setattr(cls, attribute, _republished(value, written))
    if name == "SEMEION":
        patch.setattr(cls, "md5_checksum", written["semeion.data"])
    return root


def _republished(value: Any, written: dict[str, str]) -> Any:
    """The same table with the checksums of these files."""
    if isinstance(value, dict):
        known = {key: written.get(key, written.get(f"{key}.zip")) for key in value if isinstance(key, str)}
        table = {key: known.get(key) or _republished(one, written) for key, one in value.items()}
        return {**table, "md5": written[value["filename"]]} if "filename" in value else table
    if isinstance(value, (list, tuple)):
        sum_ = next((written[one] for one in value if isinstance(one, str) and one in written), None)
        new = [
            sum_ if sum_ and isinstance(one, str) and len(one) == 32 else _republished(one, written)
            for one in value
        ]
        return type(value)(new)
    return value
