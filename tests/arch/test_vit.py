"""The rules of the vision transformer: heads from the width, patches from the resolution, its budget."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.arch.budget import Budget, solve_width
from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.tokens import MOST_PATCHES_ASIDE, heads_and_channels, patch_for
from vggsweep.errors import InfeasibleConfig

Build = Callable[..., Any]


@given(st.floats(0.1, 2000), st.floats(0, 200), st.integers(1, 128))
def test_heads_share_channels_that_never_fall(width: float, more: float, head_width: int) -> None:
    heads, channels = heads_and_channels(width, head_width)

    assert channels % heads == 0
    assert channels <= heads_and_channels(width + more, head_width)[1]
    assert channels == 1 or abs(channels - width) <= head_width / 2
    assert heads == 1 or head_width / 2 <= channels / heads <= 2 * head_width


@pytest.mark.parametrize(("width", "heads"), [(192, 3), (384, 6), (768, 12), (1024, 16), (1280, 20)])
def test_published_widths_have_their_published_heads(width: int, heads: int) -> None:
    assert heads_and_channels(width, 64) == (heads, width)


@given(st.integers(1, 400))
def test_patches_cut_every_resolution_evenly_or_the_next_one_is_named(resolution: int) -> None:
    try:
        size = patch_for(resolution)
    except InfeasibleConfig as refusal:
        named = int(str(refusal).split("is dataset.resolution=")[1].split(";")[0])
        assert named > resolution
        assert patch_for(named)
    else:
        assert resolution % size == 0
        assert 2 <= resolution // size <= MOST_PATCHES_ASIDE


def test_patch_that_does_not_divide_the_image_names_the_next_resolution(arch: Build, head: Build) -> None:
    with pytest.raises(InfeasibleConfig, match="patches of 16 x 16.*smallest that works is .*=32"):
        family_costs(arch("vit_b_16"), head("native"), InputShape(1, 28, 10))


@pytest.mark.parametrize("family", ["vit", "mlp"])
@pytest.mark.parametrize("cost", ["macs", "params"])
def test_width_of_every_depth_meets_a_budget(arch: Build, head: Build, family: str, cost: Any) -> None:
    shape = InputShape(1, 28, 10)
    target = getattr(family_costs(arch(family), head("native"), shape), cost)
    for depth in range(1, 25):
        solved = solve_width(
            arch(family, depth=depth, width=None), head("native"), Budget(cost, target), shape
        )
        assert abs(solved.residual) <= 0.02
