from __future__ import annotations

import numpy as np
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from vggsweep.sweep.search.features import Features


def test_numbers_that_vary_by_factors_are_seen_on_a_logarithmic_scale() -> None:
    features = Features({"width": IntDistribution(4, 64)})
    x = features.encode([{"width": width} for width in (4, 8, 16, 32, 64)])[:, 0]
    assert np.allclose(np.diff(x), np.diff(x)[0])
    assert np.isclose(x.sum(), 0.0)


def test_numbers_that_hardly_vary_or_may_be_zero_stay_as_they_are() -> None:
    features = Features({"smoothing": FloatDistribution(0.0, 0.2), "momentum": FloatDistribution(0.8, 0.99)})
    points = [{"smoothing": s, "momentum": m} for s, m in ((0.0, 0.8), (0.1, 0.895), (0.2, 0.99))]
    x = features.encode(points)
    assert np.allclose(x[1], 0.0)
    assert np.allclose(x[0], -x[2])


def test_choices_of_numbers_keep_their_order_however_they_are_spelt() -> None:
    features = Features({"lr": CategoricalDistribution(["1e-3", "1e-2", "1e-1"])})
    x = features.encode([{"lr": lr} for lr in ("1e-3", "1e-2", "1e-1")])[:, 0]
    assert np.isclose(x[1], 0.0)
    assert np.isclose(x[0], -x[2]) and x[0] < 0


def test_choices_without_an_order_are_equally_far_apart() -> None:
    features = Features(
        {
            "optimizer": CategoricalDistribution(["sgd", "adam", "lion"]),
            "on": CategoricalDistribution([True, False]),
        }
    )
    x = features.encode([{"optimizer": o, "on": True} for o in ("sgd", "adam", "lion")])
    distances = {round(float(np.linalg.norm(a - b)), 6) for a in x for b in x if (a != b).any()}
    assert len(distances) == 1
    assert x.shape == (3, 5)


def test_a_parameter_with_one_value_is_no_trouble() -> None:
    assert Features({"depth": IntDistribution(8, 8)}).encode([{"depth": 8}]).tolist() == [[0.0]]
