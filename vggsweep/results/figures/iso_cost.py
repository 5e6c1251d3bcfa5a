"""Iso-cost curves over the plane of depth and width, from the arithmetic of `vggsweep.arch`.

Along a curve every network costs the same: moving on it trades depth for width at no price.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from vggsweep.arch.costs import family_costs
from vggsweep.arch.description import InputShape
from vggsweep.arch.family import ScaledFamily
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import InfeasibleConfig, NothingToDraw, RecordError
from vggsweep.results.columns import COSTS
from vggsweep.results.disk.record import readable_record
from vggsweep.results.disk.recorded_network import RecordedNetwork, recorded_network
from vggsweep.results.figures.style import (
    FAINT,
    INK,
    MARK,
    SIZE,
    colour_bar,
    colour_scale,
    complete_rows,
    dress,
    label_of,
    note,
    plain,
)
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.units import short_count

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A cost is counted at so many widths of each depth, and read off between them.
WIDTHS = 16
MOST_DEPTHS = 24
MOST_PLANES = 6


@dataclass(frozen=True)
class Plane:
    """All networks of a family that differ in depth and width only.

    Args:
        arch: their settings; depth and width are not read.
        head, shape: theirs.
        depths: at which curves are drawn, where the family has them.
        widths: the narrowest and the widest that is looked at.
    """

    arch: ScaledFamily
    head: HeadSettings
    shape: InputShape
    depths: tuple[int, ...]
    widths: tuple[float, float]
    _counted: dict[tuple[str, int], NDArray[np.float64]] = field(default_factory=dict, compare=False)

    def cost(self, name: str, depth: int, width: float) -> int:
        """One of `COSTS` of the network at this depth and width.

        Raises:
            InfeasibleConfig: there is none.
        """
        arch = replace(self.arch, depth=depth, width=width)
        return int(getattr(family_costs(arch, self.head, self.shape), name))

    def width(self, name: str, depth: int, cost: float) -> float:
        """Real width at which a network of this depth has this cost.

        NaN outside what is looked at, and where there is no such depth.
        """
        tried = sorted({max(1, round(width)) for width in np.geomspace(*self.widths, WIDTHS)})
        if (name, depth) not in self._counted:
            costs = np.full(len(tried), np.nan)
            with suppress(InfeasibleConfig):
                costs = np.array([self.cost(name, depth, width) for width in tried], dtype=float)
            self._counted[name, depth] = np.log(np.maximum(costs, 1))
        counted = self._counted[name, depth]
        if np.isnan(counted).any():
            return float("nan")
        return float(np.exp(np.interp(np.log(cost), counted, np.log(tried), left=np.nan, right=np.nan)))


def planes(table: pd.DataFrame, *values: str) -> list[tuple[Plane, pd.DataFrame]]:
    """The plane that most networks of each family lie in, with the rows of these networks.

    Args:
        table: a results table with the column ``dir``; the records there say what each network is.
        values: columns in which a row must have a number.

    Returns:
        At most `MOST_PLANES` planes, the one with most rows first. ``depth`` and ``width`` of the rows are
        the dials, the width a real number where a budget solved it.

    Raises:
        NothingToDraw: no finished network has the dials depth and width and costs that arithmetic knows.
    """
    found: dict[str, dict[str, list[Dialled]]] = {}
    reason = ""
    for _, row in complete_rows(table, *values).iterrows():
        record = readable_record(Path(str(row.get("dir"))))
        if record is None:
            continue
        try:
            one = recorded_network(record)
        except RecordError as refusal:
            reason = reason or f": {refusal}"
            continue
        arch = one.arch
        if isinstance(arch, ScaledFamily) and "width" not in arch.idle_fields():
            alike = repr((replace(arch, depth=1, width=1.0), one.head, one.shape))
            found.setdefault(arch.name, {}).setdefault(alike, []).append(Dialled(one, arch, row))
    if not found:
        raise NothingToDraw(f"no finished network has depth and width whose cost arithmetic knows{reason}")
    of_families = [_plane(list(groups.values())) for groups in found.values()]
    return sorted(of_families, key=lambda one: len(one[1]), reverse=True)[:MOST_PLANES]


class Dialled(NamedTuple):
    """A row of the table whose network has the two dials."""

    found: RecordedNetwork
    arch: ScaledFamily
    row: pd.Series


def _plane(groups: list[list[Dialled]]) -> tuple[Plane, pd.DataFrame]:
    """The plane of the largest group, with all networks that cost what its own cost at the same dials."""
    largest = max(groups, key=len)
    first = largest[0]
    plane = Plane(first.arch, first.found.head, first.found.shape, (), (1.0, 1.0))
    on_it = [one for group in groups for one in group if group is largest or _lies_on(plane, one)]
    rows = pd.DataFrame([one.row for one in on_it])
    rows["depth"] = [one.arch.depth for one in on_it]
    rows["width"] = [one.arch.known_width for one in on_it]
    plane = replace(plane, widths=(max(1.0, rows["width"].min() / 2), 2 * rows["width"].max() + 1))
    there = sorted({int(depth) for depth in rows["depth"]})
    between = range(max(1, there[0] - 1), there[-1] + 2)
    depths = there if len(between) > 10 * MOST_DEPTHS else list(between)
    known = [depth for depth in depths if depth in there or _exists(plane, depth)]
    thinned = known[:: -(-len(known) // MOST_DEPTHS)]
    return replace(plane, depths=tuple(sorted({*thinned, there[0], there[-1]}))), rows


def _lies_on(plane: Plane, one: Dialled) -> bool:
    """Whether settings that differ, such as an activation or shortcuts, change no cost."""
    depth, width = one.arch.depth, one.arch.known_width
    try:
        return all(
            plane.cost(name, depth, width) == getattr(one.found.costs, name) for name in ("macs", "params")
        )
    except InfeasibleConfig:
        return False


def _exists(plane: Plane, depth: int) -> bool:
    try:
        plane.cost("params", depth, plane.widths[0])
    except InfeasibleConfig:
        return False
    return True


def iso_cost_curves(
    table: pd.DataFrame, cost: str = "macs", targets: Sequence[float] | None = None
) -> pd.DataFrame:
    """Width against depth at equal cost, of each family with the dials depth and width.

    Args:
        table: a results table; depths are those of the table, those between and one beyond at each side.
        cost: ``macs``, ``params``, ``conv_params`` or ``activations``.
        targets: costs of the curves; None for a few round ones in the table's range.

    Returns:
        Columns ``arch``, ``target``, ``depth`` and ``width`` (a real number, as the family measures it).

    Raises:
        NothingToDraw: see `planes`.
    """
    found = planes(table, cost)
    curves = [_curves(plane, cost, targets or _targets(rows, cost)) for plane, rows in found]
    return pd.concat(curves, ignore_index=True)


def _targets(rows: pd.DataFrame, cost: str) -> list[float]:
    return round_targets(*_range(rows[cost]))


def _curves(plane: Plane, cost: str, targets: Sequence[float]) -> pd.DataFrame:
    curves = [
        {
            "arch": plane.arch.name,
            "target": float(target),
            "depth": depth,
            "width": plane.width(cost, depth, target),
        }
        for target in targets
        for depth in plane.depths
    ]
    return pd.DataFrame(curves, columns=["arch", "target", "depth", "width"]).dropna()


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


def networks_on_planes(table: pd.DataFrame, cost: str = "macs", value: str = "val_acc") -> pd.DataFrame:
    """Finished networks of the planes: ``arch``, ``depth``, real ``width`` and the value, seeds averaged.

    Networks that differ in nothing of the plane lie on one point, which has the best of them.
    """
    return pd.concat(
        [_points(plane, rows, value) for plane, rows in planes(mean_over_seeds(table), cost, value)],
        ignore_index=True,
    )


def _points(plane: Plane, rows: pd.DataFrame, value: str) -> pd.DataFrame:
    points = rows[["depth", "width", value]].astype(float).assign(arch=plane.arch.name)
    return points.groupby(["arch", "depth", "width"], as_index=False).max()


def iso_cost_figure(
    table: pd.DataFrame, cost: str = "macs", targets: Sequence[float] | None = None, value: str = "val_acc"
) -> Figure:
    """The curves of each family, and on them its finished networks coloured by accuracy.

    Raises:
        NothingToDraw: see `planes`.
    """
    assert cost in COSTS, cost
    found = planes(mean_over_seeds(table), cost, value)
    points = [_points(plane, rows, value) for plane, rows in found]
    scale = colour_scale(pd.concat(points)[value])
    dashed = f"dashed: equal {label_of(cost)}"
    across = min(len(found), 2)
    down = -(-len(found) // across)
    figure = Figure(figsize=(SIZE[0], SIZE[1] * (1 if across == 1 else 0.62 * down)), layout="constrained")
    panels = list(figure.subplots(down, across, squeeze=False).flat)
    for axes, (plane, rows), shown in zip(panels, found, points, strict=False):
        dress(axes)
        _draw(axes, _curves(plane, cost, targets or _targets(rows, cost)), shown)
        axes.scatter(
            shown["depth"], shown["width"], s=74, c=scale.to_rgba(shown[value].to_numpy(dtype=float)), **MARK
        )
        title = dashed if across == 1 else plain(plane.arch.name)
        axes.set_title(title, loc="left", fontsize=9, color=INK)
    for axes in panels[len(found) :]:
        axes.set_visible(False)
    if across > 1:
        figure.suptitle(dashed, fontsize=9, color=INK)
    if pd.concat(points)[value].nunique() > 1:
        colour_bar(figure, panels[: len(found)], scale, value)
    return figure


def _draw(axes: Axes, curves: pd.DataFrame, points: pd.DataFrame) -> None:
    for target, curve in curves.groupby("target"):
        axes.plot(
            curve["depth"], curve["width"], color=FAINT, linewidth=1.1, linestyle=(0, (5, 3)), zorder=1.5
        )
        end = curve.iloc[-1]
        text = short_count(float(target))  # type: ignore[arg-type]
        note(axes, text, (end["depth"], end["width"]), (4, 0), va="center", annotation_clip=True)
    axes.set_ylim(0, float(points["width"].max()) * 1.18)
    shown = pd.concat([curves["depth"], points["depth"]])
    axes.set_xlim(shown.min() - 0.4, shown.max() + max(0.9, 0.06 * (shown.max() - shown.min())))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=label_of("depth"), ylabel=label_of("width"))
