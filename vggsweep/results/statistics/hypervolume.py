"""How much of the plane a front dominates, up to a reference point that is always stated.

Source: Zitzler & Thiele 1998. The default reference point is 0 for what should be large and 1.1 times
the largest value among COMPLETE trials for what should be small, so that the dearest network counts too.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vggsweep.errors import ConfigError
from vggsweep.results.columns import MAXIMISED
from vggsweep.results.dominance import loss
from vggsweep.results.statistics.front import is_compared, losses_of, machines

MARGIN = 1.1


def reference_point(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> tuple[float, float]:
    """The default reference point of a table, in the columns' own units.

    Raises:
        ConfigError: no COMPLETE trial has both values.

    >>> table = pd.DataFrame({"state": "COMPLETE", "macs": [10, 20], "val_acc": [0.8, 0.9]})
    >>> reference_point(table)
    (22.0, 0.0)
    """
    losses = losses_of(table[is_compared(table, x, y)], x, y)
    if not len(losses):
        raise ConfigError(f"No COMPLETE trial has both {x} and {y}.")
    worst_x, worst_y = (
        0.0 if name in MAXIMISED else float(losses[:, at].max()) * MARGIN for at, name in enumerate((x, y))
    )
    return worst_x, worst_y


def hypervolume(
    table: pd.DataFrame,
    x: str = "macs",
    y: str = "val_acc",
    reference: tuple[float, float] | None = None,
) -> float:
    """Area that the front dominates, in units of x times units of y.

    For costs against accuracies with the default reference point, the area divided by the reference's cost
    is the accuracy of the best network within a budget, averaged over all budgets up to the reference.

    Args:
        table: a results table; only COMPLETE trials count.
        x, y: columns; see `vggsweep.results.statistics.front.pareto_front` for their directions.
        reference: its values of x and y; None for `reference_point`.

    Raises:
        ConfigError: no such column; nothing finished; or rows of several machines on a measured column.

    >>> table = pd.DataFrame({"state": "COMPLETE", "macs": [10, 20], "val_acc": [0.8, 0.9]})
    >>> round(hypervolume(table), 3)
    9.8
    """
    shown = table[is_compared(table, x, y)]
    places = sorted(set(machines(shown, x, y)))
    if len(places) > 1:
        raise ConfigError(
            f"{x} against {y} was measured on several machines ({'; '.join(places)}), and their values do "
            "not mix. Keep the rows of one device and precision."
        )
    point = reference or reference_point(table, x, y)
    corner = np.array([loss(value, name) for value, name in zip(point, (x, y), strict=True)])
    return dominated_area(losses_of(shown, x, y), corner)


def dominated_area(losses: NDArray[np.float64], reference: NDArray[np.float64]) -> float:
    """Area between a set of points and the reference point.

    Args:
        losses: (N, 2), to be minimised.
        reference: (2,); a point that is not better than it in both columns adds nothing.
    """
    inside = losses[(losses < reference).all(axis=1)]
    inside = inside[np.argsort(inside[:, 0])]
    ends = np.append(inside[1:, 0], reference[0])
    # from each point to the next the best so far counts, which is that of the front
    heights = reference[1] - np.minimum.accumulate(inside[:, 1])
    return float(((ends - inside[:, 0]) * heights).sum()) if len(inside) else 0.0
