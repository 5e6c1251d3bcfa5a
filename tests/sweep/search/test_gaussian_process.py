from __future__ import annotations

import numpy as np

from vggsweep.sweep.search.gaussian_process import GaussianProcess

RANDOM = np.random.default_rng(0)


def grid(count: int) -> np.ndarray:
    axis = np.linspace(-1.7, 1.7, count)
    return np.array([(a, b) for a in axis for b in axis])


def test_a_trend_is_followed_beyond_what_was_seen() -> None:
    def surface(x: np.ndarray) -> np.ndarray:
        return 0.8 + 0.05 * x[:, 0] + 0.02 * x[:, 1]

    seen = RANDOM.uniform(-1, 1, size=(6, 2))
    process = GaussianProcess(seen, surface(seen), np.zeros(6))
    mean, deviation = process.predict(grid(5))
    assert np.abs(mean - surface(grid(5))).max() < 0.02
    assert (np.abs(mean - surface(grid(5))) < 4 * deviation + 0.003).all()


def test_a_curved_surface_is_learned_through_its_noise() -> None:
    x = grid(6)
    truth = 0.8 - 0.03 * (x**2).sum(axis=1)
    process = GaussianProcess(x, truth + RANDOM.normal(0, 0.004, len(x)), np.zeros(len(x)))
    mean, _ = process.predict(x)
    assert np.abs(mean - truth).mean() < 0.004
    assert 0.001 < process.hyperparameters.noise < 0.012


def test_an_estimate_counts_for_less_than_a_result() -> None:
    x = np.array([[-1.0], [0.0], [0.0], [1.0]])
    y = np.array([0.80, 0.82, 0.90, 0.84])
    process = GaussianProcess(x, y, np.array([0.0, 0.0, 0.05**2, 0.0]))
    mean, _ = process.predict(np.array([[0.0]]))
    assert abs(mean[0] - 0.82) < 0.01


def test_it_knows_less_far_from_what_it_saw() -> None:
    process = GaussianProcess(np.zeros((3, 1)), np.array([0.8, 0.81, 0.79]), np.zeros(3))
    _, deviation = process.predict(np.array([[0.0], [1.0], [3.0]]))
    assert deviation[0] < deviation[1] < deviation[2]


def test_believing_a_prediction_makes_surer_and_changes_no_mean() -> None:
    x = RANDOM.uniform(-1.5, 1.5, size=(8, 2))
    process = GaussianProcess(x, 0.8 + 0.02 * x[:, 0] ** 2, np.zeros(8))
    asked = np.array([[0.3, -0.2], [1.0, 1.0]])
    before, after = process.predict(asked), process.with_believed(asked[:1]).predict(asked)
    assert np.isclose(before[0][0], after[0][0], atol=1e-4)
    assert after[1][0] < 0.8 * before[1][0]


def test_equal_values_are_no_trouble() -> None:
    process = GaussianProcess(np.zeros((4, 2)), np.full(4, 0.1), np.zeros(4))
    mean, deviation = process.predict(np.ones((1, 2)))
    assert np.isfinite(mean).all() and np.isfinite(deviation).all()
    assert abs(mean[0] - 0.1) < 1e-6
