"""Intervals and margins against scipy's and against simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from tests.results.made_tables import network, results
from vggsweep.results.statistics.noise import (
    BinomialNoise,
    SeedNoise,
    images_behind,
    noise_behind,
    seed_noise,
)
from vggsweep.results.statistics.replicates import mean_over_seeds


@pytest.mark.parametrize(("hits", "images"), [(0, 50), (45, 50), (899, 1_000), (50, 50)])
def test_binomial_interval_is_wilsons(hits: int, images: int) -> None:
    expected = stats.binomtest(hits, images).proportion_ci(0.95, method="wilson")

    found = BinomialNoise(images).interval(hits / images)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_pooled_noise_is_the_within_mean_square_of_an_analysis_of_variance() -> None:
    groups = {4: [0.80, 0.82, 0.84], 6: [0.85, 0.85, 0.88], 8: [0.9, 0.86]}
    table = results(
        *(
            {**network(depth, 8), "seed": seed, "val_acc": acc}
            for depth, accuracies in groups.items()
            for seed, acc in enumerate(accuracies)
        )
    )
    within = sum(((np.array(values) - np.mean(values)) ** 2).sum() for values in groups.values())

    noise = seed_noise(mean_over_seeds(table))

    assert noise is not None
    assert (noise.std**2, noise.freedom) == (pytest.approx(within / 5), 5)


def test_with_two_groups_the_margin_is_that_of_students_t_test() -> None:
    first, second = [0.80, 0.82, 0.84], [0.85, 0.87, 0.86]
    spread = np.sqrt((np.var(first, ddof=1) + np.var(second, ddof=1)) / 2)
    interval = stats.ttest_ind(second, first).confidence_interval(0.95)

    margin = SeedNoise(float(spread), 4).margin((0.86, 3), (0.82, 3))

    assert margin == pytest.approx((interval.high - interval.low) / 2)


def test_without_a_second_seed_there_is_no_seed_noise() -> None:
    assert seed_noise(mean_over_seeds(results({**network(4, 8), "val_acc": 0.8}))) is None


@pytest.mark.parametrize("comparisons", [1, 10])
def test_equal_networks_are_seldom_told_apart(comparisons: int) -> None:
    """Of twenty families of equal networks at most about one may show a difference (95 %)."""
    random = np.random.default_rng(0)
    noise, images, families = BinomialNoise(1_000), 1_000, 2_000
    accuracies = random.binomial(images, 0.9, size=(families, comparisons + 1)) / images
    margins = np.array(
        [[noise.margin((f[0], 1), (acc, 1), comparisons) for acc in f[1:]] for f in accuracies]
    )

    told = (np.abs(accuracies[:, 1:] - accuracies[:, :1]) > margins).any(axis=1)

    assert told.mean() <= 0.065


def test_number_of_images_is_that_of_the_records_else_told_from_accuracies() -> None:
    hits = np.array([1_071, 1_043, 1_088, 957, 1_001])

    def finished(accuracies: Any) -> pd.DataFrame:
        return pd.DataFrame({"state": "COMPLETE", "val_acc": accuracies}, dtype=object)

    assert images_behind(finished(hits / 1_200).assign(val_images=[None, 6_000, 2_000, 0, 2_000])) == 2_000
    assert images_behind(finished(hits / 1_200)) == 1_200
    assert images_behind(finished([np.pi / 4])) is None
    assert images_behind(finished([])) is None


def test_counting_images_does_not_tell_the_noise_of_balanced_accuracy() -> None:
    rows = [
        {
            **network(depth, 8),
            "seed": seed,
            "val_acc": 0.9,
            "balanced_acc": 0.6 + seed / 10,
            "val_images": 280,
        }
        for depth, seed in ((4, 0), (6, 0), (6, 1))
    ]
    of_one_seed, of_two = results(*rows[:2]), results(*rows)

    assert noise_behind(of_one_seed, mean_over_seeds(of_one_seed), "balanced_acc") is None
    assert noise_behind(of_one_seed, mean_over_seeds(of_one_seed)) == BinomialNoise(280)
    assert isinstance(noise_behind(of_two, mean_over_seeds(of_two), "balanced_acc"), SeedNoise)


@pytest.mark.parametrize("column", ["val_acc", "balanced_acc"])
def test_seeds_that_agree_are_no_surer_than_one_image(column: str) -> None:
    rows = [{**network(depth, 8), "seed": seed, column: 0.5} for depth in (4, 6) for seed in (0, 1)]
    table = results(*rows).assign(val_images=16)

    noise = noise_behind(table, mean_over_seeds(table), column)

    assert noise == SeedNoise(1 / 16, 2, 16)
