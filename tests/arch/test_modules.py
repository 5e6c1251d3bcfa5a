"""Modules of our own against torch's that compute the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vggsweep.arch.build import build
from vggsweep.arch.layers import Conv


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_of_one_pixel_gives_the_values_and_gradients_of_torchs(
    layout: torch.memory_format, bias: bool
) -> None:
    torch.manual_seed(0)
    ours = build(Conv(5, 1, bias=bias), (3, 6, 4))
    theirs = nn.Conv2d(3, 5, 1, bias=bias)
    theirs.load_state_dict(ours.state_dict())
    results = []
    for module in (ours, theirs):
        images = torch.randn(2, 3, 6, 4, generator=torch.Generator().manual_seed(1)).to(memory_format=layout)
        scores = module(images.requires_grad_())
        scores.square().sum().backward()
        results.append([scores, images.grad, *(p.grad for p in module.parameters())])

    assert type(ours) is not nn.Conv2d
    assert isinstance(ours, nn.Conv2d)
    for mine, their in zip(*results, strict=True):
        torch.testing.assert_close(mine, their)
    assert results[0][0].is_contiguous(memory_format=layout)
