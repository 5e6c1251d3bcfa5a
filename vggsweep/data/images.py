"""One split of a data set: pixels in memory, or files that are decoded when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vggsweep.data.order import IndexArray

PixelArray = NDArray[np.uint8]
LabelArray = NDArray[np.int64]


class Images(Protocol):
    """What batch sources read from; it travels to worker processes, so it can be pickled."""

    @property
    def labels(self) -> LabelArray:
        """Class of each image, [N]."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""

    def read(self, indices: IndexArray) -> PixelArray:
        """A batch of these images, uint8 [n, C, H, W]."""

    def read_all(self, indices: IndexArray) -> PixelArray:
        """The same for a whole set at once; files are decoded by several threads and remembered."""


@dataclass(frozen=True, eq=False)
class ImageSet:
    """A split that is in memory.

    Args:
        images: uint8 [N, C, H, W].
        labels: int64 [N].
    """

    images: PixelArray
    labels: LabelArray

    def __post_init__(self) -> None:
        assert self.images.dtype == np.uint8 and self.images.ndim == 4
        assert self.labels.dtype == np.int64 and self.labels.shape == self.images.shape[:1]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def read(self, indices: IndexArray) -> PixelArray:
        """A copy of these images, uint8 [n, C, H, W]."""
        return self.images[indices]

    def read_all(self, indices: IndexArray) -> PixelArray:
        """A copy of these images, uint8 [n, C, H, W]."""
        return self.images[indices]
