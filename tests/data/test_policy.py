"""RandAugment and TrivialAugment: torchvision's operations, drawn for each image of a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import RandAugment, TrivialAugmentWide

from vggsweep.data.policy import MAGNITUDES, OPERATIONS, Drawn, apply_policy, draw_policy
from vggsweep.data.settings import AugmentSettings, Policy

Augmentation = Callable[..., AugmentSettings]
# torchvision's names, in our order.
THEIRS = (
    *("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color"),
    *("Contrast", "Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize"),
)
MAKERS = {"randaugment": RandAugment, "trivialaugment": TrivialAugmentWide}


def pictures(channels: int, count: int = 1, size: int = 24) -> torch.Tensor:
    """Smooth ones with some noise: neither flat nor at its limits everywhere."""
    random = torch.Generator().manual_seed(channels)
    coarse = torch.rand(count, channels, 4, 4, generator=random) * 200 + 20
    smooth = torch.nn.functional.interpolate(coarse, (size, size), mode="bicubic")
    return (smooth + torch.rand(smooth.shape, generator=random) * 20).clamp(0, 255).to(torch.uint8)


def all_of(operation: int, bins: range | list[int], sign: int) -> Drawn:
    count = len(bins)
    return Drawn(np.full(count, operation), np.array(bins), np.full(count, sign))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("policy", MAKERS)
@pytest.mark.parametrize("operation", range(len(OPERATIONS)), ids=OPERATIONS)
def test_an_operation_is_torchvisions_at_every_magnitude(
    operation: int, policy: Policy, channels: int
) -> None:
    theirs = MAKERS[policy]()
    picture, size = pictures(channels), 24
    magnitudes, is_signed = theirs._AUGMENTATION_SPACE[THEIRS[operation]]
    strengths = magnitudes(MAGNITUDES, size, size)
    for sign in (1, -1) if is_signed else (1,):
        ours = apply_policy(
            picture.expand(MAGNITUDES, -1, -1, -1), policy, all_of(operation, range(MAGNITUDES), sign)
        )
        for bin in range(MAGNITUDES):
            strength = 0.0 if strengths is None else sign * float(strengths[bin])
            expected = theirs._apply_image_or_video_transform(
                picture, THEIRS[operation], strength, InterpolationMode.NEAREST, {}
            )[0]
            off = (ours[bin].int() - expected.int()).abs()
            if OPERATIONS[operation] in ("shear_x", "shear_y", "rotate"):
                # a pixel whose source lies on the line between two is either
                assert (off > 1).float().mean() < 0.04, (bin, sign)
            else:
                assert int(off.max()) <= 1, (bin, sign)


def test_images_of_a_batch_are_changed_as_each_would_be_alone(augmentation: Augmentation) -> None:
    images = pictures(3, 64)
    for drawn in draw_policy(augmentation("trivialaugment"), 64, np.random.RandomState(0)):
        together = apply_policy(images, "trivialaugment", drawn)
        alone = [
            apply_policy(images[at : at + 1], "trivialaugment", drawn.of(np.array([at]))) for at in range(64)
        ]
        assert torch.equal(together, torch.cat(alone))
        assert not torch.equal(together, images)


def test_draws_are_uniform_over_operations_and_magnitudes_and_signs(augmentation: Augmentation) -> None:
    count = 14_000
    (trivial,) = draw_policy(augmentation("trivialaugment"), count, np.random.RandomState(0))
    first, second = draw_policy(augmentation("randaugment"), count, np.random.RandomState(0))
    for drawn in (trivial, first, second):
        seen = np.bincount(drawn.operations)
        assert len(seen) == len(OPERATIONS)
        assert seen.min() > 850
        assert set(drawn.signs) == {-1, 1}
    assert np.bincount(trivial.bins).min() > 350
    assert set(first.bins) == {9}
    assert not np.array_equal(first.operations, second.operations)


def test_the_same_draws_with_another_magnitude(augmentation: Augmentation) -> None:
    weak, strong = (
        draw_policy(augmentation("randaugment", policy_magnitude=bin), 50, np.random.RandomState(3))
        for bin in (1, 30)
    )
    for one, other in zip(weak, strong, strict=True):
        assert np.array_equal(one.operations, other.operations)
        assert np.array_equal(one.signs, other.signs)


def test_no_images_are_no_trouble() -> None:
    assert apply_policy(pictures(1, 3)[:0], "randaugment", all_of(1, [], 1)).shape == (0, 1, 24, 24)
