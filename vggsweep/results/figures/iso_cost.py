"""Iso-cost curves over the plane of depth and width, from the arithmetic of `vggsweep.arch`.

Along a curve every network costs the same: moving on it trades depth for width at no price.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import NothingToDraw
from vggsweep.results.columns import COSTS
from vggsweep.results.figures.style import (
    FAINT,
    INK,
    MARK,
    colour_bar,
    colour_scale,
    complete_rows,
    label_of,
    new_axes,
    note,
)
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.units import short_count

WIDTHS = tuple(range(1, 17)) + tuple(round(16 * 2 ** (step / 8)) for step in range(1, 49))
# A network whose cost says another width than its row is of another family (5x5 kernels, own stages).
WIDTH_TOLERANCE = 0.51


@dataclass(frozen=True)
class Plane:
    """All networks of `vgg_scaled` that differ in depth and width only, with 3x3 kernels and a `gap` head.

    Args:
        num_blocks: blocks, each ended by a pool.
        resolution: input height and width in pixels.
        channels: input channels.
        num_classes: class scores.
        batch_norm: whether convolutions are normalised (it counts among ``params``).
    """

    num_blocks: int
    resolution: int
    channels: int
    num_classes: int
    batch_norm: bool = True

    def cost(self, name: str, depth: int, width: int) -> int:
        """One of `COSTS` of the network at this depth and width."""
        arch = ScaledVgg(
            family="vgg_scaled",
            name="vgg_scaled",
            depth=depth,
            width=width,
            num_blocks=self.num_blocks,
            stages=None,
            kernel_size=3,
            batch_norm=self.batch_norm,
            activation="relu",
            dropout=0.0,
            channel_multiple=1,
            residual=False,
            init="kaiming_normal",
        )
        shape = InputShape(self.channels, self.resolution, self.num_classes)
        return int(
            getattr(family_costs(arch, HeadSettings(name="gap", hidden=None, dropout=0.0), shape), name)
        )

    def width(self, name: str, depth: int, cost: float) -> float:
        """Real width at which a network of this depth has this cost; NaN outside what is looked at.

        >>> plane = Plane(num_blocks=4, resolution=32, channels=1, num_classes=10)
        >>> round(plane.width("macs", 8, plane.cost("macs", 8, 16)), 6)
        16.0
        """
        found = np.interp(
            np.log(cost), _log_costs(self, name, depth), np.log(WIDTHS), left=np.nan, right=np.nan
        )
        return float(np.exp(found))


@functools.lru_cache(maxsize=512)  # every curve and every point asks for the same few depths
def _log_costs(plane: Plane, name: str, depth: int) -> NDArray[np.float64]:
    logarithms: NDArray[np.float64] = np.log([plane.cost(name, depth, width) for width in WIDTHS])
    return logarithms


def plane_of(table: pd.DataFrame) -> Plane:
    """The plane that most of a table's ``vgg_scaled`` networks with a ``gap`` head lie in.

    Raises:
        NothingToDraw: no such network finished.
    """
    rows = _of_the_family(complete_rows(table, "depth", "width", "resolution", "channels", "num_classes"))
    if "stages" not in rows.columns or rows.empty:
        raise NothingToDraw("no network of arch=vgg_scaled with head=gap finished")
    blocks = rows["stages"].map(lambda stages: str(stages).count("-") + 1)
    fields = [blocks, *(rows[name].astype(int) for name in ("resolution", "channels", "num_classes"))]
    planes = map(Plane, *fields, rows["batch_norm"].map(bool))
    return Counter(planes).most_common(1)[0][0]


def _of_the_family(rows: pd.DataFrame) -> pd.DataFrame:
    for name, wanted in (("arch", "vgg_scaled"), ("head", "gap")):
        rows = rows[rows[name] == wanted] if name in rows.columns else rows
    return rows


def iso_cost_curves(
    table: pd.DataFrame, cost: str = "macs", targets: Sequence[float] | None = None
) -> pd.DataFrame:
    """Width against depth at equal cost.

    Args:
        table: a results table with finished ``vgg_scaled`` networks; depths are those of the table and one
            beyond at each side.
        cost: ``macs``, ``params``, ``conv_params`` or ``activations``.
        targets: costs of the curves; None for a few round ones in the table's range.

    Returns:
        Columns ``target``, ``depth`` and ``width`` (a real number, in channels of the first block).

    Raises:
        NothingToDraw: see `plane_of`.
    """
    assert cost in COSTS, cost
    plane = plane_of(table)
    rows = complete_rows(table, "depth", cost)
    depths = range(max(plane.num_blocks, int(rows["depth"].min()) - 1), int(rows["depth"].max()) + 2)
    chosen = list(targets) if targets is not None else round_targets(*_range(rows[cost]))
    curves = [
        {"target": float(target), "depth": depth, "width": plane.width(cost, depth, target)}
        for target in chosen
        for depth in depths
    ]
    return pd.DataFrame(curves, columns=["target", "depth", "width"]).dropna()


def _range(costs: pd.Series) -> tuple[float, float]:
    """From the cheapest to the dearest, and a little beyond where they differ by much."""
    low, high = float(costs.min()), float(costs.max())
    beyond = 1.6 if high > 2 * low else 1.0
    return low / beyond, high * beyond


def round_targets(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers in a range; one beside it where it holds none.

    >>> round_targets(0.9e6, 2.5e7)
    [1000000.0, 2000000.0, 5000000.0, 10000000.0, 20000000.0]
    >>> round_targets(2.9e7, 3.02e7)
    [29600000.0]
    """
    powers = range(int(np.floor(np.log10(low))), int(np.ceil(np.log10(high))) + 1)
    found = [float(f"{first}e{power}") for power in powers for first in (1, 2, 5)]
    inside = [value for value in found if low <= value <= high]
    if not inside:
        return [float(f"{np.sqrt(low * high):.3g}")]
    return inside[:: -(-len(inside) // most)]


def networks_on_plane(table: pd.DataFrame, cost: str = "macs", value: str = "val_acc") -> pd.DataFrame:
    """Finished networks of the plane: ``depth``, real ``width`` and the value, seeds averaged.

    Networks that differ in nothing of the plane lie on one point, which has the best of them.
    """
    plane = plane_of(table)
    rows = _of_the_family(complete_rows(mean_over_seeds(table), "depth", "width", cost, value))
    widths = pd.Series(
        [
            plane.width(cost, int(row["depth"]), row[cost]) if row["depth"] >= plane.num_blocks else np.nan
            for _, row in rows.iterrows()
        ],
        index=rows.index,
    )
    kept = (widths - rows["width"]).abs() < WIDTH_TOLERANCE
    points = rows[kept].assign(width=widths[kept])[["depth", "width", value]]
    return points.groupby(["depth", "width"], as_index=False).max()


def iso_cost_figure(
    table: pd.DataFrame, cost: str = "macs", targets: Sequence[float] | None = None, value: str = "val_acc"
) -> Figure:
    """The curves, and on them the finished networks coloured by accuracy.

    Raises:
        NothingToDraw: see `plane_of`.
    """
    curves = iso_cost_curves(table, cost, targets)
    points = networks_on_plane(table, cost, value)
    if points.empty:
        raise NothingToDraw("no finished network follows the depth rule of vgg_scaled with 3x3 kernels")
    figure, axes = new_axes()
    for target, curve in curves.groupby("target"):
        axes.plot(
            curve["depth"], curve["width"], color=FAINT, linewidth=1.1, linestyle=(0, (5, 3)), zorder=1.5
        )
        end = curve.iloc[-1]
        text = short_count(float(target))  # type: ignore[arg-type]
        note(axes, text, (end["depth"], end["width"]), (4, 0), va="center", annotation_clip=True)
    scale = colour_scale(points[value])
    colours = scale.to_rgba(points[value].to_numpy(dtype=float))
    axes.scatter(points["depth"], points["width"], s=74, c=colours, **MARK)
    axes.set_ylim(0, float(points["width"].max()) * 1.18)
    axes.set_xlim(curves["depth"].min() - 0.4, curves["depth"].max() + 0.9)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=label_of("depth"), ylabel=label_of("width"))
    axes.set_title(f"dashed: equal {label_of(cost)}", loc="left", fontsize=9, color=INK)
    if points[value].nunique() > 1:
        colour_bar(figure, axes, scale, value)
    return figure
