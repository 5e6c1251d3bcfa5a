"""Replicates: trials of one configuration under several seeds, and their mean."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
import pandas as pd

from vggsweep.configuration.identity import has_effect
from vggsweep.results.columns import COLUMNS, kind_of

CONFIGURATION = "configuration"
# Where trials agree in these and in their seed, they are one training.
SAME = (CONFIGURATION, "device", "precision")


def configuration_groups(table: pd.DataFrame) -> pd.Series:
    """A number for each row, the same for rows that differ in nothing but their seed.

    A column ``configuration`` (`vggsweep.results.findings.evidence` adds it from the records) decides where
    there is one; else the table's columns of settings do, which is right for everything a sweep varies, but
    cannot know an override of a single run that has no column; there two trials of one seed stand each for
    itself.
    Devices, precisions and sweeps are never mixed; a training that several sweeps hold (`_is_repeat`) is the
    first one's.
    """
    each = pd.Series(range(len(table)), index=table.index, dtype="int64")
    if "seed" not in table.columns:
        return each
    is_known = CONFIGURATION in table.columns
    names = ("sweep", *SAME) if is_known else tuple(filter(_is_shared, map(str, table.columns)))
    key = _joined(table, [name for name in names if name in table.columns])
    if not is_known:
        is_ambiguous = key.isin(key[_is_repeat(table, key)])
        key = key.where(~is_ambiguous, key + "\x1e" + each.map(str))
    return pd.Series(pd.factorize(key)[0], index=table.index, dtype="int64")


def _joined(table: pd.DataFrame, names: Iterable[str]) -> pd.Series:
    """The values of some columns as one text for each row."""
    key = pd.Series("", index=table.index, dtype=object)
    for name in names:
        key = key + "\x1f" + table[name].astype(object).map(str)
    return key


def _is_shared(column: str) -> bool:
    """Whether replicates agree in it; a swept field that decides no result has a column of its full name."""
    return kind_of(column) in ("setting", "derived") and ("." not in column or has_effect(column))


def _is_repeat(table: pd.DataFrame, groups: pd.Series) -> pd.Series:
    """Rows that repeat a finished one, seed and all: they say nothing new and count once.

    Of another sweep too, where the configuration is known: what `sweep.warm_start` took over, or what two
    sweeps trained alike.
    """
    if "seed" not in table.columns:
        return pd.Series(False, index=table.index)
    if CONFIGURATION in table.columns:
        groups = _joined(table, [name for name in SAME if name in table.columns])
    complete = table["state"] == "COMPLETE"
    pairs = pd.DataFrame({"group": groups, "seed": table["seed"].map(str)})[complete]
    return pairs.duplicated().reindex(table.index, fill_value=False)


def mean_over_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """One row a configuration: outcomes averaged over its COMPLETE trials.

    Args:
        table: a results table.

    Returns:
        The table's columns, where ``trial``, ``seed`` and ``dir`` are those of the first trial, and for each
        averaged column its sample standard deviation as ``<column>_sd`` (NaN for one trial), then ``seeds``,
        the number of trials behind the row. A configuration without a COMPLETE trial keeps the state of
        its first one, and its values are no means over seeds.

    >>> table = pd.DataFrame(
    ...     {"trial": [0, 1], "state": "COMPLETE", "depth": 8, "seed": [0, 1], "val_acc": [0.8, 0.9]}
    ... )
    >>> mean_over_seeds(table)[["depth", "val_acc", "seeds"]].round(3).values.tolist()
    [[8.0, 0.85, 2.0]]
    """
    if table.empty:
        return table.assign(seeds=pd.Series(dtype="int64"))
    groups = configuration_groups(table)
    is_complete = table["state"] == "COMPLETE"
    has_complete = groups.isin(set(groups[is_complete]))
    first = table[~has_complete].groupby(groups[~has_complete], sort=False).head(1)
    kept = pd.concat([table[is_complete & ~_is_repeat(table, groups)], first]).sort_index(kind="stable")
    groups = groups.loc[kept.index]
    rows = kept.groupby(groups).head(1).copy()
    ids = groups.loc[rows.index]
    for name in [name for name in table.columns if name in COLUMNS and COLUMNS[name].is_averaged]:
        values = pd.to_numeric(kept[name], errors="coerce").astype(float).groupby(groups)
        rows[name] = values.mean().loc[ids].to_numpy()
        rows[f"{name}_sd"] = values.std(ddof=1).loc[ids].to_numpy()
    if "at_chance" in table.columns:  # a mean stayed at chance where every one of its trials did
        is_chance = kept["at_chance"].map(bool, na_action="ignore").fillna(False).astype(bool)
        rows["at_chance"] = is_chance.groupby(groups).all().loc[ids].to_numpy()
    rows["seeds"] = groups.value_counts().loc[ids].to_numpy().astype(np.int64)
    return rows


def trials_behind(table: pd.DataFrame) -> dict[Hashable, list[Hashable]]:
    """The rows of the COMPLETE trials behind each row of `mean_over_seeds`, by that row's label.

    >>> table = pd.DataFrame({"trial": [0, 1, 2], "state": "COMPLETE", "depth": [8, 4, 8], "seed": [0, 0, 1]})
    >>> trials_behind(table)
    {0: [0, 2], 1: [1]}
    """
    groups = configuration_groups(table)
    kept = table.index[(table["state"] == "COMPLETE") & ~_is_repeat(table, groups)].sort_values()
    found: dict[int, list[Hashable]] = {}
    for label in kept.tolist():
        found.setdefault(int(groups.loc[label]), []).append(label)
    return {labels[0]: labels for labels in found.values()}


def has_replicates(table: pd.DataFrame) -> bool:
    """Whether some configuration has several COMPLETE trials that differ in their seed."""
    complete = table[table["state"] == "COMPLETE"]
    groups = configuration_groups(complete)
    return bool(groups[~_is_repeat(complete, groups)].duplicated().any())
