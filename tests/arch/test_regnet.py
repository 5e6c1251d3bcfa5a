"""RegNets against the numbers that their paper prints, and the width rule against torchvision's."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from torchvision.models.regnet import BlockParams

from vggsweep.arch.describe import network_costs
from vggsweep.arch.description import InputShape

Build = Callable[..., Any]
IMAGENET = InputShape(channels=3, resolution=224, num_classes=1000)
# depth, w_0, w_a, w_m and group width of the nets that torchvision ships (Radosavovic et al. 2020, appendix)
PUBLISHED = {
    "regnet_y_400mf": (16, 48, 27.89, 2.09, 8),
    "regnet_y_800mf": (14, 56, 38.84, 2.4, 16),
    "regnet_y_1_6gf": (27, 48, 20.71, 2.65, 24),
    "regnet_y_3_2gf": (21, 80, 42.63, 2.66, 24),
    "regnet_y_8gf": (17, 192, 76.82, 2.19, 56),
    "regnet_y_16gf": (18, 200, 106.23, 2.48, 112),
    "regnet_y_32gf": (20, 232, 115.89, 2.53, 232),
    "regnet_y_128gf": (27, 456, 160.83, 2.52, 264),
    "regnet_x_400mf": (22, 24, 24.48, 2.54, 16),
    "regnet_x_800mf": (16, 56, 35.73, 2.28, 16),
    "regnet_x_1_6gf": (18, 80, 34.01, 2.25, 24),
    "regnet_x_3_2gf": (25, 88, 26.31, 2.25, 48),
    "regnet_x_8gf": (23, 80, 49.56, 2.88, 120),
    "regnet_x_16gf": (22, 216, 55.59, 2.1, 128),
    "regnet_x_32gf": (23, 320, 69.86, 2.0, 168),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_width_rule_gives_the_published_stages(arch: Build, name: str) -> None:
    depth, w_0, w_a, w_m, group_width = PUBLISHED[name]
    theirs = BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width)

    ours = arch(
        "regnet",
        depth=depth,
        width=w_0,
        slope=w_a / w_0,
        step=w_m,
        group_width=group_width,
        channel_multiple=8,
    )

    assert list(ours.blocks_per_stage()) == theirs.depths
    assert list(ours.stage_widths()) == theirs.widths


def test_preset_costs_what_the_paper_prints(arch: Build, head: Build) -> None:
    """Radosavovic et al. 2020, table 14: Y-400MF has 4.3 million parameters and 3.9 million activations.

    (X-400MF differs between the authors' code, which sends its last stage of 392 channels to 384, and
    torchvision, which sends it to 400; ours is torchvision's.)
    """
    costs = network_costs(arch("regnet_y_400mf"), head("gap"), IMAGENET)

    assert (f"{costs.params / 1e6:.1f}", f"{costs.activations / 1e6:.1f}") == ("4.3", "3.9")
    assert round(costs.macs / 1e8) == 4


def test_deeper_net_has_the_blocks_of_a_shallower_one(arch: Build) -> None:
    counts = [arch("regnet", depth=depth).blocks_per_stage() for depth in range(1, 30)]

    for fewer, more in pairwise(counts):
        assert sum(more) == sum(fewer) + 1
        assert all(a <= b for a, b in zip(fewer, more, strict=False))
    assert max(map(len, counts)) == 4


def test_squeeze_excite_is_counted(arch: Build, head: Build) -> None:
    plain, excited = (
        network_costs(arch("regnet", se_ratio=ratio), head("gap"), IMAGENET) for ratio in (0.0, 0.25)
    )

    assert excited.params > plain.params
    assert excited.macs > plain.macs
