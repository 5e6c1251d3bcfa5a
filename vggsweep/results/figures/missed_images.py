"""Which images a deep and a wide configuration miss that are about as accurate.

Nguyen, Raghu and Kornblith, "Do Wide and Deep Networks Learn the Same Things?", 2020, arXiv:2010.15327:
equally accurate, they miss different classes and images, by more than two seeds of one network do.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from vggsweep.errors import NothingToDraw
from vggsweep.results.disk.answers import RightArray
from vggsweep.results.figures.style import BLUE, GREY, complete_rows, new_axes, plain
from vggsweep.results.findings.standing import find_standings
from vggsweep.results.statistics.answered import Answered, answers_behind
from vggsweep.results.statistics.replicates import mean_over_seeds


def missed_images(table: pd.DataFrame, y: str = "val_acc") -> pd.DataFrame:
    """How often the seeds of a deep configuration and of a wide one miss each image.

    Args:
        table: a results table, of which configurations are compared that kept their answers and have several
            seeds: the deepest and the widest of those that cannot be told from the most accurate one.
        y: the accuracy.

    Returns:
        Columns ``deep`` and ``wide``, the share of seeds that miss an image, and ``images``, how many images
        have these two shares. In ``attrs``: ``deep`` and ``wide``, their settings in words, and ``apart``,
        the share of images that exactly one of two networks misses, of two seeds of the deep one, of two of
        the wide one, and of one of each.

    Raises:
        NothingToDraw: no two such configurations.
    """
    complete_rows(table, y)
    means = mean_over_seeds(table)
    means = means[(means["state"] == "COMPLETE") & means[y].notna() & (means["seeds"] > 1)]
    answered = answers_behind(table, means.index.tolist(), y)
    if not isinstance(answered, Answered) or len(means) < 2:
        raise NothingToDraw("no two configurations with several seeds kept which images they got right")
    close = {
        one.label: one for one in find_standings(means, "macs", y, None, answered) if not one.is_told_apart
    }
    depth, width = (means[name].astype(float).to_dict() for name in ("depth", "width"))
    deep, wide = (max(close, key=of.__getitem__) for of in (depth, width))
    if deep == wide or depth[deep] <= depth[wide] or width[wide] <= width[deep]:
        raise NothingToDraw("no deep and wide configuration are about as accurate as the best one")
    one, other = answered.answers[deep], answered.answers[wide]
    shares = pd.DataFrame({"deep": 1 - np.mean(one, axis=0), "wide": 1 - np.mean(other, axis=0)})
    found = shares.round(6).value_counts().rename("images").reset_index()
    found.attrs = {
        "deep": close[deep].name,
        "wide": close[wide].name,
        "apart": (
            _apart(list(combinations(one, 2))),
            _apart(list(combinations(other, 2))),
            _apart(list(product(one, other))),
        ),
    }
    return found


def _apart(pairs: Sequence[tuple[RightArray, RightArray]]) -> float:
    return float(np.mean([np.mean(first != second) for first, second in pairs]))


def missed_images_figure(table: pd.DataFrame, y: str = "val_acc") -> Figure:
    """A disc for each pair of shares, its area the logarithm of the number of images.

    Off the diagonal lie images that the one misses more often than the other.

    Raises:
        NothingToDraw: see `missed_images`.
    """
    found = missed_images(table, y)
    figure, axes = new_axes((6.4, 5.0))
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8, linestyle=":")
    areas = 6 * np.log2(1 + found["images"])
    axes.scatter(found["deep"], found["wide"], s=areas, color=BLUE, alpha=0.5, linewidths=0)
    axes.set_xlabel(f"share of seeds that miss an image: {plain(found.attrs['deep'])}")
    axes.set_ylabel(f"share of seeds: {plain(found.attrs['wide'])}")
    deep, wide, both = found.attrs["apart"]
    axes.set_title(
        "images on which exactly one of two networks is wrong:\n"
        f"two seeds of the deep one {deep:.1%}, of the wide one {wide:.1%};\n"
        f"a deep and a wide one {both:.1%}",
        fontsize=9,
        loc="left",
    )
    return figure
