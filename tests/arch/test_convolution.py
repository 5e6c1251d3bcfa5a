from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vggsweep.arch.convolution import ImageConv2d, zero_padded


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("kernel", [3, 5])
def test_channels_of_zeros_change_no_sum(channels: int, kernel: int) -> None:
    torch.manual_seed(0)
    plain = ImageConv2d(channels, 4, kernel, padding=kernel // 2).double()
    x_NCHW = torch.rand(2, channels, 12, 12, dtype=torch.float64)
    expected = plain(x_NCHW)
    expected.square().sum().backward()
    gradient = plain.weight.grad
    plain.weight.grad = None

    padded = [zero_padded(tensor, torch.float64) for tensor in (x_NCHW, plain.weight)]
    assert [tensor.shape[1] for tensor in padded] == [8, 8]
    assert all(tensor.is_contiguous(memory_format=torch.channels_last) for tensor in padded)
    found = F.conv2d(*padded, plain.bias, padding=kernel // 2)
    found.square().sum().backward()

    assert torch.allclose(found, expected)
    assert gradient is not None
    assert plain.weight.grad is not None
    assert torch.allclose(plain.weight.grad, gradient)


def test_its_weights_are_those_of_torchs_convolution() -> None:
    mine, theirs = ImageConv2d(1, 4, 3).state_dict(), torch.nn.Conv2d(1, 4, 3).state_dict()
    assert {name: value.shape for name, value in mine.items()} == {
        name: value.shape for name, value in theirs.items()
    }


@pytest.mark.cuda
@pytest.mark.parametrize("channels", [1, 3])
def test_a_gpu_computes_the_same_with_them(channels: int) -> None:
    torch.manual_seed(0)
    layer = ImageConv2d(channels, 16, 3, padding=1).cuda().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    x_NCHW = torch.rand(8, channels, 32, 32, device="cuda")
    with torch.autocast("cuda", torch.bfloat16):
        found = layer(x_NCHW)
        expected = torch.nn.Conv2d.forward(layer, x_NCHW)
    assert found.dtype == torch.bfloat16
    assert torch.allclose(found.float(), expected.float(), atol=2e-2)
