"""Modules of our own against torch's that compute the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vggsweep.arch.build import build
from vggsweep.arch.layers import Conv
from vggsweep.arch.modules import FEW_PIXELS


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(3, 4), (6, 4)], ids=["few pixels", "many"])
def test_a_convolution_of_one_pixel_gives_the_values_and_gradients_of_torchs(
    layout: torch.memory_format, bias: bool, size: tuple[int, int]
) -> None:
    assert 3 * 4 <= FEW_PIXELS < 6 * 4
    torch.manual_seed(0)
    ours = build(Conv(5, 1, bias=bias), (3, *size))
    theirs = nn.Conv2d(3, 5, 1, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    results = []
    for module in (ours, theirs):
        images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1)).to(memory_format=layout)
        scores = module(images.requires_grad_())
        scores.square().sum().backward()
        results.append([scores, images.grad, *(p.grad for p in module.parameters())])

    assert type(ours) is not nn.Conv2d
    assert isinstance(ours, nn.Conv2d)
    for mine, their in zip(*results, strict=True):
        torch.testing.assert_close(mine, their)
    assert results[0][0].is_contiguous(memory_format=layout)
