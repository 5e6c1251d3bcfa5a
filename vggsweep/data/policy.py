"""RandAugment and TrivialAugment over a batch: each image gets operations of its own, as published.

Operations, strengths and order of numbers are torchvision's (``transforms.v2.RandAugment`` and
``TrivialAugmentWide``, 31 bins, nearest neighbour, black where nothing was). Those draw one operation a call,
for all images alike, from torch's global random numbers. Here each image draws, from the trial's own, and the
images of one operation are changed together.

They act on stored pixels, uint8 and before `preprocess`. What is drawn stands in the CPU's memory, so that
the groups are known there and nothing waits for the device.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vggsweep.data.order import IndexArray
from vggsweep.data.settings import AugmentSettings, Policy

# Magnitudes go in equal steps from nothing to the strongest.
MAGNITUDES = 31
# Strongest of each operation under RandAugment (Cubuk et al. 2020, arXiv:1909.13719) and under
# TrivialAugment's wide space (Müller & Hutter 2021, arXiv:2103.10158); 0 where nothing is strong or weak.
STRONGEST: dict[str, dict[Policy, float]] = {
    "identity": {"randaugment": 0, "trivialaugment": 0},
    "shear_x": {"randaugment": 0.3, "trivialaugment": 0.99},
    "shear_y": {"randaugment": 0.3, "trivialaugment": 0.99},
    "translate_x": {"randaugment": 150 / 331, "trivialaugment": 32},  # of the width; pixels
    "translate_y": {"randaugment": 150 / 331, "trivialaugment": 32},
    "rotate": {"randaugment": 30, "trivialaugment": 135},  # degrees
    "brightness": {"randaugment": 0.9, "trivialaugment": 0.99},
    "color": {"randaugment": 0.9, "trivialaugment": 0.99},
    "contrast": {"randaugment": 0.9, "trivialaugment": 0.99},
    "sharpness": {"randaugment": 0.9, "trivialaugment": 0.99},
    "posterize": {"randaugment": 4, "trivialaugment": 6},  # bits lost
    "solarize": {"randaugment": 1, "trivialaugment": 1},  # of all values are turned round
    "autocontrast": {"randaugment": 0, "trivialaugment": 0},
    "equalize": {"randaugment": 0, "trivialaugment": 0},
}
OPERATIONS = tuple(STRONGEST)
MOVES = ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")
BLENDS = ("brightness", "color", "contrast", "sharpness")
# Weights of red, green and blue in torchvision's grey.
GREY = (0.2989, 0.587, 0.114)


@dataclass(frozen=True)
class Drawn:
    """One operation for each image of a batch.

    Args:
        operations: positions in `OPERATIONS`, [N].
        bins: magnitudes from 0 to 30, [N].
        signs: -1 or 1, [N].
    """

    operations: IndexArray
    bins: IndexArray
    signs: IndexArray

    def of(self, positions: IndexArray) -> Drawn:
        """Those of some of the images."""
        return Drawn(self.operations[positions], self.bins[positions], self.signs[positions])


def draw_policy(settings: AugmentSettings, count: int, random: np.random.RandomState) -> list[Drawn]:
    """What happens to each image of a batch, one operation after the other.

    Args:
        settings: of the policy.
        count: images of the batch.
        random: the only source of randomness.
    """
    is_trivial = settings.policy == "trivialaugment"
    drawn = []
    for _ in range(1 if is_trivial else settings.policy_ops):
        operations = random.randint(len(OPERATIONS), size=count)
        bins = random.randint(MAGNITUDES, size=count)  # drawn either way: a magnitude moves no other number
        if not is_trivial:
            bins = np.full(count, settings.policy_magnitude)
        drawn.append(Drawn(operations, bins, random.randint(2, size=count) * 2 - 1))
    return drawn


def apply_policy(images: Tensor, policy: Policy, drawn: Drawn) -> Tensor:
    """Images after one operation each.

    Args:
        images: uint8 [N, C, S, S] with one channel or three.
        policy: whose strengths.
        drawn: for these images.
    """
    size = images.shape[-1]
    names = np.array([_group(OPERATIONS[at]) for at in drawn.operations], dtype=object)
    numbers = np.array(
        [
            _numbers(OPERATIONS[at], bin, sign, policy, size)
            for at, bin, sign in zip(drawn.operations, drawn.bins, drawn.signs, strict=True)
        ],
        dtype=np.float32,
    ).reshape(-1, 6)
    order = np.argsort(names.astype(str), kind="stable")
    where, values = _moved(order, images.device), _moved(numbers[order], images.device)
    changed = images.clone()
    start = 0
    for name, count in zip(*np.unique(names.astype(str), return_counts=True), strict=True):
        rows = slice(start, start := start + int(count))
        if name in CHANGES and not (name == "color" and images.shape[1] == 1):
            chosen = images.index_select(0, where[rows])
            changed.index_copy_(0, where[rows], CHANGES[str(name)](chosen, values[rows]))
    return changed


def _group(name: str) -> str:
    return "move" if name in MOVES else name


def _numbers(name: str, bin: int, sign: int, policy: Policy, size: int) -> tuple[float, ...]:
    """What an operation needs for one image: six numbers, of which most need one."""
    strength = _strengths(name, policy, size)[bin]
    if name in MOVES:
        return _window(name, sign * strength, size)
    if name in BLENDS:
        return (1.0 + sign * strength, 0, 0, 0, 0, 0)
    if name == "posterize":
        bits = 8 - round(strength)
        return (((1 << bits) - 1) << (8 - bits), 0, 0, 0, 0, 0)
    return (255 * strength, 0, 0, 0, 0, 0)


@functools.cache
def _strengths(name: str, policy: Policy, size: int) -> list[float]:
    """Of each magnitude, to the last bit as torchvision has them: a translation is cut to whole pixels."""
    strongest = STRONGEST[name][policy]
    if name.startswith("translate") and policy == "randaugment":
        strongest *= size
    ends = (1.0, 0.0) if name == "solarize" else (0.0, strongest)
    strengths: list[float] = torch.linspace(*ends, MAGNITUDES, device="cpu").tolist()
    return strengths


def _window(name: str, amount: float, size: int) -> tuple[float, ...]:
    """Where a moved image takes its pixels from: the matrix of `F.affine_grid`, in halves of the width."""
    cos, sin = math.cos(math.radians(amount)), math.sin(math.radians(amount))
    pixels = int(amount)
    return {
        "shear_x": (1.0, amount, amount, 0.0, 1.0, 0.0),  # the top row stays
        "shear_y": (1.0, 0.0, 0.0, amount, 1.0, amount),  # the left column stays
        "translate_x": (1.0, 0.0, -2 * pixels / size, 0.0, 1.0, 0.0),
        "translate_y": (1.0, 0.0, 0.0, 0.0, 1.0, -2 * pixels / size),
        "rotate": (cos, -sin, 0.0, sin, cos, 0.0),
    }[name]


def _moved(values: NDArray[Any], device: torch.device) -> Tensor:
    """On the device, without waiting for what it computes."""
    tensor = torch.from_numpy(np.ascontiguousarray(values))
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


def _move(images: Tensor, numbers: Tensor) -> Tensor:
    grid = F.affine_grid(numbers.view(-1, 2, 3), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, mode="nearest", align_corners=False).to(torch.uint8)


def _blend(degenerate: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """The operation that goes from an image's degenerate form (factor 0) through the image (1) and beyond."""

    def blend(images: Tensor, numbers: Tensor) -> Tensor:
        x, factor = images.float(), numbers[:, :1, None, None]
        return (x * factor + degenerate(x) * (1 - factor)).clamp_(0, 255).to(torch.uint8)

    return blend


def _grey(x: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    red, green, blue = x.unbind(1)
    return (red * GREY[0] + green * GREY[1] + blue * GREY[2]).floor_().unsqueeze(1)


def _blurred(x: Tensor) -> Tensor:
    """Weights 1 around 5 in each 3x3 window; the border stays."""
    blurred = x.clone()
    if x.shape[-1] > 2:
        inner = x[..., 1:-1, 1:-1]
        blurred[..., 1:-1, 1:-1] = ((9 * F.avg_pool2d(x, 3, stride=1) + 4 * inner) / 13).round_()
    return blurred


def _posterize(images: Tensor, numbers: Tensor) -> Tensor:
    return images & numbers[:, :1, None, None].to(torch.uint8)


def _solarize(images: Tensor, numbers: Tensor) -> Tensor:
    return torch.where(images >= numbers[:, :1, None, None], 255 - images, images)


def _autocontrast(images: Tensor, numbers: Tensor) -> Tensor:
    from torchvision.transforms.v2.functional import autocontrast  # a second, for those who chose a policy

    stretched: Tensor = autocontrast(images)
    return stretched


def _equalize(images: Tensor, numbers: Tensor) -> Tensor:
    from torchvision.transforms.v2.functional import equalize

    equalized: Tensor = equalize(images)
    return equalized


# From the images of one operation and their numbers [n, 6] to the changed images.
CHANGES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "move": _move,
    "brightness": _blend(torch.zeros_like),
    "color": _blend(_grey),
    "contrast": _blend(lambda x: _grey(x).mean(dim=(1, 2, 3), keepdim=True)),
    "sharpness": _blend(_blurred),
    "posterize": _posterize,
    "solarize": _solarize,
    "autocontrast": _autocontrast,
    "equalize": _equalize,
}
