"""Hypervolume: equal to Optuna's, with a stated reference point."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna._hypervolume import compute_hypervolume

from tests.results.made_tables import results
from vggsweep.errors import ConfigError
from vggsweep.results.statistics.hypervolume import dominated_area, hypervolume, reference_point

COORDINATE = st.floats(-5, 5, allow_nan=False, width=32)


@given(
    st.lists(st.tuples(COORDINATE, COORDINATE), min_size=1, max_size=30), st.tuples(COORDINATE, COORDINATE)
)
def test_area_equals_that_of_optuna(points: list[tuple[float, float]], corner: tuple[float, float]) -> None:
    losses, reference = np.array(points), np.array(corner)
    # Optuna wants every point to be at least as good as the reference
    inside = losses[(losses <= reference).all(axis=1)]
    expected = compute_hypervolume(inside, reference) if len(inside) else 0.0

    assert dominated_area(losses, reference) == pytest.approx(expected, abs=1e-9)


def test_table_of_costs_and_accuracies_equals_optuna_on_its_losses() -> None:
    table = results(
        {"macs": 10, "val_acc": 0.5},
        {"macs": 20, "val_acc": 0.8},
        {"macs": 30, "val_acc": 0.7},
        {"macs": 1, "val_acc": 0.99, "state": "PRUNED"},
    )
    losses = np.array([[10, -0.5], [20, -0.8], [30, -0.7]])

    assert reference_point(table) == (pytest.approx(33.0), 0.0)
    assert hypervolume(table) == pytest.approx(compute_hypervolume(losses, np.array([33.0, 0.0])))
    assert hypervolume(table, reference=(25, 0.4)) == pytest.approx(
        compute_hypervolume(losses[:2], np.array([25, -0.4]))
    )


def test_area_over_the_reference_cost_is_the_mean_accuracy_of_the_best_within_a_budget() -> None:
    table = results({"macs": 10, "val_acc": 0.5}, {"macs": 20, "val_acc": 0.8})
    budgets = np.linspace(0, 22, 220_001)
    best = np.where(budgets >= 20, 0.8, np.where(budgets >= 10, 0.5, 0.0))

    assert hypervolume(table) / 22 == pytest.approx(best.mean(), abs=1e-4)


def test_values_of_several_machines_are_refused() -> None:
    table = results(
        {"latency_ms_p50": 1.0, "val_acc": 0.5}, {"latency_ms_p50": 2.0, "val_acc": 0.6, "device": "a GPU"}
    )

    with pytest.raises(ConfigError, match="several machines .a CPU, fp32; a GPU, fp32."):
        hypervolume(table, "latency_ms_p50")


def test_row_that_lacks_a_value_moves_no_reference_point() -> None:
    whole = {"macs": 10, "val_acc": 0.5}
    table = results(whole, {"macs": 90, "val_acc": np.nan}, {"macs": np.nan, "val_acc": 0.9})

    assert reference_point(table) == reference_point(results(whole))
    assert hypervolume(table) == hypervolume(results(whole))


def test_nothing_finished_has_no_reference_point() -> None:
    with pytest.raises(ConfigError, match="No COMPLETE trial has both macs and val_acc"):
        reference_point(results({"macs": 1, "val_acc": 0.5, "state": "FAIL"}))
