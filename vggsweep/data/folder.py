"""The pictures of a folder as pixels."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vggsweep.data.cache import RECENT
from vggsweep.data.images import LabelArray, PixelArray
from vggsweep.data.listing import PictureFolder
from vggsweep.data.order import IndexArray
from vggsweep.errors import DataError
from vggsweep.machine import usable_cores

if TYPE_CHECKING:
    from PIL.Image import Image

BATCH_PER_THREAD = 64


class FolderImages:
    """Pictures that are decoded to one size when they are read.

    Args:
        pictures: what to decode.
        channels: 1 for grey, 3 for colour.
        resolution: height and width in pixels.
    """

    def __init__(self, pictures: PictureFolder, channels: int, resolution: int) -> None:
        self.pictures = pictures
        self.labels: LabelArray = np.array(pictures.labels, dtype=np.int64)
        self.image_shape = (channels, resolution, resolution)

    def read(self, indices: IndexArray) -> PixelArray:
        """Decode a batch, uint8 [n, C, H, W].

        Raises:
            DataError: a picture cannot be decoded; names it.
        """
        images: PixelArray = np.empty((len(indices), *self.image_shape), dtype=np.uint8)
        for place, index in enumerate(indices):
            images[place] = decode(Path(self.pictures.paths[index]), *self.image_shape[:2])
        return images

    def read_all(self, indices: IndexArray) -> PixelArray:
        """Decode a whole set with several threads; the next trial of this process finds it decoded."""
        fingerprint = hashlib.sha256(indices.tobytes())
        for index in indices:
            path = self.pictures.paths[index]
            status = os.stat(path)
            fingerprint.update(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        key = ("image_folder", self.image_shape, fingerprint.hexdigest())
        return RECENT.get(key, lambda: self._decode_threaded(indices))

    def _decode_threaded(self, indices: IndexArray) -> PixelArray:
        # Pillow lets go of the interpreter lock while it decodes and resizes, so threads are enough.
        images: PixelArray = np.empty((len(indices), *self.image_shape), dtype=np.uint8)

        def fill(start: int) -> None:
            images[start : start + BATCH_PER_THREAD] = self.read(indices[start : start + BATCH_PER_THREAD])

        pool = ThreadPoolExecutor(min(16, usable_cores()))
        try:
            list(pool.map(fill, range(0, len(indices), BATCH_PER_THREAD)))
        finally:
            pool.shutdown(cancel_futures=True)  # one damaged picture is enough to stop
        return images


def decode(path: Path, channels: int, resolution: int) -> PixelArray:
    """One picture file as `squared` makes it.

    Raises:
        DataError: it cannot be decoded.
    """
    from PIL import Image

    try:
        with Image.open(path) as picture:
            return squared(picture, channels, resolution)
    except Exception as error:  # Pillow's decoders raise almost anything for a broken file
        raise DataError(
            f"{path} cannot be read as a picture ({error or type(error).__name__}). "
            "Replace it, or move it out of the folder."
        ) from error


def squared(picture: Image, channels: int, resolution: int) -> PixelArray:
    """An image as pixels, uint8 [channels, resolution, resolution].

    Turned upright as its EXIF says, shorter side resized to `resolution` (bilinear over the covered
    area), centre cropped. Transparent pixels become black.
    """
    from PIL import Image, ImageOps

    upright = _flattened(ImageOps.exif_transpose(picture), "L" if channels == 1 else "RGB")
    scale = resolution / min(upright.size)
    width, height = (max(resolution, round(side * scale)) for side in upright.size)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    resized = upright.resize((width, height), Image.Resampling.BILINEAR)
    square = np.asarray(resized.crop((left, top, left + resolution, top + resolution)))
    return square[None] if channels == 1 else square.transpose(2, 0, 1)


def _flattened(picture: Image, mode: str) -> Image:
    """Grey or colour, 8 bits, nothing transparent."""
    from PIL import Image

    if picture.mode.startswith("I;16") or picture.mode == "I":
        # Pillow would clip 16-bit grey at 255, which turns almost every pixel white.
        sixteen_bits = np.asarray(picture.convert("I"))
        return Image.fromarray((sixteen_bits >> 8).clip(0, 255).astype(np.uint8)).convert(mode)
    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        black = Image.new("RGBA", colours.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, colours).convert(mode)
    return picture.convert(mode)
