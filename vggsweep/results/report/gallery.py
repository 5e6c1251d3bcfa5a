"""Which figures a report shows; how to read each stands in the template."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from vggsweep.errors import NothingToDraw
from vggsweep.results import figures
from vggsweep.results.columns import COSTS
from vggsweep.results.report.svg import inline_svg
from vggsweep.results.scaling.fit import ScalingFit

# Few tables have what it shows; a page need not say so.
RARE = ("missed-images",)


def drawings(
    table: pd.DataFrame,
    judged: pd.DataFrame,
    x: str,
    y: str,
    equal_cost: str | None,
    search_seed: int | None,
    fit: ScalingFit | None,
) -> tuple[dict[str, Markup], dict[str, str]]:
    """Every figure of a table by its id on the page, and why others would be empty.

    Args:
        table: with the column ``configuration``.
        judged: the rows that the verdict is about: all, but for those of a search for learning rates.
        x: the cost.
        y: the accuracy.
        equal_cost: the cost that all networks share, or None.
        search_seed: of the search for each network's learning rate, where there was one.
        fit: of the table; None where it cannot be fitted, which the figure's own refusal then tells.
    """
    plane_cost = equal_cost or (x if x in COSTS else "macs")
    draw: dict[str, Callable[[], Figure]] = {
        "network": lambda: figures.network_figure(judged, y),
        "standings": lambda: figures.standings_figure(judged, equal_cost or x, y),
        "missed-images": lambda: figures.missed_images_figure(judged, y),
        "depth-width": lambda: figures.depth_width_figure(table, y),
        "iso-cost": lambda: figures.iso_cost_figure(table, plane_cost, value=y),
        "doubling": lambda: figures.scaling_figure(judged, y) if fit is None else figures.draw_scaling(fit),
        "learning-curves": lambda: figures.learning_curves_figure(table),
        "parallel": lambda: figures.parallel_coordinates_figure(table, x=x, y=y),
        "importance": lambda: figures.importance_figure(table, y),
        "distribution": lambda: figures.error_distribution_figure(table, y),
        "hypervolume": lambda: figures.hypervolume_time_figure(table, x, y),
    }
    if search_seed is not None:
        draw["fair-rates"] = lambda: figures.fair_rates_figure(table, search_seed, y)
    drawn, refused = {}, {}
    for name, figure in draw.items():
        try:
            drawn[name] = inline_svg(figure(), name)
        except NothingToDraw as refusal:
            if name not in RARE:
                refused[name] = str(refusal)
    return drawn, refused
