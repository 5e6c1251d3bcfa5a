"""The knee of a front: where a further step begins to buy little.

The rule: both columns are scaled to 0 … 1 over the front, a cost by its logarithm, as the picture draws
it; the knee is the point farthest above the straight line between the front's two ends (the Kneedle rule,
Satopää et al. 2011). A front of fewer than three points, or one that bends nowhere above that line, has none.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd

from vggsweep.results.columns import MAXIMISED
from vggsweep.results.statistics.front import losses_of, machines, pareto_front


def knee(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Hashable | None:
    """Index label of the knee of the front, or None where there is none.

    Args:
        table: a results table; for measured columns the rows of one device and precision.
        x, y: columns, see `vggsweep.results.statistics.front.pareto_front`.

    >>> table = pd.DataFrame(
    ...     {"state": "COMPLETE", "macs": [1, 10, 100], "val_acc": [0.5, 0.9, 0.92]}, index=["a", "b", "c"]
    ... )
    >>> knee(table)
    'b'
    """
    front = table[pareto_front(table, x, y)]
    if machines(front, x, y).nunique() > 1:
        return None
    losses = losses_of(front, x, y)
    for column, name in enumerate((x, y)):
        if name not in MAXIMISED and (losses[:, column] > 0).all():
            losses[:, column] = np.log(losses[:, column])
    if len(np.unique(losses, axis=0)) < 3:
        return None
    low, high = losses.min(axis=0), losses.max(axis=0)
    scaled = (losses - low) / (high - low)
    # On a front one loss rises as the other falls, so its ends are (0, 1) and (1, 0).
    height = 1 - scaled.sum(axis=1)
    best = int(np.argmax(height))
    found: Hashable = front.index[best]
    return found if height[best] > 1e-9 else None
