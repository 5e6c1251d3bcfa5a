"""The pictures of a folder as pixels."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from vggsweep.data.cache import RECENT
from vggsweep.data.decode import DamagedPictures, decode
from vggsweep.data.depth import Whites
from vggsweep.data.images import LabelArray, PixelArray
from vggsweep.data.listing import PictureFolder, file_stamp
from vggsweep.data.order import IndexArray
from vggsweep.data.threads import map_in_threads

BATCH_PER_THREAD = 64


class DecodedImages:
    """Pictures that are decoded to one size when they are read; subclasses say from what.

    Args:
        labels: class of each.
        channels: 1 for grey, 3 for colour.
        resolution: height and width in pixels.
        whites: what is white in pictures of more than 8 bits.
    """

    def __init__(self, labels: LabelArray, channels: int, resolution: int, whites: Whites = ()) -> None:
        self.labels = labels
        self.image_shape = (channels, resolution, resolution)
        self.whites = whites

    def decoded(self, index: int, heavy: AbstractContextManager[object] | None) -> PixelArray:
        """One picture, uint8 [C, H, W]."""
        raise NotImplementedError

    def contents_key(self, indices: IndexArray) -> str:
        """A text that is another one when these pictures are others."""
        raise NotImplementedError

    def read(self, indices: IndexArray, heavy: AbstractContextManager[object] | None = None) -> PixelArray:
        """Decode a batch, uint8 [n, C, H, W].

        Args:
            indices: which pictures.
            heavy: see `decode`.

        Raises:
            DamagedPictures: names all of the batch that cannot be decoded.
        """
        images: PixelArray = np.empty((len(indices), *self.image_shape), dtype=np.uint8)
        damaged: list[tuple[str, str]] = []
        for place, index in enumerate(indices):
            try:
                images[place] = self.decoded(index, heavy)
            except DamagedPictures as error:
                damaged += error.found
        if damaged:
            raise DamagedPictures(tuple(damaged))
        return images

    def read_all(self, indices: IndexArray) -> PixelArray:
        """Decode a whole set with several threads; the next trial of this process finds it decoded.

        Raises:
            DamagedPictures: names all that cannot be decoded.
        """
        key = ("image_folder", self.image_shape, self.whites, self.contents_key(indices))
        return RECENT.get(key, lambda: self._decode_threaded(indices))

    def find_damaged(self, indices: IndexArray) -> tuple[tuple[str, str], ...]:
        """Which of these pictures cannot be decoded, and why; each is tried."""
        return self._in_threads(indices, lambda _, images: None)

    def _decode_threaded(self, indices: IndexArray) -> PixelArray:
        images: PixelArray = np.empty((len(indices), *self.image_shape), dtype=np.uint8)

        def keep(start: int, batch: PixelArray) -> None:
            images[start : start + len(batch)] = batch

        damaged = self._in_threads(indices, keep)
        if damaged:
            raise DamagedPictures(damaged)
        return images

    def _in_threads(
        self, indices: IndexArray, take: Callable[[int, PixelArray], None]
    ) -> tuple[tuple[str, str], ...]:
        """Decode batch after batch; returns the damaged pictures in the order of `indices`."""
        one_at_a_time = threading.Lock()

        def decode_batch(start: int) -> tuple[tuple[str, str], ...]:
            try:
                take(start, self.read(indices[start : start + BATCH_PER_THREAD], one_at_a_time))
            except DamagedPictures as error:
                return error.found
            return ()

        batches = map_in_threads(decode_batch, range(0, len(indices), BATCH_PER_THREAD))
        return tuple(picture for batch in batches for picture in batch)


class FolderImages(DecodedImages):
    """Pictures in files of their own.

    Args:
        pictures: what to decode.
        channels, resolution, whites: see `DecodedImages`.
    """

    def __init__(self, pictures: PictureFolder, channels: int, resolution: int, whites: Whites = ()) -> None:
        super().__init__(np.array(pictures.labels, dtype=np.int64), channels, resolution, whites)
        self.pictures = pictures

    def decoded(self, index: int, heavy: AbstractContextManager[object] | None) -> PixelArray:
        """One picture, uint8 [C, H, W]."""
        return decode(self.pictures.paths[index], *self.image_shape[:2], self.whites, heavy)

    def contents_key(self, indices: IndexArray) -> str:
        """Names, sizes and times of these files."""
        fingerprint = hashlib.sha256(indices.tobytes())
        for index in indices:
            path = os.fsencode(self.pictures.paths[index])
            fingerprint.update(b"%s\0%d\0%d\0%d\0" % (path, *file_stamp(path)))
        return fingerprint.hexdigest()
