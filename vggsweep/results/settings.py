"""Which columns of a table are settings: what somebody varied, what a network was made from."""

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


def has_dials(row: pd.Series) -> bool:
    """Whether depth and width are what a network was made from; of others they are only counted.

    >>> has_dials(pd.Series({"arch": "vgg_scaled", "depth": 8})), has_dials(pd.Series({"arch": "custom"}))
    (True, False)
    """
    if "stages" in row.index:
        return bool(pd.notna(row["stages"]))
    return bool(pd.isna(row.get("arch"))) or str(row["arch"]).startswith("vgg")
