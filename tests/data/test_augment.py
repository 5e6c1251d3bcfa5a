import pytest
import torch
import torch.nn.functional as F

from vggsweep.data.augment import augment, erase, flip, shift


def batch(count: int = 64, channels: int = 3, size: int = 16) -> torch.Tensor:
    return torch.rand(count, channels, size, size, generator=torch.Generator().manual_seed(0)) + 0.1


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_flipping_twice_changes_nothing():
    x, chosen = batch(), torch.arange(64) % 3 == 0
    once = flip(x, chosen)
    assert torch.equal(once[~chosen], x[~chosen])
    assert torch.equal(once[chosen], x[chosen].flip(-1))
    assert torch.equal(flip(once, chosen), x)


def test_a_shifted_image_is_a_window_of_the_padded_one():
    x = batch(49)
    down, right = torch.meshgrid(torch.arange(-3, 4), torch.arange(-3, 4), indexing="ij")
    shifted = shift(x, down.flatten(), right.flatten())
    padded = F.pad(x, (3, 3, 3, 3), mode="replicate")
    for i, (d, r) in enumerate(zip(down.flatten().tolist(), right.flatten().tolist(), strict=True)):
        assert torch.equal(shifted[i], padded[i, :, 3 + d : 19 + d, 3 + r : 19 + r])


def test_erasing_blanks_exactly_the_rectangle():
    x = batch(2)
    top, left, tall, wide = (torch.tensor(v) for v in ([2, 0], [3, 0], [4, 0], [5, 16]))
    erased = erase(x, top, left, tall, wide)
    expected = x.clone()
    expected[0, :, 2:6, 3:8] = 0
    assert torch.equal(erased, expected)


def test_about_half_of_the_images_are_flipped(augmentation):
    x = batch(2000, 1, 4)
    flipped = augment(x, augmentation("flip"), generator())
    is_same = (flipped == x).flatten(1).all(1)
    assert 900 < int(is_same.sum()) < 1100
    assert torch.equal(flipped[~is_same], x[~is_same].flip(-1))


def test_every_offset_is_drawn_about_equally_often(augmentation):
    # each pixel tells its own place
    x = torch.arange(81.0).reshape(1, 1, 9, 9).expand(5000, 1, 9, 9)
    centres = augment(x, augmentation("none", crop_padding=2), generator())[:, 0, 4, 4].long()
    counts = torch.stack([centres // 9 - 4, centres % 9 - 4], dim=1).add(2)
    for axis in (0, 1):
        seen = counts[:, axis].bincount()
        assert len(seen) == 5
        assert seen.min() > 850


def test_erased_areas_lie_between_the_bounds(augmentation):
    x = batch(500, 1, 32)
    settings = augmentation("none", erase_probability=1.0, erase_min_area=0.1, erase_max_area=0.2)
    share = (augment(x, settings, generator()) == 0).flatten(1).float().mean(1)
    assert share.min() > 0.08
    assert share.max() < 0.22


def test_only_the_given_part_of_the_images_is_erased(augmentation):
    x = batch(2000, 1, 8)
    erased = augment(x, augmentation("none", erase_probability=0.25), generator())
    assert 400 < int((erased == 0).flatten(1).any(1).sum()) < 600


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
@pytest.mark.parametrize("option", ["none", "flip", "crop_flip", "random_erasing"])
def test_shape_and_type_stay(option, dtype, augmentation):
    x = (batch() * 200).to(dtype)
    result = augment(x, augmentation(option), generator())
    assert (result.shape, result.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize("option", ["flip", "crop_flip", "random_erasing"])
def test_all_randomness_comes_from_the_generator(option, augmentation):
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    first, again, other = (augment(batch(), augmentation(option), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
