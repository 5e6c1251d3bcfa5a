"""From one picture file to a square of bytes."""

from __future__ import annotations

import io
import os
import stat
import struct
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vggsweep.data.depth import HEAVY_PIXELS, Whites, bits_beyond_eight, in_eight_bits, open_picture
from vggsweep.data.images import PixelArray
from vggsweep.data.scan import printable
from vggsweep.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

ORIENTATION = 0x0112  # of EXIF
# A longer picture is cropped before it is resized, or 1 x 100,000 pixels would become 224 x 22,400,000.
LONGEST_IN_SQUARES = 16
MOST_SHOWN = 10


class DamagedPictures(DataError):
    """Pictures that cannot be decoded, all that were found.

    Args:
        found: path of each, and what is wrong with it.
    """

    def __init__(self, found: tuple[tuple[str, str], ...]) -> None:
        super().__init__(found)  # as it is, so that it travels between processes
        self.found = found

    def __str__(self) -> str:
        if len(self.found) == 1:
            ((path, reason),) = self.found
            return (
                f"{printable(path)} cannot be read as a picture ({reason}). "
                "Replace it, or move it out of the folder."
            )
        shown = "; ".join(f"{printable(path)} ({reason})" for path, reason in self.found[:MOST_SHOWN])
        more = f"; and {len(self.found) - MOST_SHOWN} more" if len(self.found) > MOST_SHOWN else ""
        return (
            f"{len(self.found)} files cannot be read as pictures: {shown}{more}. "
            "Replace them, or move them out of the folder."
        )


def decode(
    path: str | Path,
    channels: int,
    resolution: int,
    whites: Whites = None,
    heavy: AbstractContextManager[object] | None = None,
    content: bytes | None = None,
) -> PixelArray:
    """One picture file as `squared` makes it.

    Args:
        path: the file.
        channels, resolution, whites: see `squared`.
        heavy: held while a picture of many pixels is decoded.
        content: what such a file would hold, where there is none; `path` then names it for people.

    Raises:
        DamagedPictures: it cannot be decoded.
    """
    try:
        if content is None and not stat.S_ISREG(os.stat(path).st_mode):
            raise _damaged(path, "it is no file")  # to open a pipe would wait for its other end
        with open_picture(path if content is None else io.BytesIO(content)) as picture:
            pixels = picture.width * picture.height
            with (heavy if pixels > HEAVY_PIXELS else None) or nullcontext():
                return squared(picture, channels, resolution, whites)
    except MemoryError as error:
        raise DataError(
            f"Memory ran out while {printable(str(path))} was decoded. Make it smaller, or leave it out."
        ) from error
    except DamagedPictures:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything for a broken file
        raise _damaged(path, _reason(error)) from error


def squared(picture: Image, channels: int, resolution: int, whites: Whites = None) -> PixelArray:
    """An image as pixels, uint8 [channels, resolution, resolution].

    Turned upright as its EXIF says, shorter side resized to `resolution` (bilinear over the covered
    area), centre cropped. Transparent pixels are laid on black. Of several frames it is the first.

    Args:
        picture: any mode.
        channels: 1 for grey, 3 for colour.
        resolution: height and width in pixels.
        whites: what is white in pictures of more than 8 bits, see `vggsweep.data.depth`.

    Raises:
        DataError: its values have no known range.
    """
    mode = "L" if channels == 1 else "RGB"
    kind = bits_beyond_eight(picture)
    upright = _upright(picture)
    flat = _flattened(upright if kind is None else in_eight_bits(upright, kind, whites), mode)
    square = np.asarray(_centre(flat, resolution))
    return square[None] if channels == 1 else square.transpose(2, 0, 1)


def _centre(picture: Image, resolution: int) -> Image:
    """The square in the middle, resized."""
    from PIL import Image

    scale = resolution / min(picture.size)
    width, height = (max(resolution, round(side * scale)) for side in picture.size)
    left, top = (width - resolution) // 2, (height - resolution) // 2
    box = (left, top, left + resolution, top + resolution)
    if max(width, height) <= LONGEST_IN_SQUARES * resolution:
        return picture.resize((width, height), Image.Resampling.BILINEAR).crop(box)
    # the same within one level: where that square lies in the picture as it is
    across, down = picture.width / width, picture.height / height
    right, bottom = min(box[2] * across, picture.width), min(box[3] * down, picture.height)
    inside = (left * across, top * down, right, bottom)
    return picture.resize((resolution, resolution), Image.Resampling.BILINEAR, box=inside)


def _upright(picture: Image) -> Image:
    from PIL import ImageOps

    try:
        is_turned = picture.getexif().get(ORIENTATION, 1) != 1
        return ImageOps.exif_transpose(picture) if is_turned else picture
    except (
        SyntaxError,
        ValueError,
        LookupError,
        TypeError,
        struct.error,
    ):  # EXIF that nobody can read says nothing
        return picture


def _flattened(picture: Image, mode: str) -> Image:
    """Grey or colour, 8 bits, nothing transparent."""
    from PIL import Image

    if picture.has_transparency_data:
        colours = picture.convert("RGBA")
        black = Image.new("RGBA", colours.size, (0, 0, 0, 255))
        return Image.alpha_composite(black, colours).convert(mode)
    return picture if picture.mode == mode else picture.convert(mode)


def _damaged(path: str | Path, reason: str) -> DamagedPictures:
    return DamagedPictures(((str(path), reason),))


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, UnidentifiedImageError):
        return "its content is that of no picture"
    if isinstance(error, Image.DecompressionBombError):
        most = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        return f"it has more than {most:,} pixels, which only a smaller copy would need"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return printable((str(error).splitlines() or [type(error).__name__])[0].rstrip("."))
