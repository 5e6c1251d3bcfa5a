"""What a fit sees of a results table: networks as features, their errors as logarithms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from vggsweep.configuration.identity import has_effect
from vggsweep.errors import ConfigError
from vggsweep.results.columns import COLUMNS
from vggsweep.results.disk.record import readable_record
from vggsweep.results.scaling.surface import Observations, Values
from vggsweep.results.statistics.front import same_data
from vggsweep.results.statistics.noise import images_behind
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings

# What a network is made larger by; their logarithms to base 2 are features.
DIALS = ("depth", "width", "resolution")
# Fewer networks cannot tell a trend from its scatter.
LEAST_NETWORKS = 4
# A surface through more takes many seconds; these are spread evenly over the costs.
MOST_NETWORKS = 100
# Two options of a setting without an order lie so many doublings apart.
APART = 1.5
# Where the number of validation images is not known, an error of nothing counts as this.
LEAST_ERROR = 1e-4


@dataclass(frozen=True)
class Setting:
    """A setting besides the dials that differs among the networks, as features.

    Args:
        name: its column.
        options: of one without an order, as text, the first of which has no feature; else empty.
        is_log: whether a number is seen on a logarithmic scale.
        centre, scale: of a number.
    """

    name: str
    options: tuple[str, ...] = ()
    is_log: bool = False
    centre: float = 0.0
    scale: float = 1.0

    def encode(self, values: pd.Series) -> Values:
        """(N, K) features of N values."""
        if self.options:
            texts = values.map(str).to_numpy()
            return np.stack([APART * (texts == option) for option in self.options[1:]], axis=1).astype(float)
        numbers = pd.to_numeric(values).to_numpy(dtype=float)
        seen = np.log(numbers) if self.is_log else numbers
        found: Values = ((seen - self.centre) / self.scale)[:, None]
        return found


@dataclass(frozen=True)
class ScalingData:
    """Finished networks of one family on the same images.

    Args:
        y: an accuracy.
        networks: one row a network, seeds averaged, ``width`` a real number where a budget solved it.
        dials: those that are known of the networks.
        varied: those in which the networks differ.
        settings: whatever else differs.
        images: that accuracies were counted on, or None.
        cautions: what was left out.
    """

    y: str
    networks: pd.DataFrame
    dials: tuple[str, ...]
    varied: tuple[str, ...]
    settings: tuple[Setting, ...]
    images: int | None
    cautions: tuple[str, ...]

    @property
    def best(self) -> pd.Series:
        """The most accurate network: other settings than dials are taken as it has them."""
        return self.networks.sort_values(self.y, ascending=False, kind="stable").iloc[0]

    @property
    def trials(self) -> int:
        """How many trainings there were."""
        return int(self.networks["seeds"].sum())

    def observations(self, networks: pd.DataFrame | None = None) -> Observations:
        """Logarithms of errors over the features, of all networks or of some."""
        rows = self.networks if networks is None else networks
        error = self.errors(rows[self.y].to_numpy(dtype=float))
        seeds = rows["seeds"].to_numpy(dtype=float)
        deviations = rows.get(f"{self.y}_sd", pd.Series(np.nan, index=rows.index)).to_numpy(dtype=float)
        is_several = (seeds > 1) & np.isfinite(deviations)
        squares = (seeds - 1) * (np.nan_to_num(deviations) / error) ** 2
        return Observations(
            self.features(rows),
            np.log(error),
            seeds,
            float(squares[is_several].sum()),
            int((seeds - 1)[is_several].sum()),
        )

    def errors(self, accuracies: Values) -> Values:
        """Shares of wrong answers, half an image more than none."""
        if self.images is None:
            return np.maximum(1.0 - accuracies, LEAST_ERROR)
        found: Values = ((1.0 - accuracies) * self.images + 0.5) / (self.images + 1)
        return found

    def features(self, rows: pd.DataFrame) -> Values:
        """(N, D): dials in doublings, then the other settings."""
        dials = [np.log2(rows[name].to_numpy(dtype=float))[:, None] for name in self.dials]
        return np.concatenate([*dials, *(one.encode(rows[one.name]) for one in self.settings)], axis=1)

    def at(self, sizes: Sequence[Mapping[str, float]]) -> Values:
        """(N, D): of networks of these sizes, in everything else as the best."""
        rows = pd.DataFrame([self.best] * len(sizes)).reset_index(drop=True)
        for name in self.dials:
            rows[name] = [size.get(name, rows[name].iloc[0]) for size in sizes]
        return self.features(rows)


def scaling_data(table: pd.DataFrame, y: str = "val_acc") -> ScalingData:
    """Choose and describe the networks that a fit sees.

    Args:
        table: a results table; of several data sets that with the most finished trials counts.
        y: an accuracy.

    Raises:
        ConfigError: there are too few networks, they are of several families, or all are of one size.
    """
    if y not in COLUMNS or not COLUMNS[y].is_share:
        shares = [name for name, column in COLUMNS.items() if column.is_share]
        raise ConfigError(f"--y {y}: a fit is of an accuracy, one of {', '.join(shares)}.")
    table, on_others = same_data(table)
    cautions = [] if on_others is None else [on_others]
    rows = _finished(table, y, cautions)
    families = sorted(set(rows["arch"].map(str))) if "arch" in rows.columns else []
    if len(families) > 1:
        raise ConfigError(
            f"These networks are of several families ({', '.join(families)}), whose depths and widths are "
            f"not the same thing. Choose one: --where \"arch == '{families[0]}'\"."
        )
    if len(rows) < LEAST_NETWORKS:
        states = ", ".join(f"{count} {state}" for state, count in table["state"].value_counts().items())
        few = f"Fewer than {LEAST_NETWORKS} networks, {len(rows)}, have" if len(rows) else "No network has"
        left_out = "".join(f" {one[0].upper()}{one[1:]}." for one in cautions)
        raise ConfigError(
            f"{few} finished with a {y} above chance ({states or 'no trial'}), and a fit needs "
            f"{LEAST_NETWORKS} of different sizes; replicates of one count once.{left_out} More values "
            "of what was swept, or a second sweep beside it, make a fit."
        )
    dials = tuple(name for name in DIALS if name in rows.columns and rows[name].notna().all())
    varied = tuple(name for name in dials if rows[name].nunique() > 1)
    if not varied:
        raise ConfigError(
            "All of these networks are of one depth, width and resolution: there is no size to fit over. "
            "Sweep one of them, such as arch.depth=4,6,8,12."
        )
    if len(rows) > MOST_NETWORKS:
        cautions.append(f"the surface goes through {MOST_NETWORKS} of the {len(rows)} networks, of all costs")
        ordered = rows.sort_values("macs", kind="stable")
        rows = ordered.iloc[np.linspace(0, len(rows) - 1, MOST_NETWORKS).round().astype(int)]
    settings = tuple(_setting(rows[name]) for name in _others(rows))
    return ScalingData(y, rows, dials, varied, settings, images_behind(table, y), tuple(cautions))


def _finished(table: pd.DataFrame, y: str, cautions: list[str]) -> pd.DataFrame:
    """The networks that count, with real widths; `cautions` is told of the others."""
    needed = {y, "depth", "width", "macs"}
    if table.empty or not needed <= set(table.columns):
        return table.iloc[:0].assign(seeds=0)
    means = mean_over_seeds(table)
    numbers = means[sorted(needed)].apply(pd.to_numeric, errors="coerce").astype(float)
    is_sized = (numbers[["depth", "width", "macs"]] > 0).all(axis=1) & numbers[y].notna()
    rows: pd.DataFrame = means[is_sized & (means["state"] == "COMPLETE")]
    pruned = int((table["state"] == "PRUNED").sum())
    if pruned:
        trials = "1 trial that was" if pruned == 1 else f"{pruned} trials that were"
        cautions.append(
            f"{trials} pruned would have been less accurate and are not in the fit, which is kinder for it"
        )
    if "at_chance" in rows.columns:
        failed = rows["at_chance"].isin([True])
        if failed.any():
            cautions.append(f"left out: {int(failed.sum())} that stayed at chance, as their training failed")
        rows = rows[~failed]
    rows = rows.copy()
    for name in ("depth", "width", "macs", y):
        rows[name] = numbers[name][rows.index]
    rows["width"] = [_real_width(row) for _, row in rows.iterrows()]
    return rows


def _real_width(row: pd.Series) -> float:
    """The width that a budget solved: its blocks are rounded one by one, and the table has only the first."""
    if pd.notna(row.get("budget_residual")) and pd.notna(row.get("dir")):
        record = readable_record(Path(str(row["dir"])))
        solved = record.network.get("solved_width") if record is not None else None
        if isinstance(solved, (int, float)) and solved > 0:
            return float(solved)
    return float(row["width"])


def _others(rows: pd.DataFrame) -> list[str]:
    """Settings besides the dials that differ and decide a result; a budget decides nothing but the width."""
    return [
        name
        for name in varied_settings(rows)
        if name not in (*DIALS, "arch")
        and not name.startswith("budget.")
        and ("." not in name or has_effect(name))
    ]


def _setting(values: pd.Series) -> Setting:
    name = str(values.name)
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if not is_number or values.isna().any():
        return Setting(name, options=tuple(sorted(set(values.map(str)))))
    numbers = values.to_numpy(dtype=float)
    is_log = bool(numbers.min() > 0 and numbers.max() >= 2 * numbers.min())
    seen = np.log(numbers) if is_log else numbers
    return Setting(name, (), is_log, float(seen.mean()), float(seen.std()))
