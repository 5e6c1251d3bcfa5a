"""The fitted accuracy of each depth over cost, or over depth at equal cost, with its band."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from vggsweep.errors import ConfigError, NothingToDraw
from vggsweep.results.figures.style import (
    DASHES,
    FAINT,
    INK,
    MARK,
    SERIES,
    cost_axis,
    label_of,
    legend_above,
    new_axes,
)
from vggsweep.results.scaling.arithmetic import Arithmetic
from vggsweep.results.scaling.fit import (
    FAR,
    ScalingFit,
    Size,
    costs_of,
    fit_scaling,
    groups_of_equal_macs,
    surface_band,
)
from vggsweep.results.units import short_count

# More depths would be a thicket.
MOST_CURVES = 4
# Of a curve over cost.
POINTS = 17


def scaling_curves(fit: ScalingFit) -> pd.DataFrame:
    """The fitted surface along curves.

    Args:
        fit: of some networks.

    Returns:
        Columns ``series`` (a depth; of networks of equal cost their MACs), ``x`` (MACs; there a depth),
        ``depth``, ``width``, ``middle``, ``low`` and ``high`` (90 % of the surface, without a seed's luck).
        Curves over cost reach from the cheapest network of all to twice the dearest.

    Raises:
        NothingToDraw: networks of other sizes cannot be counted.
    """
    if isinstance(fit.arithmetic, str):
        raise NothingToDraw(fit.arithmetic)
    over = _over_depth if groups_of_equal_macs(fit.data) else _over_cost
    sizes = over(fit, fit.arithmetic)
    if not sizes:
        raise NothingToDraw("no network of these depths has these costs")
    low, middle, high = surface_band(fit, [size for _, _, size in sizes])
    return pd.DataFrame(
        {
            "series": [series for series, _, _ in sizes],
            "x": [x for _, x, _ in sizes],
            "depth": [size.depth for *_, size in sizes],
            "width": [size.width for *_, size in sizes],
            "middle": middle,
            "low": low,
            "high": high,
        }
    )


def scaling_figure(table: pd.DataFrame, y: str = "val_acc") -> Figure:
    """Fit a results table and draw it; see `draw_scaling`.

    Raises:
        NothingToDraw: nothing can be fitted; see `vggsweep.results.scaling.data.scaling_data`.
    """
    try:
        return draw_scaling(fit_scaling(table, y))
    except ConfigError as error:
        told = str(error).rstrip(".")
        raise NothingToDraw(told[:1].lower() + told[1:]) from None


def draw_scaling(fit: ScalingFit) -> Figure:
    """Draw lines for the surface, bands for 90 % of what it may be, dots for the networks.

    Beyond the dearest network the line is dotted.

    Raises:
        NothingToDraw: see `scaling_curves`.
    """
    curves, y = scaling_curves(fit), fit.data.y
    networks, groups = fit.data.networks, groups_of_equal_macs(fit.data)
    is_equal = bool(groups)
    figure, axes = new_axes()
    dearest = np.inf if is_equal else float(networks["macs"].max())
    names = list(dict.fromkeys(curves["series"]))
    for at, series in enumerate(names):
        curve = curves[curves["series"] == series]
        colour = SERIES[at % len(SERIES)]
        axes.fill_between(curve["x"], curve["low"], curve["high"], color=colour, alpha=0.16, linewidth=0)
        label = f"{short_count(series)} MACs" if is_equal else f"depth {series:g}"
        known = curve[curve["x"] <= dearest]
        beyond = curve[curve["x"] >= known["x"].max()]
        axes.plot(known["x"], known["middle"], color=colour, linewidth=1.8, label=label)
        axes.plot(beyond["x"], beyond["middle"], color=colour, linewidth=1.8, linestyle=DASHES[2])
        own = groups[series] if is_equal else networks[networks["depth"] == series]
        axes.scatter(own["depth"] if is_equal else own["macs"], own[y], s=34, color=colour, **MARK)
    axes.set_ylabel(label_of(y))
    if is_equal:
        axes.set_xlabel(label_of("depth"))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        cost_axis(axes, curves["x"], "macs")
        axes.axvline(dearest, color=FAINT, linewidth=0.8, linestyle=(0, (1, 3)))
    # a band may be so wide far out that the curves would lie flat
    low, high = float(curves["middle"].min()), float(curves["middle"].max())
    low, high = min(low, float(networks[y].min())), max(high, float(networks[y].max()))
    room = 0.6 * max(high - low, 0.005)
    axes.set_ylim(max(0.0, low - room), min(1.0, high + room))
    axes.set_title("bands: 90 % of the fitted surface", loc="right", fontsize=8, color=INK)
    legend_above(axes)
    return figure


Point = tuple[float, float, Size]


def _over_depth(fit: ScalingFit, arithmetic: Arithmetic) -> list[Point]:
    networks = fit.data.networks
    depths = range(int(networks["depth"].min()), int(networks["depth"].max()) + 1)
    resolution = _resolution(fit)
    found = [
        (cost, float(depth), Size(depth, width, resolution, cost))
        for cost in costs_of(fit.data)
        for depth in depths
        if (width := arithmetic.width(cost, depth, int(resolution))) is not None
    ]
    return found


def _over_cost(fit: ScalingFit, arithmetic: Arithmetic) -> list[Point]:
    macs = fit.data.networks["macs"].astype(float)
    resolution, found = int(_resolution(fit)), []
    for depth in _some(sorted(set(fit.data.networks["depth"].astype(float)))):
        # what is nearest to the cheapest may cost more: a deep network cannot be that cheap
        narrow, wide = (
            arithmetic.width(cost, int(depth), resolution, np.inf) for cost in (macs.min(), FAR * macs.max())
        )
        if narrow is None or wide is None:
            continue
        for width in map(float, np.geomspace(narrow, wide, POINTS)):
            cost = float(arithmetic.macs(int(depth), width, resolution))
            found.append((depth, cost, Size(depth, width, resolution, cost)))
    return found


def _resolution(fit: ScalingFit) -> float:
    return float(fit.data.best["resolution"])


def _some(values: Sequence[float]) -> list[float]:
    """At most so many, the first and the last among them."""
    places = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_CURVES)).round().astype(int))
    return [values[place] for place in places]
