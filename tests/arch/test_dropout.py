"""Our dropout beside torch's: the same distribution, scale and gradient; elsewhere torch itself."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vggsweep.arch.dropout import Dropout


@pytest.mark.parametrize("p", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_and_the_scale_are_those_of_the_definition(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(400, 1_000, dtype=dtype)

    y = Dropout(p)(x)

    kept = y != 0
    assert kept.float().mean().item() == pytest.approx(1 - p, abs=0.005)  # six standard deviations
    assert y[kept].unique().tolist() == torch.tensor([1 / (1 - p)], dtype=dtype).tolist()
    # neither rows, nor columns, nor the place within a 64-bit draw are favoured
    for places in (kept.float().mean(1), kept.float().mean(0), kept.view(-1, 8).float().mean(0)):
        assert (places - (1 - p)).abs().max().item() < 0.12


def test_the_gradient_passes_where_the_value_did() -> None:
    x = torch.randn(8, 16, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()

    y = Dropout(0.5)(x)
    y.sum().backward()

    assert y.is_contiguous(memory_format=torch.channels_last)
    assert x.grad is not None
    assert torch.equal(x.grad, (y != 0) * 2.0)
    assert torch.equal(y, x * x.grad)


def test_a_seed_gives_the_same_masks_again_and_the_next_batch_gets_others() -> None:
    dropout, x = Dropout(0.5), torch.ones(3, 33)
    torch.manual_seed(7)
    first, second = dropout(x), dropout(x)
    torch.manual_seed(7)

    assert torch.equal(dropout(x), first)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("p", [0.0, 0.1, 1.0])
def test_a_share_that_bytes_cannot_meet_is_dropped_by_torch(p: float) -> None:
    x = torch.randn(64, 64)
    torch.manual_seed(1)
    ours = Dropout(p)(x)
    torch.manual_seed(1)

    assert torch.equal(ours, nn.Dropout(p)(x))


def test_evaluation_changes_nothing() -> None:
    x = torch.randn(4, 4)

    assert torch.equal(Dropout(0.5).eval()(x), x)
