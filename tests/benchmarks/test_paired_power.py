"""Of the committed answers of real networks: equals are told apart in at most one case of twenty."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import paired_power
from vggsweep.results.statistics import paired


@pytest.mark.parametrize(("count", "seeds"), [(2, 3), (4, 5), (10, 2)])
def test_seeds_of_one_network_are_seldom_told_apart(
    monkeypatch: pytest.MonkeyPatch, count: int, seeds: int
) -> None:
    monkeypatch.setattr(paired, "MOST_DRAWS", 2000)
    rates = paired_power.false_rate(paired_power.load(), count, seeds, 120)
    # 13 or more of 120 come in one case of a hundred where the rate is 5 %
    assert rates["image"] < 13 / 120
    assert rates["accuracy"] < 13 / 120


def test_a_true_difference_is_found() -> None:
    networks, rng = paired_power.load()["fashion_mnist, depth 6, width 6 (first)"], np.random.default_rng(0)
    first, second = paired_power.equal_groups(networks, 2, 5, rng)
    best, apart, margins = paired_power.by_image([paired_power.worse(first, 0.03, rng), second])
    assert best == 1
    assert apart[0] > margins[0]
