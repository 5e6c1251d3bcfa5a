"""Mixup and CutMix: torchvision's pictures and probabilities for the same share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import MixUp

from vggsweep.data.mixing import mix
from vggsweep.data.settings import AugmentSettings

Augmentation = Callable[..., AugmentSettings]


def batch(count: int = 8, channels: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, 32, 32, generator=random), torch.arange(count) % 5


def ring(x: torch.Tensor) -> torch.Tensor:
    """A batch with its last image before its first one too."""
    return torch.cat((x[-1:], x))


def mixed(settings: AugmentSettings, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, float]:
    x, labels = batch()
    found, both = mix(ring(x), ring(labels), settings, np.random.RandomState(seed))
    assert torch.equal(both[:, 0].long(), labels)
    assert torch.equal(both[:, 1].long(), labels.roll(1))
    assert len(both[:, 2].unique()) == 1
    return found, both, float(both[0, 2])


def test_mixup_is_torchvisions_for_the_same_share(augmentation: Augmentation) -> None:
    x, labels = batch()
    found, both, share = mixed(augmentation("mixup", mixup=1.0))
    theirs = MixUp(num_classes=5)
    params = {"labels": labels, "batch_size": 8, "lam": share}
    torch.testing.assert_close(found, theirs.transform(x, params))
    probabilities = torch.zeros(8, 5)
    probabilities[torch.arange(8), both[:, 0].long()] += share
    probabilities[torch.arange(8), both[:, 1].long()] += 1 - share
    torch.testing.assert_close(probabilities, theirs.transform(labels, params))
    assert 0 < share < 1


def test_cutmix_puts_a_rectangle_of_the_image_before_there_and_its_area_is_the_share(
    augmentation: Augmentation,
) -> None:
    x, _ = batch()
    for seed in range(20):
        found, _, share = mixed(augmentation("cutmix"), seed)
        is_other = (found != x).any(dim=1)
        assert torch.equal(torch.where(is_other[:, None], x.roll(1, 0), x), found)
        rows, columns = is_other[0].any(1), is_other[0].any(0)
        assert torch.equal(is_other, (rows[:, None] & columns).expand_as(is_other))
        assert share == pytest.approx(1 - float(is_other[0].float().mean()), abs=1e-6)


def test_both_together_are_each_used_half_of_the_time_and_only_in_their_part_of_the_batches(
    augmentation: Augmentation,
) -> None:
    x, _ = batch()
    settings = augmentation("mixup", mixup=1.0, cutmix=1.0, mix_probability=0.5)
    random = np.random.RandomState(0)
    kinds = {"none": 0, "cut": 0, "added": 0}
    for _ in range(400):
        found, both = mix(ring(x), ring(torch.zeros(8, dtype=torch.int64)), settings, random)
        is_untouched = (found == x).all(dim=1)
        kind = "none" if is_untouched.all() else "cut" if is_untouched.any() else "added"
        kinds[kind] += 1
        if kind == "none" and both[0, 2] < 1:
            raise AssertionError("a share without a mixture")
    assert 150 < kinds["none"] < 260  # some rectangles are empty
    assert kinds["cut"] > 60
    assert kinds["added"] > 60


def test_shares_follow_the_beta_distribution_of_alpha(augmentation: Augmentation) -> None:
    x, labels = batch(2, 1)
    for alpha in (0.2, 1.0, 4.0):
        random = np.random.RandomState(0)
        settings = augmentation("mixup", mixup=alpha)
        shares = [float(mix(x, labels, settings, random)[1][0, 2]) for _ in range(2000)]
        assert np.mean(shares) == pytest.approx(0.5, abs=0.03)
        assert np.var(shares) == pytest.approx(0.25 / (2 * alpha + 1), rel=0.1)  # of Beta(alpha, alpha)
