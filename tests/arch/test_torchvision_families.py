"""torchvision's networks as our families: as many parameters, and from its weights the same scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torchvision

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.state_dicts import from_torchvision, torchvision_key_map

Build = Callable[..., Any]


def test_vit_b_16_has_torchvisions_parameters(arch: Build, head: Build) -> None:
    costs = family_costs(arch("vit_b_16"), head("native"), InputShape(3, 224, 1000))

    published = torchvision.models.ViT_B_16_Weights.IMAGENET1K_V1.meta
    assert costs.params == published["num_params"]
    assert round(costs.macs / 1e9, 3) == published["_ops"]


def test_weights_of_a_small_vision_transformer_give_the_same_scores(arch: Build, head: Build) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.VisionTransformer(
        image_size=24, patch_size=8, num_layers=3, num_heads=4, hidden_dim=32, mlp_dim=128, num_classes=7
    ).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():  # zeros and ones would hide a mix-up
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    settings = arch("vit_b_16", depth=3, width=32, head_width=8, patch_size=8)
    ours = build_on_meta(settings, head("native"), InputShape(3, 24, 7)).eval()

    loaded = ours.load_state_dict(from_torchvision(ours, theirs.state_dict()), assign=True)
    images = torch.randn(5, 3, 24, 24)

    assert not loaded.missing_keys
    assert not loaded.unexpected_keys
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_names_of_vit_b_16_are_all_mapped(arch: Build, head: Build) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.vit_b_16()
    ours = build_on_meta(arch("vit_b_16"), head("native"), InputShape(3, 224, 1000)).state_dict()

    keys = torchvision_key_map(torch.nn.Identity(), theirs.state_dict())

    assert {keys[key]: value.shape for key, value in theirs.state_dict().items()} == {
        key: value.shape for key, value in ours.items()
    }
