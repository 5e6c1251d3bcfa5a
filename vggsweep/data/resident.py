"""All images on the device, as bytes: nothing is left to load."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from vggsweep.data.batches import Batch, BatchPlan, Finish
from vggsweep.data.images import Images, ImageSet
from vggsweep.data.order import IndexArray


class ResidentBatches:
    """A batch source whose images stay on the device as uint8 at their stored resolution.

    60,000 Fashion-MNIST images take 47 MB whatever the network's resolution, because each batch is
    resized when it is needed.

    Args:
        images: the split.
        indices: which of its images belong to this source.
        plan: order and size of the batches.
        finish: preprocessing and augmentation.
    """

    def __init__(self, images: Images, indices: IndexArray, plan: BatchPlan, finish: Finish) -> None:
        self._plan = plan
        self._finish = finish
        self._where: Tensor | None = None
        if (
            finish.device.type == "cpu"
            and isinstance(images, ImageSet)
            and isinstance(images.images, np.memmap)
        ):
            # Several processes hold these pixels together; a selection would be a copy of one's own.
            self._images = torch.from_numpy(images.images)
            self._where = torch.from_numpy(indices)
        else:
            self._images = torch.from_numpy(images.read_all(indices)).to(finish.device)
        self._labels = torch.from_numpy(images.labels[indices]).to(finish.device)

    @property
    def num_images(self) -> int:
        """Images in the set."""
        return self._plan.num_images

    @property
    def batch_size(self) -> int:
        """Images in every batch but the last."""
        return self._plan.batch_size

    @property
    def steps_per_epoch(self) -> int:
        """Batches of one epoch."""
        return self._plan.steps_per_epoch

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """Batches of one epoch, on the device; see `BatchSource.epoch`."""
        draws = self._finish.draws(epoch)
        for size, positions in zip(self._plan.sizes, self._positions(epoch), strict=True):
            rows = positions if self._where is None else self._where[positions]
            place = self._plan.place(self._plan.share.begin(size))
            labels = self._labels.index_select(0, positions)
            yield self._finish(self._images.index_select(0, rows), labels, draws, place)

    def close(self) -> None:
        """Free the device's memory."""
        self._images = self._images.new_empty(0)
        self._labels = self._labels.new_empty(0)

    def _positions(self, epoch: int) -> tuple[Tensor, ...]:
        batches = self._plan.batches(epoch)
        # one copy to the device an epoch; a copy a step would make the host wait
        order = torch.cat([torch.from_numpy(batch) for batch in batches]).to(self._finish.device)
        return torch.split(order, [len(batch) for batch in batches])
