import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vggsweep.data.idx import COLLECTIONS, FASHION_MNIST, STEMS, IdxCollection, find_idx, parse_idx, read_idx
from vggsweep.errors import DataError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
IMAGES = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
LABELS = np.array([2, 0, 1], dtype=np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_collection(folder: Path, *, compressed: bool, content_checked: bool) -> IdxCollection:
    """The three images as both splits, in the layout of the data root."""
    gz_md5, content_md5 = {}, {}
    (folder / "tiny").mkdir()
    for stems in STEMS.values():
        for stem, array in zip(stems, (IMAGES, LABELS), strict=True):
            content = idx_bytes(array)
            packed = gzip.compress(content)
            path = folder / "tiny" / (f"{stem}.gz" if compressed else stem)
            path.write_bytes(packed if compressed else content)
            gz_md5[stem] = hashlib.md5(packed).hexdigest()
            content_md5[stem] = hashlib.md5(content).hexdigest()
    return IdxCollection("tiny", (), gz_md5, content_md5 if content_checked else {})


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("content_checked", [True, False])
def test_a_split_is_read_with_a_channel_axis(compressed, content_checked, tmp_path):
    collection = write_collection(tmp_path, compressed=compressed, content_checked=content_checked)
    split = read_idx(collection, "train", find_idx(collection, "train", tmp_path))
    assert (split.images == IMAGES[:, None]).all()
    assert split.labels.tolist() == [2, 0, 1]


@pytest.mark.parametrize("content_checked", [True, False])
@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: b[:20] + b"\xff" + b[21:]])
def test_a_damaged_file_is_one_clear_paragraph(damage, content_checked, tmp_path):
    collection = write_collection(tmp_path, compressed=True, content_checked=content_checked)
    images, labels = find_idx(collection, "train", tmp_path)
    images.write_bytes(damage(images.read_bytes()))
    with pytest.raises(
        DataError, match="is damaged or not the published file: .* Delete or replace it"
    ) as caught:
        read_idx(collection, "train", (images, labels))
    assert str(images) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "does not begin like an idx file"),
        (b"<html>not found</html>", "does not begin like an idx file"),
        (b"\0\0\x0d\x01" + bytes(8), "type 0x0d, not unsigned bytes"),
        (b"\0\0\x08\x03\0\0", "ends inside its header"),
        (idx_bytes(IMAGES)[:-1], "promises 48 bytes of values, but 47 follow"),
    ],
)
def test_what_is_no_idx_file_is_refused_with_the_reason(content, reason):
    with pytest.raises(DataError, match=reason):
        parse_idx(content, Path("train-images"))


def test_images_and_labels_that_do_not_fit_are_refused(tmp_path):
    collection = write_collection(tmp_path, compressed=False, content_checked=False)
    images, labels = find_idx(collection, "train", tmp_path)
    labels.write_bytes(idx_bytes(LABELS[:2]))
    with pytest.raises(DataError, match="do not fit"):
        read_idx(collection, "train", (images, labels))


def test_files_elsewhere_are_found(tmp_path):
    collection = write_collection(tmp_path, compressed=True, content_checked=True)
    elsewhere = replace(collection, name="other", elsewhere=("tiny",))
    assert find_idx(elsewhere, "test", tmp_path)[0].parent == tmp_path / "tiny"


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("place", ["tiny/{}", "{}", "tiny/{}/{}"])
@pytest.mark.parametrize("separator", ["-", "."])
def test_files_are_found_under_their_other_usual_names(compressed, place, separator, tmp_path):
    """Such as ``train-images.idx3-ubyte``, right in the data root."""
    if compressed and place.endswith("{}/{}"):
        pytest.skip("a folder of the file's name holds it unpacked")
    collection = write_collection(tmp_path, compressed=compressed, content_checked=True)
    for path in list((tmp_path / "tiny").iterdir()):
        target = tmp_path / place.replace("{}", path.name.replace("-idx", f"{separator}idx"))
        content = path.read_bytes()
        path.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    split = read_idx(collection, "test", find_idx(collection, "test", tmp_path))
    assert (split.images == IMAGES[:, None]).all()


def test_files_of_another_set_in_the_root_are_not_taken_but_told(tmp_path):
    collection = write_collection(tmp_path, compressed=False, content_checked=True)
    (tmp_path / "tiny").rename(tmp_path / "other")
    for path in (tmp_path / "other").iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes() + b"0")
    with pytest.raises(DataError, match="is there, but its checksum is not that of tiny"):
        find_idx(replace(collection, mirrors=("file:///nowhere/",)), "train", tmp_path)


def test_checksums_are_those_of_torchvision():
    from torchvision import datasets

    classes = {"fashion_mnist": datasets.FashionMNIST, "mnist": datasets.MNIST, "kmnist": datasets.KMNIST}
    for name, collection in COLLECTIONS.items():
        published = dict(classes[name].resources)
        assert {f"{stem}.gz": md5 for stem, md5 in collection.gz_md5.items()} == published


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_real_fashion_mnist_is_what_its_authors_describe(tmp_path):
    for split, count in (("train", 60_000), ("test", 10_000)):
        images = read_idx(FASHION_MNIST, split, find_idx(FASHION_MNIST, split, tmp_path))
        assert images.images.shape == (count, 1, 28, 28)
        assert np.bincount(images.labels).tolist() == [count // 10] * 10
