"""Numbers of accuracy against cost."""

from __future__ import annotations

import numpy as np
import pytest

from tests.results.tables import network, results, small_sweep
from vggsweep.results.figures.accuracy_cost import accuracy_cost_figure, accuracy_cost_points


def test_kinds_of_points() -> None:
    points = accuracy_cost_points(small_sweep())

    assert points["kind"].value_counts().to_dict()["pruned"] == 2
    assert len(points) == 11  # the failed one has no accuracy
    assert set(points["kind"]) == {"front", "dominated", "pruned"}


def test_replicates_are_one_point_with_their_spread() -> None:
    table = results(*({**network(4, 4), "seed": seed, "val_acc": acc} for seed, acc in enumerate((0.8, 0.9))))

    points = accuracy_cost_points(table)

    assert points["y"].tolist() == pytest.approx([0.85])
    assert points["std"].tolist() == pytest.approx([np.std([0.8, 0.9], ddof=1)])
    assert points["seeds"].tolist() == [2]
    assert len(accuracy_cost_points(table, average=False)) == 2


def test_error_bars_are_drawn_only_where_seeds_were_repeated() -> None:
    rows = [{**network(4, 4), "seed": seed, "val_acc": 0.8 + seed / 100} for seed in range(2)]

    def legend(*rows: dict[str, object]) -> list[str]:
        return [
            text.get_text() for text in accuracy_cost_figure(results(*rows)).axes[0].get_legend().get_texts()
        ]

    assert "± 1 s.d. (seeds)" in legend(*rows)
    assert "± 1 s.d. (seeds)" not in legend(rows[0])


def test_each_machine_has_a_front_of_its_own() -> None:
    rows = [
        {"latency_ms_p50": 1.0, "val_acc": 0.9},
        {"latency_ms_p50": 9.0, "val_acc": 0.5, "device": "a GPU"},
    ]

    legend = accuracy_cost_figure(results(*rows), "latency_ms_p50").axes[0].get_legend()

    assert [text.get_text() for text in legend.get_texts()] == ["front: a CPU, fp32", "front: a GPU, fp32"]


def test_cost_axis_is_logarithmic_only_where_costs_differ_by_much() -> None:
    far, near = [1_000, 100_000], [100_000, 102_000]

    def scale(costs: list[int]) -> str:
        rows = [{"macs": cost, "val_acc": 0.5 + at / 10} for at, cost in enumerate(costs)]
        return accuracy_cost_figure(results(*rows)).axes[0].get_xscale()

    assert (scale(far), scale(near)) == ("log", "linear")
