"""Contents of a source that stay in their files: pictures of any size, and pixels of one HDF5 file."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from vggsweep.data.depth import measured_whites
from vggsweep.data.fingerprint import file_content, files_stamp, folder_fingerprint
from vggsweep.data.folder import FolderImages
from vggsweep.data.images import LabelArray, PixelArray
from vggsweep.data.listing import PictureFolder
from vggsweep.data.order import IndexArray
from vggsweep.data.sources import Hash


class FileContent:
    """Pictures in files of their own.

    Args:
        pictures: of this split.
        trained: of the training split, which say what is white in those of more than 8 bits.
    """

    shape = None

    def __init__(self, pictures: PictureFolder, trained: PictureFolder) -> None:
        self.pictures = pictures
        self._trained = trained
        self.labels: LabelArray = np.array(pictures.labels, dtype=np.int64)

    def images(self, channels: int, resolution: int) -> FolderImages:
        """The pictures, decoded as those of a picture folder are."""
        return FolderImages(self.pictures, channels, resolution, measured_whites(self._trained))

    def feed(self, digest: Hash) -> None:
        """Add names, labels and contents of the files."""
        digest.update(folder_fingerprint({"": self.pictures}).digest.encode())

    def stamp(self) -> str:
        """Sizes and times of the files."""
        return files_stamp(self.pictures.paths)


class Hdf5Content:
    """Pixels that are read out of an HDF5 file when they are asked for, as PatchCamelyon has them: 7 GB.

    Args:
        path: the file, with pixels ``x`` [N, H, W, C].
        labels: class of each.
    """

    def __init__(self, path: Path, labels: LabelArray) -> None:
        import h5py

        self.path = path
        self.labels = labels
        with h5py.File(path) as file:
            _, height, width, channels = file["x"].shape
        self.shape = self.image_shape = (int(channels), int(height), int(width))

    @staticmethod
    def labels_of(path: Path) -> LabelArray:
        """The labels ``y`` of a file, [N, 1, 1, 1]."""
        import h5py

        with h5py.File(path) as file:
            labels: LabelArray = file["y"][:].reshape(-1).astype(np.int64)
        return labels

    def images(self, channels: int, resolution: int) -> Hdf5Content:
        """Itself."""
        return self

    def read(self, indices: IndexArray) -> PixelArray:
        """A batch of the pixels, uint8 [n, C, H, W]."""
        import h5py

        inside, order = np.unique(indices, return_inverse=True)  # it reads rising positions only
        with h5py.File(self.path) as file:
            pixels: PixelArray = file["x"][inside][order].transpose(0, 3, 1, 2)
        return pixels

    def read_all(self, indices: IndexArray) -> PixelArray:
        """The same."""
        return np.ascontiguousarray(self.read(indices))

    def feed(self, digest: Hash) -> None:
        """Add size and blocks of the file, and the labels."""
        size, content = file_content(str(self.path))
        digest.update(f"{size}\0".encode() + content)
        digest.update(self.labels.data)

    def stamp(self) -> str:
        """Size and times of the file."""
        return files_stamp([os.fspath(self.path)])
