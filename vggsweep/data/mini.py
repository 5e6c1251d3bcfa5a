"""`fashion_mnist_mini`: 8,000 images that ship with the package, so that a first sweep needs no network."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np

from vggsweep.data.images import ImageSet
from vggsweep.data.settings import SplitName
from vggsweep.errors import DataError

PATH = Path(__file__).parent / "fashion_mnist_mini.npz"
SHA256 = "95267447c61468d7c36f292182146194164662b378f6e955caed48ff504d2307"


def read_mini(split: SplitName, path: Path = PATH) -> ImageSet:
    """A class-balanced part of Fashion-MNIST's own split of that name.

    Args:
        split: 6,000 training images or 2,000 test images.
        path: the file; `tools/make_fashion_mnist_mini.py` makes it.

    Raises:
        DataError: the file is missing or was changed.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}. Reinstall vggsweep.") from error
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise DataError(f"{path} was changed: its sha256 is {found}, not {SHA256}. Reinstall vggsweep.")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        # an npz unpacks each array when it is asked for: the other split stays packed
        return ImageSet(arrays[f"{split}_images"][:, None], arrays[f"{split}_labels"].astype(np.int64))
