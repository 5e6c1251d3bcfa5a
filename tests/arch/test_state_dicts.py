"""torchvision's VGG nets under our names: same weights, same scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.description import InputShape
from vggsweep.arch.state_dicts import from_torchvision, torchvision_key_map

Build = Callable[..., Any]
IMAGENET = InputShape(channels=3, resolution=224, num_classes=1000)
slow = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        "vgg11",
        "vgg11_bn",
        *(
            pytest.param(name, marks=slow)
            for name in ("vgg13", "vgg13_bn", "vgg16", "vgg16_bn", "vgg19", "vgg19_bn")
        ),
    ],
)
def test_torchvision_weights_load_and_give_the_same_scores(arch: Build, head: Build, name: str) -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        # init_weights=False: torch's defaults are faster to draw, and any weights will do
        theirs = torchvision.models.get_model(name, weights=None, init_weights=False).eval()
        for key, value in theirs.state_dict().items():  # statistics that would show a mix-up
            if key.endswith("running_mean"):
                value.uniform_(-0.1, 0.1)
            elif key.endswith("running_var"):
                value.uniform_(0.5, 1.5)
        preset = arch(name.removesuffix("_bn"), batch_norm=name.endswith("_bn"))
        ours = build_on_meta(preset, head("vgg"), IMAGENET).eval()
        loaded = ours.load_state_dict(from_torchvision(ours, theirs.state_dict()), assign=True)
        images = torch.randn(2, 3, 224, 224)

        expected, scores = theirs(images), ours(images)

    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    # The layers are the same but for pooling before the activation, which commutes exactly.
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-6)


def test_mapping_is_the_documented_one(arch: Build, head: Build) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.vgg11_bn()
    ours = build_on_meta(arch("vgg11", batch_norm=True), head("vgg"), IMAGENET)

    keys = torchvision_key_map(ours, theirs.state_dict())

    assert keys["features.0.weight"] == "block1.conv1.weight"
    assert keys["features.1.running_mean"] == "block1.norm1.running_mean"
    assert keys["features.4.weight"] == "block2.conv1.weight"
    assert keys["features.25.bias"] == "block5.conv2.bias"
    assert [keys[f"classifier.{i}.weight"] for i in (0, 3, 6)] == [
        "linear1.weight",
        "linear2.weight",
        "linear3.weight",
    ]
    assert set(keys.values()) == set(ours.state_dict())
    for key, value in theirs.state_dict().items():
        assert ours.state_dict()[keys[key]].shape == value.shape
