"""Street View House Numbers, cropped digits: one Matlab file a split.

By hand, as its download, its places and its errors are those of the other sets that have a name of their own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vggsweep.data.download import RemoteFile, damaged, fetch, verify_md5
from vggsweep.data.images import ImageSet
from vggsweep.data.settings import SplitName

NAME = "svhn"
_ADDRESS = "http://ufldl.stanford.edu/housenumbers/"
FILES: dict[SplitName, RemoteFile] = {
    "train": RemoteFile(
        "train_32x32.mat", (_ADDRESS + "train_32x32.mat",), "e26dedcc434d2e4c54c9b2d4a06d8373"
    ),
    "test": RemoteFile("test_32x32.mat", (_ADDRESS + "test_32x32.mat",), "eb5a983be6a315427106f1b164d9cef3"),
}


def find_svhn(split: SplitName, root: Path) -> Path:
    """The split's file: from the data root (torchvision keeps it there too), or from the internet."""
    beside = root / FILES[split].name
    return beside if beside.is_file() else fetch(FILES[split], root / NAME)


def read_svhn(path: Path, md5: str) -> ImageSet:
    """One split.

    Args:
        path: a ``.mat`` file with ``X`` [32, 32, 3, N] and ``y`` [N, 1] in 1..10, where 10 is the digit 0.
        md5: its published checksum.
    """
    from scipy.io import loadmat

    verify_md5(path, md5)
    try:
        content = loadmat(path)
        pixels, digits = content["X"], content["y"].reshape(-1)
    except Exception as error:  # scipy raises whatever the broken byte happened to cause
        raise damaged(path, str(error)) from error
    images = np.ascontiguousarray(pixels.transpose(3, 2, 0, 1))
    return ImageSet(images, (digits % 10).astype(np.int64))
