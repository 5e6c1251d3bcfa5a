"""Numbers behind the other figures, against values computed by hand or by someone else's code."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.results.made_tables import network, results, small_sweep
from vggsweep.errors import NothingToDraw
from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.figures.depth_width import depth_width_grid
from vggsweep.results.figures.error_distribution import error_distribution
from vggsweep.results.figures.hypervolume_time import hypervolume_over_time
from vggsweep.results.figures.importance import parameter_importance
from vggsweep.results.figures.learning_curves import learning_curves, learning_curves_figure, rungs_seen
from vggsweep.results.figures.parallel_coordinates import parallel_axes
from vggsweep.results.figures.standings import standings, standings_figure
from vggsweep.results.statistics.hypervolume import hypervolume
from vggsweep.results.tables.table import load_sweep

Write = Any


# --- depth × width


def test_cell_of_the_grid_averages_seeds_and_keeps_the_best_setting() -> None:
    table = results(
        *({**network(4, 8), "seed": seed, "val_acc": acc} for seed, acc in enumerate((0.7, 0.9))),
        {**network(4, 8), "lr": 0.01, "val_acc": 0.85},
        {**network(6, 8), "val_acc": 0.6, "state": "PRUNED"},
        {**network(6, 4), "val_acc": 0.5},
    )

    grid = depth_width_grid(table)

    assert grid.loc[4, 8] == pytest.approx(0.85)
    assert grid.loc[6, 4] == pytest.approx(0.5)
    assert np.isnan(grid.loc[6, 8])


# --- learning curves


def test_curves_hold_every_epoch_and_a_damaged_history_costs_only_its_own(
    write: Write, tmp_path: Path
) -> None:
    places = [write(tmp_path / "mine", number) for number in range(3)]
    (places[0] / "history.csv").write_text("epoch,val_acc\n1,0.5\n2,0.75\n")
    (places[1] / "history.csv").write_text("epoch,val_acc\n1,broken\n")
    table = results(*({**network(4, 4), "dir": str(place)} for place in places))

    curves = learning_curves(table)

    assert curves[["row", "epoch", "val_acc"]].values.tolist() == [[0, 1, 0.5], [0, 2, 0.75]]


def test_a_curve_that_still_runs_is_dashed_and_has_the_colour_of_its_depth(tmp_path: Path) -> None:
    for name in ("done", "running"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "history.csv").write_text("epoch,val_acc\n1,0.5\n2,0.75\n")
    done = results({**network(4, 4), "dir": str(tmp_path / "done")})
    running = pd.DataFrame([{"dir": str(tmp_path / "running"), "state": "RUNNING", "depth": 6}])

    axes = learning_curves_figure(pd.concat([done, running], ignore_index=True)).axes[0]

    solid, dashed = axes.lines[:2]
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    assert solid.get_color() != dashed.get_color()
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["1 running"]
    assert learning_curves_figure(done).axes[0].get_legend() is None


def test_rungs_are_the_epochs_after_which_trials_were_pruned() -> None:
    curves = pd.DataFrame(
        [(0, "PRUNED", 1), (1, "PRUNED", 1), (1, "PRUNED", 2), (2, "COMPLETE", 3), (3, "PRUNED", 1)],
        columns=["row", "state", "epoch"],
    )

    assert rungs_seen(curves).to_dict() == {1: 2, 2: 1}


# --- error distribution


def test_distribution_is_the_share_of_networks_with_at_most_an_error() -> None:
    table = results(
        *(
            {**network(4, width), "val_acc": acc}
            for width, acc in ((4, 0.5), (8, 0.75), (12, 0.75), (16, 1.0))
        ),
        {**network(4, 20), "val_acc": 0.0, "sweep": "other"},
        {**network(4, 24), "val_acc": 0.1, "state": "PRUNED"},
    )

    numbers = error_distribution(table)
    mine = numbers[numbers["space"] == "mine"]

    assert mine["error"].tolist() == pytest.approx([0.0, 0.25, 0.25, 0.5])
    for error, share in zip(mine["error"], mine["share"], strict=True):
        assert share <= (mine["error"] <= error).mean()
    assert mine["share"].iloc[-1] == 1.0
    assert len(numbers) == 5


# --- hypervolume over time


def test_hypervolume_grows_with_the_trials_that_ended_and_ends_at_the_tables(
    write: Write, tmp_path: Path
) -> None:
    times = [("10:00:00", "10:00:30"), ("10:00:00", "10:02:00"), ("10:00:30", "10:01:00")]
    for number, ((start, end), (macs, acc)) in enumerate(
        zip(times, [(10, 0.5), (20, 0.9), (15, 0.4)], strict=True)
    ):
        timings = {"started": f"2026-11-01T{start}+00:00", "ended": f"2026-11-01T{end}+00:00"}
        costs, metrics = {"macs": macs}, {"val_acc": acc}
        write(tmp_path / "mine", number, timings=timings, costs=costs, metrics=metrics)
    table = load_sweep(tmp_path / "mine")

    numbers = hypervolume_over_time(table)

    assert numbers["seconds"].tolist() == [30, 60, 120]
    assert numbers["hypervolume"].tolist() == pytest.approx([12 * 0.5, 12 * 0.5, 10 * 0.5 + 2 * 0.9])
    assert numbers["hypervolume"].iloc[-1] == pytest.approx(hypervolume(table))
    assert numbers["share"].iloc[-1] == 1.0


def test_values_of_several_machines_have_no_common_hypervolume() -> None:
    rows = [{"latency_ms_p50": 1.0, "val_acc": 0.5, "device": device} for device in ("a", "b")]

    with pytest.raises(NothingToDraw, match="several machines"):
        hypervolume_over_time(results(*rows), "latency_ms_p50")


# --- importance


def test_the_parameter_that_decides_is_the_most_important() -> None:
    random = np.random.default_rng(0)
    table = results(
        *(
            {
                "lr": float(10 ** random.uniform(-4, 0)),
                "width": int(random.integers(4, 33)),
                "augment.name": str(random.choice(["none", "flip"])),
                "depth": depth,
                "val_acc": 0.5 + 0.04 * depth,
            }
            for depth in random.integers(4, 13, size=60)
        )
    )

    shares = parameter_importance(table)

    assert shares.index[0] == "depth"
    assert set(shares.index) == {"depth", "width", "lr", "augment.name"}
    assert shares.sum() == pytest.approx(1.0)


def test_importance_of_too_little_is_refused() -> None:
    few = [{"depth": depth, "width": 4 + depth, "val_acc": depth / 10} for depth in range(4, 9)]

    with pytest.raises(NothingToDraw, match="5 finished trials are too few"):
        parameter_importance(results(*few))
    with pytest.raises(NothingToDraw, match="fewer than two varied"):
        parameter_importance(results(*({"depth": at, "val_acc": at / 20} for at in range(9))))


# --- parallel coordinates


def test_marks_of_whole_numbers_are_whole() -> None:
    table = results(
        *({**network(depth, 4), "val_acc": depth / 20} for depth in (4, 5, 6, 7, 8, 10, 11, 12, 13))
    )

    (axis,) = (one for one in parallel_axes(table) if one.name == "depth")

    assert [text for _, text in axis.ticks] == ["4", "6", "8", "11", "13"]
    assert [height for height, _ in axis.ticks] == pytest.approx([(int(t) - 4) / 9 for _, t in axis.ticks])


def test_axes_are_the_varied_settings_then_cost_and_accuracy() -> None:
    table = small_sweep()
    table["lr"] = np.geomspace(1e-3, 1, len(table))
    table["augment.name"] = ["none", "flip"] * 6

    axes = {axis.name: axis for axis in parallel_axes(table)}
    finished = table[table["state"] == "COMPLETE"]

    assert list(axes) == ["depth", "width", "lr", "augment.name", "macs", "val_acc"]
    assert axes["lr"].is_log
    assert not axes["depth"].is_log
    assert axes["depth"].positions[finished["depth"].astype(int).idxmax()] == 1.0
    assert axes["val_acc"].positions[finished["val_acc"].idxmin()] == 0.0
    assert [text for _, text in axes["augment.name"].ticks] == ["flip", "none"]


def test_standings_are_the_verdicts_with_each_configurations_trials() -> None:
    rows = [
        {**network(depth, width), "seed": seed, "val_acc": acc + 0.001 * seed, "trial": 2 * at + seed}
        for at, (depth, width, acc) in enumerate([(4, 8, 0.8), (8, 4, 0.9), (6, 6, 0.8995)])
        for seed in range(2)
    ]

    found = standings(results(*rows))

    assert found["trial"].tolist() == [2, 4, 0]
    assert found["value"].tolist() == pytest.approx([0.9005, 0.9, 0.8005])
    assert found["is_told_apart"].tolist() == [False, False, True]
    assert (found["low"] < found["value"]).all()
    assert (found["seeds"] == 2).all()


def test_networks_of_equal_cost_are_drawn_from_the_shallow_to_the_deep() -> None:
    rows = [
        {**network(depth, 8), "macs": 1_000_000 + depth, "seed": 0, "val_acc": acc}
        for depth, acc in ((4, 0.8), (6, 0.9), (8, 0.85))
    ]
    figure = standings_figure(results(*rows).assign(val_images=1000))

    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert [name.split(",")[0] for name in names] == ["depth 4", "depth 6", "depth 8"]


@pytest.mark.parametrize("better", [0, 1, 7])
def test_importances_of_trials_that_mostly_tie_say_nothing_beside(
    better: int, recwarn: pytest.WarningsRecorder
) -> None:
    rows = [
        {
            **network(4, 8),
            "sweep": "ab"[at % 2],
            "lr": 0.1 * (1 + at),
            "optimizer": "sa"[at // 4],
            "val_acc": 0.8,
        }
        for at in range(8)
    ]
    rows[better]["val_acc"] = 0.9

    with contextlib.suppress(NothingToDraw):
        assert parameter_importance(results(*rows)).sum() == pytest.approx(1)

    assert [str(warning.message) for warning in recwarn] == []


def test_networks_of_another_family_share_no_cell_with_vgg() -> None:
    mine, other = network(8, 8), network(8, 8) | {"arch": "densenet"}
    table = results(mine | {"val_acc": 0.8}, other | {"val_acc": 0.9})

    with pytest.raises(NothingToDraw, match="several families"):
        depth_width_grid(table)


def test_bars_that_are_differences_reach_the_best_where_networks_are_not_told_apart(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for sweep, depth, ability in (("one", 4, 0.0), ("one", 5, 1.2), ("two", 6, 1.25)):
        for seed in range(3):
            right = rng.random(3000) < 1 / (1 + np.exp(-ability - seed / 50))
            directory = TrialDirectory(tmp_path / f"{len(rows)}")
            directory.path.mkdir()
            answers = Answers(right, "split")
            write_answers(answers, directory.answers)
            facts = {"sweep": sweep, "trial": seed, "seed": seed, "val_acc": answers.accuracy}
            rows.append({**network(depth, 8), **facts, "dir": str(directory.path)})
    table = results(*rows)

    found = standings(table)

    assert found["upmost"].isna().tolist() == [True, False, False]
    assert (found["upmost"] >= found["value"].max()).tolist() == [False, True, False]
    assert found["is_told_apart"].tolist() == [False, False, True]
    assert (found["p"][1:] < 0.05).tolist() == [False, True]
    axes = standings_figure(table).axes[0]
    rings = [line.get_xdata() for line in axes.lines if line.get_markersize() == 4]
    drawn = [found["row"].tolist().index(row) for row in (0, 3, 6)]
    assert len(rings) == 3
    for ring, at in zip(rings, sorted(drawn), strict=True):
        first = int(found["row"][at])
        assert sorted(ring) == sorted(table["val_acc"].iloc[first : first + 3])
