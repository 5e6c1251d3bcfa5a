import hashlib

import numpy as np
import pytest
from scipy.io import savemat

from vggsweep.data.svhn import FILES, find_svhn, read_svhn
from vggsweep.errors import DataError


def test_digit_ten_is_zero_and_images_come_first(tmp_path):
    path = tmp_path / "train_32x32.mat"
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3, 3), dtype=np.uint8)
    savemat(path, {"X": pixels, "y": np.array([[10], [1], [9]], dtype=np.uint8)})
    split = read_svhn(find_svhn("train", tmp_path), hashlib.md5(path.read_bytes()).hexdigest())
    assert split.labels.tolist() == [0, 1, 9]
    assert (split.images[1, 2] == pixels[:, :, 2, 1]).all()


def test_what_is_no_matlab_file_is_refused(tmp_path):
    path = tmp_path / "train_32x32.mat"
    path.write_bytes(b"<html>404</html>" * 20)
    with pytest.raises(DataError, match="train_32x32.mat is damaged"):
        read_svhn(path, FILES["train"].md5)
    with pytest.raises(DataError, match="train_32x32.mat is damaged"):
        read_svhn(path, hashlib.md5(path.read_bytes()).hexdigest())


def test_checksums_are_those_of_torchvision():
    from torchvision.datasets import SVHN

    for split, file in FILES.items():
        assert [*file.urls, file.name, file.md5] == SVHN.split_list[split]
