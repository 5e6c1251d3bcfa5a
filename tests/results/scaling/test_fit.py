"""What a fit says of known truths, and where it says that nothing is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.results.made_sweeps import curve_rows, write_sweep
from tests.results.made_tables import network
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.scaling.fit import ScalingFit, Size, Step, fit_scaling
from vggsweep.results.scaling.words import fit_sentences, step_sentence, subject


def rows_of(
    depths: list[int], widths: list[int], deep: float = -0.1, wide: float = -0.25, seeds: int = 2
) -> list[dict[str, Any]]:
    """Networks whose error changes by these logarithms with each doubling, with a little noise of seeds."""
    random = np.random.default_rng(0)
    return [
        {
            "depth": depth,
            "width": width,
            "seed": seed,
            "val_acc": 1
            - 0.15 * np.exp(deep * np.log2(depth / 8) + wide * np.log2(width / 8) + random.normal(0, 0.02)),
        }
        for depth in depths
        for width in widths
        for seed in range(seeds)
    ]


def table_of(folder: Path, rows: list[dict[str, Any]]) -> pd.DataFrame:
    return load_evidence([SweepDirectory(write_sweep(folder / "made", rows))]).table


def fit_of(folder: Path, rows: list[dict[str, Any]], macs: float | None = None) -> ScalingFit:
    return fit_scaling(table_of(folder, rows), macs=macs)


def step_of(fit: ScalingFit, dial: str, *, is_equal_cost: bool) -> Step:
    (found,) = [one for one in fit.steps if one.dial == dial and one.is_equal_cost == is_equal_cost]
    return found


def test_doubling_at_equal_cost_is_found_with_the_width_that_pays_for_it(tmp_path: Path) -> None:
    fit = fit_of(tmp_path, rows_of([4, 6, 8, 12], [6, 8, 12, 16]), macs=8e6)
    step = step_of(fit, "depth", is_equal_cost=True)
    assert step.end.depth == 2 * step.start.depth
    assert step.end.width < step.start.width
    assert step.start.macs == step.end.macs == 8e6

    def accuracy(size: Size) -> float:
        return 1 - 0.15 * float(np.exp(-0.1 * np.log2(size.depth / 8) - 0.25 * np.log2(size.width / 8)))

    assert step.low is not None and step.change is not None and step.high is not None
    assert step.low < accuracy(step.end) - accuracy(step.start) < step.high
    assert step.change < 0
    told = step_sentence(step, "val_acc")
    assert told.startswith(
        "At 8M MACs doubling depth (depth 4 to 8, width 23.7 to 12.5) changes val_acc by −0.0"
    )


def test_a_dial_that_never_varied_is_not_identified(tmp_path: Path) -> None:
    fit = fit_of(tmp_path, rows_of([8], [4, 6, 8, 12, 16]))
    depth = step_of(fit, "depth", is_equal_cost=False)
    assert depth.change is None
    assert "is not identified: all networks have depth 8." in step_sentence(depth, "val_acc")
    width = step_of(fit, "width", is_equal_cost=False)
    assert width.low is not None and width.low > 0
    assert all(one.change is None for one in fit.steps if one.is_equal_cost)


def test_a_single_budget_identifies_the_trade_and_not_the_dials_alone(tmp_path: Path) -> None:
    target = network(8, 48)["macs"]
    pairs = [
        (depth, min(range(24, 120), key=lambda width: abs(network(depth, width)["macs"] - target)))
        for depth in (4, 5, 6, 8, 10, 12)
    ]
    rows = [row for depth, width in pairs for row in rows_of([depth], [width], seeds=3)]
    fit = fit_of(tmp_path, rows)
    trade = step_of(fit, "depth", is_equal_cost=True)
    assert trade.change is not None
    alone = step_of(fit, "width", is_equal_cost=False)
    assert "not identified: width varies only together with depth" in step_sentence(alone, "val_acc")
    assert fit.held_out is None


def test_a_step_beyond_double_the_largest_is_called_an_extrapolation(tmp_path: Path) -> None:
    fit = fit_of(tmp_path, rows_of([4, 5, 6, 8], [4, 6, 8]), macs=100e6)
    step = step_of(fit, "depth", is_equal_cost=True)
    assert step.is_far
    assert "an extrapolation, as it leads beyond 2 times what was trained" in step_sentence(step, "val_acc")
    near, far = fit.predict([Size(6, 6, 32, 2e6), Size(32, 6, 32, 9e6)])
    assert far.is_far and not near.is_far
    assert far.high - far.low > 2 * (near.high - near.low)


@pytest.mark.parametrize("name", ["cifar10", "recipe"])
def test_the_dearest_third_of_real_curves_lies_within_its_intervals(tmp_path: Path, name: str) -> None:
    fit = fit_of(tmp_path, curve_rows(name))
    found = fit.held_out
    assert found is not None
    assert found.within >= found.networks - 1
    assert found.error < 0.8 * found.error_of_best
    told = fit_sentences(fit)
    assert any(sentence.startswith("Held out as a check") for sentence in told)
    assert any("optimizer sgd_nesterov" in sentence for sentence in told) == (name == "recipe")
    assert "fashion_mnist_mini: depth 4 to" in subject(fit)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    rows = rows_of([4, 6, 8, 12], [6, 8, 12, 16], seeds=1)
    guessing = {"chance_acc": 0.1, "chance_loss": 2.3, "val_loss": 2.3, "train_acc": 0.1, "train_loss": 2.3}
    rows[0] |= {"state": "PRUNED"}
    rows[1] |= {"val_acc": 0.1, "metrics": guessing}
    other = [{**row, "dataset": "cifar10"} for row in rows[2:4]]
    fit = fit_of(tmp_path, [*rows, *other])
    assert len(fit.data.networks) == 14
    assert any("trials on fashion_mnist_mini" in one for one in fit.data.cautions)
    assert "1 trial that was pruned" in " ".join(fit.data.cautions)
    assert "1 that stayed at chance" in " ".join(fit.data.cautions)
    assert "no network was trained with two" in fit_sentences(fit)[-1]


def test_replicates_that_scatter_widen_the_interval(tmp_path: Path) -> None:
    rows = rows_of([4, 6, 8, 12], [6, 8, 12, 16])
    loud = [{**row, "val_acc": row["val_acc"] + (0.02 if row["seed"] else -0.02)} for row in rows]
    quiet, noisy = fit_of(tmp_path / "quiet", rows), fit_of(tmp_path / "loud", loud)
    assert noisy.surface.noise > 3 * quiet.surface.noise
    for fit, other in ((quiet, noisy),):
        a, b = (step_of(one, "depth", is_equal_cost=True) for one in (fit, other))
        assert a.low is not None and a.high is not None and b.low is not None and b.high is not None
        assert b.high - b.low > 1.5 * (a.high - a.low)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        (
            rows_of([4], [4, 6, 8]),
            "Fewer than 4 networks, 3, have finished with a val_acc above chance .6 COMPLETE.",
        ),
        ([{**row, "state": "FAIL"} for row in rows_of([4, 6], [4, 6])], "No network has finished .*8 FAIL"),
        (
            [{**row, "optimizer": f"one{at}"} for at, row in enumerate(rows_of([8], [8], seeds=5))],
            "one depth, width and resolution",
        ),
    ],
)
def test_too_little_is_refused_with_what_there_is(
    tmp_path: Path, rows: list[dict[str, Any]], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        fit_of(tmp_path, rows)


def test_what_is_no_accuracy_and_several_families_are_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path, rows_of([4, 6], [4, 6, 8]))
    with pytest.raises(ConfigError, match="--y val_loss: a fit is of an accuracy, one of .*val_acc"):
        fit_scaling(table, "val_loss")
    table.loc[0, "arch"] = "vgg16"
    with pytest.raises(ConfigError, match="several families .vgg16, vgg_scaled.*--where \"arch == 'vgg16'\""):
        fit_scaling(table)
