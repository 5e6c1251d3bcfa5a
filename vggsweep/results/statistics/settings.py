"""Which columns of a table are settings that somebody varied, rather than what follows from them."""

from __future__ import annotations

import pandas as pd

from vggsweep.results.columns import is_setting


def varied_settings(table: pd.DataFrame) -> list[str]:
    """Names of the setting columns that hold more than one value, in the table's order.

    >>> varied_settings(pd.DataFrame({"depth": [4, 8], "lr": 0.1, "macs": [1, 2], "val_acc": [0.1, 0.2]}))
    ['depth']
    """
    names = [str(name) for name in table.columns if is_setting(str(name))]
    return [name for name in names if table[name].dropna().map(str).nunique() > 1]
