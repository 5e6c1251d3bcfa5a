import json

import numpy as np
import pytest
import torch
from PIL import Image

from vggsweep.data.preprocess import Preprocess
from vggsweep.errors import DataError


def random_images(*shape: int) -> torch.Tensor:
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_28_pixels_get_a_black_border_before_normalisation():
    images = random_images(2, 1, 28, 28)
    x = Preprocess(1, 28, 32, (0.25,), (0.5,))(images)
    assert x.shape == (2, 1, 32, 32)
    torch.testing.assert_close(x[:, :, 2:-2, 2:-2], (images / 255 - 0.25) / 0.5)
    border = torch.ones(32, 32, dtype=torch.bool)
    border[2:-2, 2:-2] = False
    assert (x[:, :, border] == -0.5).all()


def test_the_native_resolution_only_normalises():
    images = random_images(2, 3, 32, 32)
    mean, std = (0.1, 0.2, 0.3), (0.4, 0.5, 0.6)
    expected = (images / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(Preprocess(3, 32, 32, mean, std)(images), expected)


def test_without_mean_and_std_pixels_lie_between_zero_and_one():
    images = random_images(2, 3, 32, 32)
    torch.testing.assert_close(Preprocess(3, 32, 32, None, None)(images), images / 255)


@pytest.mark.parametrize("resolution", [20, 56, 224])
def test_any_other_resolution_is_the_bilinear_resize_of_pillow(resolution):
    images = random_images(1, 1, 28, 28)
    x = Preprocess(1, 28, resolution, None, None)(images)
    resized = Image.fromarray(images[0, 0].numpy()).resize((resolution,) * 2, Image.Resampling.BILINEAR)
    # Pillow rounds to whole grey values after each of its two passes
    assert np.abs(x[0, 0].numpy() * 255 - np.asarray(resized)).max() <= 1.01


@pytest.mark.parametrize("resolution", [16, 32, 48])
def test_channels_last_changes_the_layout_and_nothing_else(resolution):
    preprocess = Preprocess(3, 32, resolution, (0.5,) * 3, (0.5,) * 3)
    images = random_images(4, 3, 32, 32)
    x = preprocess(images, torch.channels_last)
    assert x.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(x, preprocess(images))


def test_the_stored_images_are_not_changed():
    images = random_images(2, 1, 28, 28)
    before = images.clone()
    Preprocess(1, 28, 32, (0.5,), (0.5,))(images)
    assert (images == before).all()


@pytest.mark.parametrize(("mean", "std"), [((0.1, 0.2, 0.3), (0.4, 0.5, 0.6)), (None, None)])
def test_it_survives_a_json_file(mean, std):
    preprocess = Preprocess(3, 32, 48, mean, std)
    assert Preprocess.from_dict(json.loads(json.dumps(preprocess.to_dict()))) == preprocess


@pytest.mark.parametrize(
    "images", [random_images(1, 3, 28, 28), random_images(1, 1, 32, 32), torch.rand(1, 1, 28, 28)]
)
def test_other_images_than_it_was_made_for_are_refused(images):
    with pytest.raises(DataError, match=r"trained on torch.uint8 \[N, 1, 28, 28\]"):
        Preprocess(1, 28, 32, None, None)(images)
