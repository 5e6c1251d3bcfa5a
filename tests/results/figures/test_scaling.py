"""The fitted curves: their numbers, and that they can be drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.results.made_sweeps import curve_rows, write_sweep
from vggsweep.errors import NothingToDraw
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.figures.scaling import scaling_curves, scaling_figure
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.scaling.fit import fit_scaling


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Real results of 24 networks."""
    return load_evidence([SweepDirectory(write_sweep(tmp_path / "cifar10", curve_rows("cifar10")))]).table


def test_curves_pass_the_networks_and_open_beyond_them(table: pd.DataFrame) -> None:
    curves = scaling_curves(fit_scaling(table))
    assert set(curves["series"]) <= {4, 5, 6, 8, 10, 12}
    assert {4, 12} <= set(curves["series"])
    assert (curves["low"] < curves["middle"]).all() and (curves["middle"] < curves["high"]).all()
    shallow = curves[curves["series"] == 4].sort_values("x")
    assert shallow["x"].max() == pytest.approx(2 * table["macs"].max(), rel=0.01)
    own = table[(table["depth"] == 4) & (table["width"] == 24)]
    near = [np.interp(own["macs"].iloc[0], shallow["x"], shallow[name]) for name in ("low", "high")]
    assert near[0] - 0.01 < own["val_acc"].mean() < near[1] + 0.01
    widths = shallow["high"] - shallow["low"]
    assert widths.iloc[-1] > 5 * widths.iloc[len(widths) // 3]


def test_networks_of_one_budget_are_drawn_over_depth(table: pd.DataFrame) -> None:
    middle = table["macs"].between(7.1e6, 8.5e6)
    same = table[middle].assign(macs=7_500_000)
    more = pd.concat(
        [same.assign(depth=depth, width=width) for depth, width in ((4, 23), (6, 16), (8, 12), (12, 9))]
    )
    more["configuration"] = more["depth"].map(str)
    figure = scaling_figure(more.reset_index(drop=True))
    assert figure.axes[0].get_xlabel() == "depth (layers)"


def test_a_line_a_depth_and_a_dot_a_network_are_drawn(table: pd.DataFrame) -> None:
    (axes,) = scaling_figure(table).axes
    _, names = axes.get_legend_handles_labels()
    assert names[0] == "depth 4"
    assert len(axes.collections) == 2 * len(names)


def test_what_cannot_be_fitted_or_counted_is_not_drawn(table: pd.DataFrame) -> None:
    with pytest.raises(NothingToDraw, match="fewer than 4 networks"):
        scaling_figure(table.head(3))
    with pytest.raises(NothingToDraw, match="record of the most accurate network cannot be read"):
        scaling_figure(table.assign(dir="gone"))
