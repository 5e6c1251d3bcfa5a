"""Which figures a report shows, and what a reader should see in each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from vggsweep.errors import NothingToDraw
from vggsweep.results import figures
from vggsweep.results.columns import COSTS
from vggsweep.results.report.svg import inline_svg


@dataclass(frozen=True)
class Picture:
    """One figure of the page.

    Args:
        name: its id.
        title: its heading.
        caption: how to read it.
        svg: the drawing, or None.
        refusal: why there is no drawing, or None.
    """

    name: str
    title: str
    caption: str
    svg: Markup | None
    refusal: str | None


def pictures(table: pd.DataFrame, x: str, y: str, equal_cost: str | None) -> list[Picture]:
    """Every figure of a table; one that would be empty says why instead.

    Args:
        table: with the column ``configuration``.
        x: the cost.
        y: the accuracy.
        equal_cost: the cost that all networks share, or None.
    """
    return [_picture(*entry) for entry in _entries(table, x, y, equal_cost)]


def _picture(name: str, title: str, caption: str, draw: Callable[[], Figure]) -> Picture:
    try:
        return Picture(name, title, caption, inline_svg(draw(), name, title), None)
    except NothingToDraw as refusal:
        return Picture(name, title, caption, None, str(refusal))


def _entries(
    table: pd.DataFrame, x: str, y: str, equal_cost: str | None
) -> Iterator[tuple[str, str, str, Callable[[], Figure]]]:
    plane_cost = equal_cost or (x if x in COSTS else "macs")
    yield (
        "standings",
        "Which networks differ",
        "Rings are trials, dots their means, bars 95 % intervals. Blue lies within the noise of the best; "
        "grey is worse by more.",
        lambda: figures.standings_figure(table, equal_cost or x, y),
    )
    yield (
        "depth-width",
        "Depth × width",
        "Accuracy of the finished networks, seeds averaged; an empty cell was not trained to the end.",
        lambda: figures.depth_width_figure(table, y),
    )
    yield (
        "iso-cost",
        "Curves of equal cost",
        "Along a dashed curve depth is traded for width at no price: its better end is the better buy.",
        lambda: figures.iso_cost_figure(table, plane_cost, value=y),
    )
    yield (
        "learning-curves",
        "Learning curves",
        "Each trial after each epoch. Grey curves that end in a ring were pruned there. A deep network that "
        "lags behind in its training too did not train, which is no lack of capacity.",
        lambda: figures.learning_curves_figure(table),
    )
    yield (
        "parallel",
        "Settings, cost and accuracy",
        "One line a finished trial. Bright lines that meet on an axis show a setting that good trials share.",
        lambda: figures.parallel_coordinates_figure(table, x=x, y=y),
    )
    yield (
        "importance",
        "What mattered",
        "How much each setting tells the better half of the trials from all (PED-ANOVA). It describes this "
        "space and these trials; few trials make it a hint.",
        lambda: figures.importance_figure(table, y),
    )
    yield (
        "distribution",
        "Distribution of error",
        "The share of networks with at most an error: further left is a better space. Where a pruner stopped "
        "the weak ones, the space looks better than it is.",
        lambda: figures.error_distribution_figure(table, y),
    )
    yield (
        "hypervolume",
        "How soon it was found",
        "The area under the front as trials finished. A curve that is flat for long says that more trials "
        "would have brought little.",
        lambda: figures.hypervolume_time_figure(table, x, y),
    )
