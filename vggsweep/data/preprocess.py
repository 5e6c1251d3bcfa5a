"""From stored pixels to what the network sees, on the device, a batch at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from vggsweep.data.depth import Whites
from vggsweep.errors import DataError


@dataclass(frozen=True)
class Preprocess:
    """How uint8 images become normalised floats at the network's resolution.

    28-pixel images for a 32-pixel network get a border of two black pixels, before normalisation, so the
    border is as dark as the background of MNIST and its kin. Any other resolution is a bilinear resize,
    averaging over the covered area when it shrinks.

    Args:
        channels: colour channels.
        native: height and width of the stored images in pixels.
        resolution: height and width of the network's input in pixels.
        mean: per channel, for pixels in 0..1; None together with `std` leaves pixels in 0..1.
        std: per channel.
        whites: what is white in pictures of more than 8 bits, see `vggsweep.data.depth`.

    >>> black = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    >>> Preprocess(1, 28, 32, mean=(0.5,), std=(0.5,))(black).unique()
    tensor([-1.])
    """

    channels: int
    native: int
    resolution: int
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    whites: Whites = None

    @property
    def is_padding(self) -> bool:
        """Whether the resolution is reached by a black border instead of a resize."""
        return (self.native, self.resolution) == (28, 32)

    def __call__(
        self, images: Tensor, memory_format: torch.memory_format = torch.contiguous_format
    ) -> Tensor:
        """Normalised images.

        Args:
            images: uint8 [N, channels, native, native], on any device.
            memory_format: of the result; ``torch.channels_last`` is what convolutions like best.

        Returns:
            float32 [N, channels, resolution, resolution] on the same device.
        """
        expected = (self.channels, self.native, self.native)
        if images.dtype != torch.uint8 or tuple(images.shape[1:]) != expected:
            raise DataError(
                f"Images are {images.dtype} {list(images.shape)}, but this network was trained on "
                f"torch.uint8 [N, {', '.join(map(str, expected))}]."
            )
        if self.is_padding:
            images = F.pad(images, (2, 2, 2, 2))
        x_NCHW = images.to(torch.float32, memory_format=memory_format)
        # Normalising and resizing are both linear and change places freely: normalise the smaller one.
        if self.resolution > self.native:
            x_NCHW = self._resize(self._normalise(x_NCHW))
        else:
            x_NCHW = self._normalise(self._resize(x_NCHW))
        return x_NCHW.contiguous(memory_format=memory_format)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file; `from_dict` reads them."""
        plain = asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Preprocess:
        """The preprocessing that `to_dict` wrote."""
        values: dict[str, Any] = dict(plain)
        for key in ("mean", "std"):
            values[key] = None if plain[key] is None else tuple(plain[key])
        if plain.get("whites") is not None:
            values["whites"] = tuple((kind, white) for kind, white in plain["whites"])
        return cls(**values)

    def _resize(self, x_NCHW: Tensor) -> Tensor:
        if self.is_padding or self.resolution == self.native:
            return x_NCHW
        size = (self.resolution, self.resolution)
        return F.interpolate(x_NCHW, size, mode="bilinear", antialias=self.resolution < self.native)

    def _normalise(self, x_NCHW: Tensor) -> Tensor:
        mean, std = self.mean or (0.0,) * self.channels, self.std or (1.0,) * self.channels
        scale, shift = _scale_and_shift(mean, std, x_NCHW.device)
        return x_NCHW.mul_(scale).add_(shift)


@lru_cache(maxsize=16)
def _scale_and_shift(
    mean: tuple[float, ...], std: tuple[float, ...], device: torch.device
) -> tuple[Tensor, Tensor]:
    """``(x / 255 - mean) / std`` as one factor and one term per channel.

    Kept, because a copy of two small tensors to a GPU in every step makes the host wait for the device.
    """
    mean_64, std_64 = (torch.tensor(values, dtype=torch.float64)[:, None, None] for values in (mean, std))
    scale, shift = 1 / (255 * std_64), -mean_64 / std_64
    return scale.float().to(device), shift.float().to(device)
