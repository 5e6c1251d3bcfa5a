"""Pictures of more than 8 bits: which value is white.

Cameras write 12 bits into 16, and float files hold 0..1 or 0..255: no file says so. The range is one for a
whole data set, taken from its training pictures, and kept with the weights, so that a prediction sees a
picture as the training did.
"""

from __future__ import annotations

import math
import os
import threading
import warnings
from contextlib import nullcontext
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

import numpy as np

from vggsweep.data.listing import PictureFolder
from vggsweep.data.scan import printable, suffix_of
from vggsweep.data.threads import map_in_threads
from vggsweep.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

Kind = Literal["16-bit", "integer", "float", "16-bit colour"]
# The value that is white, for each kind that the training pictures have. None: from before ranges were
# kept, when 16 bits were taken to fill their range.
Whites = tuple[tuple[Kind, float], ...] | None
LEGACY: tuple[tuple[Kind, float], ...] = (
    ("16-bit", 65535.0),
    ("integer", 65535.0),
    ("16-bit colour", 65535.0),
)
# 1 is that of floats and masks; then 8, 10, 12, 14 and 16 bits
STEPS = (1.0, 255.0, 1023.0, 4095.0, 16383.0, 65535.0)
# What a file may exceed the range by, and be clipped; beyond, it is of another range.
MOST_OVER = 2.0
MOST_MEASURED = 4096
PATHS_PER_TASK = 256
# Pictures of more pixels are decoded one at a time: each takes 3 to 12 bytes a pixel.
HEAVY_PIXELS = 16_000_000
SUFFIXES = frozenset(".png .apng .tif .tiff .pgm .pnm .ppm .pfm .jp2 .j2k".split())
PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_DEPTH = 24  # the byte of a file that says its bits


def open_picture(path: str | Path | IO[bytes]) -> Image:
    """The picture of a file, its pixels not yet decoded."""
    pillow = _pillow()
    picture: Image = pillow.open(path)
    return picture


def bits_beyond_eight(picture: Image) -> Kind | None:
    """Which kind of deep picture this is; None for 8 bits. Of a file, ask before its pixels are loaded."""
    if picture.mode.startswith("I;16"):
        return "16-bit"
    if picture.mode in ("I", "F"):
        return "integer" if picture.mode == "I" else "float"
    return "16-bit colour" if ";16" in str(getattr(picture, "tile", "")) else None


def in_eight_bits(picture: Image, kind: Kind, whites: Whites) -> Image:
    """A deep picture with its white at 255.

    Raises:
        DataError: the range of this kind is not known, or the values do not fit into it.
    """
    from PIL import Image

    white = 65535.0 if _says_its_range(picture) else dict(LEGACY if whites is None else whites).get(kind)
    what = f"{kind} values in mode {picture.mode}"
    if white is None:
        raise DataError(
            f"it has {what}, and the training pictures have none that tell their range; convert it to 8 bits"
        )
    if kind == "16-bit colour":
        return picture  # Pillow has only the upper 8 bits; `measured_whites` saw that they are used
    values = _values(picture)
    low, high = _range(values)
    if not (low >= 0 and high <= MOST_OVER * white):
        raise DataError(
            f"it has {what} from {low:g} to {high:g}; the range of the training pictures is 0 to {white:g}"
        )
    is_full = white == 65535 and kind != "float"
    eight = values >> 8 if is_full else np.rint(values * (255 / white))
    return Image.fromarray(eight.clip(0, 255).astype(np.uint8))


@lru_cache(maxsize=8)
def measured_whites(pictures: PictureFolder) -> Whites:
    """What is white in each kind of deep picture among these.

    The smallest usual range that holds all values. Files that cannot be read are left to the loader, which
    names them all.

    Raises:
        DataError: colour pictures of 16 bits leave the upper ones empty.
    """
    paths = [path for path in pictures.paths if suffix_of(path) in SUFFIXES]
    chunks = [paths[start : start + PATHS_PER_TASK] for start in range(0, len(paths), PATHS_PER_TASK)]
    deep = [path for chunk in map_in_threads(_maybe_deep, chunks) for path in chunk]
    heavy = threading.Lock()
    sample = deep[:: math.ceil(len(deep) / MOST_MEASURED) or 1]
    found = list(zip(sample, map_in_threads(lambda path: _measured(path, heavy), sample), strict=True))
    highest: dict[Kind, float] = {}
    for _, measured in found:
        if measured is not None:
            kind, high = measured
            highest[kind] = max(high, highest.get(kind, 0.0))
    if highest.get("16-bit colour", 65535.0) <= 4095:
        path = next(
            path for path, measured in found if measured is not None and measured[0] == "16-bit colour"
        )
        raise DataError(
            f"{printable(path)} and its like are colour pictures of 16 bits that use at most 12: Pillow "
            "reads the upper 8 bits, which are almost black. Convert them to 8 bits."
        )
    return tuple(sorted((kind, white_of(high)) for kind, high in highest.items()))


def white_of(highest: float) -> float:
    """The end of the usual range that this value lies in.

    >>> white_of(0.7), white_of(200), white_of(3000), white_of(65535), white_of(70000)
    (1.0, 255.0, 4095.0, 65535.0, 131071.0)
    """
    usual = next((step for step in STEPS if highest <= step), None)
    return usual if usual is not None else float(2 ** math.ceil(math.log2(highest + 1)) - 1)


def sentences(whites: Whites) -> list[str]:
    """What a reader of the result must know."""
    return [
        f"The range of {kind} pictures is taken to be 0 to {white:g}, from their values."
        for kind, white in whites or ()
    ]


@cache
def _pillow() -> Any:
    """Pillow, which refuses what has too many pixels; its warning at half as many helps nobody."""
    from PIL import Image

    warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
    return Image


def _maybe_deep(paths: list[str]) -> list[str]:
    """The files that may hold more than 8 bits; of PNG, the commonest, the first bytes say it."""
    deep = []
    for path in paths:
        try:
            file = os.open(path, os.O_RDONLY)
        except OSError:  # the loader says so
            continue
        start = os.read(file, PNG_DEPTH + 1)
        os.close(file)
        if not start.startswith(PNG_START) or start[PNG_DEPTH:] == b"\x10":
            deep.append(path)
    return deep


def _measured(path: str, heavy: threading.Lock) -> tuple[Kind, float] | None:
    """Kind and highest value of a file; None where it has 8 bits, says its range, or cannot be read."""
    try:
        with open_picture(path) as picture:
            kind = bits_beyond_eight(picture)
            if kind is None or _says_its_range(picture):
                return None
            with heavy if picture.width * picture.height > HEAVY_PIXELS else nullcontext():
                if kind == "16-bit colour":
                    return kind, int(np.asarray(picture).max()) * 256 + 255
                low, high = _range(_values(picture))
            return (kind, high) if low >= 0 and math.isfinite(high) else None
    except Exception:  # the loader says what is wrong with it
        return None


def _says_its_range(picture: Image) -> bool:
    """PGM files name their white, and Pillow stretches them to 16 bits."""
    return picture.format == "PPM" and picture.mode == "I"


def _values(picture: Image) -> np.ndarray:
    return np.asarray(picture.convert("I") if picture.mode.startswith("I;16") else picture)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Lowest and highest value; NaN makes both NaN, which fits no range."""
    return float(values.min()), float(values.max())
