"""Layers as arithmetic: what they make of a shape, and what they cannot take."""

from __future__ import annotations

import pytest

from vggsweep.arch.description import DoesNotFit, Sequence
from vggsweep.arch.layers import Conv


def test_an_odd_kernel_keeps_the_resolution_unless_told_otherwise() -> None:
    assert Conv(8, 5).effect((3, 9, 9)).shape == (8, 9, 9)
    assert Conv(8, 5, padding=0).effect((3, 9, 9)).shape == (8, 5, 5)


def test_an_even_kernel_asks_for_its_padding() -> None:
    with pytest.raises(DoesNotFit, match=r"^stem has an even kernel of 4, so its padding must be given"):
        Sequence.of(stem=Conv(8, 4, stride=4)).effect((3, 32, 32))

    assert Conv(8, 4, stride=4, padding=0).effect((3, 32, 32)).shape == (8, 8, 8)
