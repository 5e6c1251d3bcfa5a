"""Configurations against the best, image by image: rates of false findings, and margins by hand."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from scipy.stats import norm, studentized_range, t

from vggsweep.results.statistics import paired
from vggsweep.results.statistics.noise import LEVEL, BinomialNoise
from vggsweep.results.statistics.paired import (
    GUARD,
    RightArray,
    compare_accuracies,
    compare_with_best,
    seed_scatter,
)


def trainings(
    logits_N: np.ndarray, seeds: int, rng: np.random.Generator, scatter: float = 0.0
) -> list[RightArray]:
    """Seeds that answer each image with its probability; whole trainings come out better or worse too."""
    shifts = rng.normal(0, scatter, seeds)
    return [rng.random(len(logits_N)) < 1 / (1 + np.exp(-(logits_N + shift))) for shift in shifts]


@pytest.mark.parametrize(("count", "seeds", "scatter"), [(2, 3, 0.0), (2, 2, 0.3), (8, 2, 0.1), (8, 1, 0.0)])
def test_equals_are_told_apart_in_one_case_of_twenty_although_the_best_is_picked(
    monkeypatch: pytest.MonkeyPatch, count: int, seeds: int, scatter: float
) -> None:
    monkeypatch.setattr(paired, "MOST_DRAWS", 1000)
    monkeypatch.setattr(paired, "FEWEST_DRAWS", 1000)
    rng, times, found = np.random.default_rng(3), 200, 0
    for _ in range(times):
        logits = rng.normal(2, 2, 500)
        groups = [trainings(logits, seeds, rng, scatter) for _ in range(count)]
        found += any(one.is_told_apart for one in compare_with_best(groups))
    # 20 or more of 200 come in four cases of a thousand where the rate is 5 %
    assert 1 <= found < 20


def test_with_seeds_the_margin_is_students_where_images_favour_neither() -> None:
    rng = np.random.default_rng(0)
    groups = [trainings(np.zeros(20_000), 3, rng, 0.05) for _ in range(2)]
    accuracies = [[one.mean() for one in group] for group in groups]
    std = sqrt(np.mean([np.var(one, ddof=1) for one in accuracies]))

    (found,) = [one for one in compare_with_best(groups) if one.interval is not None]

    assert found.margin == pytest.approx(t.isf(0.025 * GUARD, 4) * std * sqrt(2 / 3), rel=0.05)
    assert found.mean == pytest.approx(abs(np.mean(accuracies[0]) - np.mean(accuracies[1])))


def test_images_that_favour_one_side_widen_the_interval() -> None:
    """Two configurations that never change their answers differ only by which images there are."""
    first, second = np.arange(1000) % 10 < 8, np.arange(1000) % 10 > 2
    second[:200] = False
    (found,) = [one for one in compare_with_best([[first] * 3, [second] * 3]) if one.interval is not None]
    spread = np.std(first * 1.0 - second, ddof=1) / sqrt(1000)
    assert found.margin == pytest.approx(norm.isf(0.025 * GUARD) * spread, rel=0.03)


def test_networks_that_agree_on_most_images_need_a_smaller_difference_than_counting_allows() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(3, 3, 5000)
    one, other = trainings(logits, 2, rng)
    (found,) = [each for each in compare_with_best([[one], [other]]) if each.interval is not None]
    counted = BinomialNoise(5000).margin((float(one.mean()), 1), (float(other.mean()), 1))
    assert found.margin is not None
    assert found.margin < 0.75 * counted


def test_p_is_small_exactly_where_the_interval_leaves_nothing_out() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(2, 2, 3000)
    found = compare_with_best([trainings(logits - shift, 3, rng, 0.02) for shift in (0, 0.05, 0.1, 0.2, 0.6)])
    assert [one.is_told_apart for one in found] == [
        one.p < 0.05 and one.interval is not None for one in found
    ]
    assert found[-1].p < 0.01
    assert {one.is_told_apart for one in found} == {True, False}


def test_what_is_clearly_worse_does_not_widen_the_intervals_of_the_others() -> None:
    rng = np.random.default_rng(4)
    logits = rng.normal(2, 2, 3000)
    contenders = [trainings(logits - shift, 4, rng, 0.02) for shift in (0, 0.05)]
    others = [trainings(logits - 3, 4, rng, 0.02) for _ in range(6)]
    scatter = seed_scatter([*contenders, *others])
    alone, among = compare_with_best(contenders, scatter), compare_with_best([*contenders, *others], scatter)
    assert all(one.is_told_apart for one in among[2:])
    assert among[1].margin == pytest.approx(alone[1].margin, rel=0.05)
    assert among[2].margin is not None
    assert among[1].margin is not None
    assert among[2].margin > 1.2 * among[1].margin
    assert among[1].p == pytest.approx(alone[1].p, abs=0.02)


def test_equal_answers_are_never_told_apart() -> None:
    right = np.arange(50) % 3 == 0
    for seeds in (1, 2):
        found = compare_with_best([[right] * seeds, [right] * seeds])
        assert [(one.mean, one.is_told_apart, one.p) for one in found] == [(0, False, 1)] * 2


def test_the_scatter_over_seeds_is_pooled_and_its_part_of_single_answers_known() -> None:
    first = [np.array([True, True, False, False]), np.array([True, True, True, True])]
    second = [np.array([True, False, True, False])]
    scatter = seed_scatter([first, second])
    assert scatter is not None
    assert scatter.freedom == 1
    assert scatter.variance == pytest.approx(0.125)  # of accuracies .5 and 1
    assert scatter.answers == pytest.approx(2 / 4 * 0.5 / 4)  # two of four images are answered in both ways
    assert seed_scatter([second]) is None


def test_accuracies_alone_are_judged_by_tukeys_studentized_range() -> None:
    networks, seeds, std = 6, 3, 0.01
    found = compare_accuracies([0.9, *[0.895] * (networks - 1)], [seeds] * networks, std, 12)

    level = 1 - GUARD * (1 - LEVEL)
    margin = float(studentized_range.ppf(level, networks, 12)) * std / np.sqrt(seeds)
    assert [one.margin for one in found[1:]] == pytest.approx([margin] * (networks - 1), rel=0.02)
    chance = float(studentized_range.sf(0.005 * np.sqrt(seeds) / std, networks, 12)) / GUARD
    assert found[1].p == pytest.approx(min(1.0, chance), rel=0.02)
    assert found[0].interval is None


def test_two_accuracies_are_judged_by_students_t() -> None:
    _, other = compare_accuracies([0.9, 0.88], [3, 5], 0.01, 6)
    margin = float(t.ppf(1 - GUARD * (1 - LEVEL) / 2, 6)) * 0.01 * np.sqrt(1 / 3 + 1 / 5)
    assert other.margin == pytest.approx(margin, rel=0.02)
