"""Make vggsweep/data/fashion_mnist_mini.npz from the whole of Fashion-MNIST.

    python tools/make_fashion_mnist_mini.py [--root DATA_ROOT] [--out FILE]

Deterministic: the same images come out every time. Prints the sha256 that
`vggsweep/data/mini.py` checks; write it there when the file was meant to change.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.idx import FASHION_MNIST, find_idx, read_idx
from vggsweep.data.mini import PATH
from vggsweep.data.settings import SplitName
from vggsweep.data.split import first_images

SIZES: dict[SplitName, int] = {"train": 6_000, "test": 2_000}
SEED = 0


def mini_arrays(root: Path) -> dict[str, NDArray[np.uint8]]:
    """Class-balanced images [N, 28, 28] and labels [N] of both splits, in their original order."""
    arrays: dict[str, NDArray[np.uint8]] = {}
    for split, size in SIZES.items():
        whole = read_idx(FASHION_MNIST, split, find_idx(FASHION_MNIST, split, root))
        chosen = first_images(whole.labels, size, SEED)
        arrays[f"{split}_images"] = whole.images[chosen, 0]
        arrays[f"{split}_labels"] = whole.labels[chosen].astype(np.uint8)
    return arrays


def main() -> None:
    """Write the file and say what to put into mini.py."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=Path("~/.cache/vggsweep").expanduser())
    parser.add_argument("--out", type=Path, default=PATH)
    arguments = parser.parse_args()
    np.savez_compressed(arguments.out, allow_pickle=False, **mini_arrays(arguments.root))
    content = arguments.out.read_bytes()
    print(f"{arguments.out}: {len(content):,} bytes\nSHA256 = {hashlib.sha256(content).hexdigest()!r}")


if __name__ == "__main__":
    main()
