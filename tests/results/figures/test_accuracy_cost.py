"""Numbers of accuracy against cost."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from matplotlib.collections import PathCollection

from tests.results.made_tables import network, results, small_sweep
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


QUICK = [
    (4, 4, 0.8392),
    (5, 4, 0.85),
    (4, 6, 0.8558),
    (5, 10, 0.8617),
    (8, 8, 0.8625),
    (8, 12, 0.8625),
    (7, 4, 0.8275),
]


def test_each_network_of_the_front_is_labelled_and_no_label_covers_a_mark_or_another() -> None:
    figure = accuracy_cost_figure(results(*({**network(d, w), "val_acc": acc} for d, w, acc in QUICK)))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    labels = {text.get_text(): text.get_window_extent() for text in axes.texts}
    marks = [axes.transData.transform(at) for dots in axes.collections for at in dots.get_offsets()]

    assert set(labels) == {"d4 w4", "d5 w4", "d4 w6", "d5 w10", "d8 w8"}
    assert not any(box.contains(*mark) for box in labels.values() for mark in marks)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(labels.values(), 2))
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in labels.values())


def test_labels_that_would_cover_each_other_are_left_out() -> None:
    crowd = [
        {**network(4, 4), "macs": 1_000_000 + 1_000 * at, "val_acc": 0.5 + at / 1e4} for at in range(120)
    ]
    axes = accuracy_cost_figure(results(*({**row, "lr": at} for at, row in enumerate(crowd)))).axes[0]

    boxes = [text.get_window_extent() for text in axes.texts]
    assert 1 <= len(boxes) < 120
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_bars_lie_within_the_axes_and_points_far_below_stand_under_them() -> None:
    accs = {(4, 4): (0.80, 0.90), (4, 8): (0.90, 0.91), (6, 4): (0.2, 0.2)}
    rows = [
        {**network(d, w), "seed": seed, "val_acc": acc}
        for (d, w), found in accs.items()
        for seed, acc in enumerate(found)
    ]
    axes = accuracy_cost_figure(results(*rows)).axes[0]

    bottom, top = axes.get_ylim()
    lowest = 0.85 - np.std([0.80, 0.90], ddof=1)
    assert bottom < lowest
    assert top > 0.91
    heights = [at[1] for dots in axes.findobj(PathCollection) for at in dots.get_offsets()]
    assert min(heights) == pytest.approx(lowest)
    assert "dominated (< " in " ".join(text.get_text() for text in axes.get_legend().get_texts())
