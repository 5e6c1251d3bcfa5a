"""How far the latencies that trials measured in their sweep agree with the same networks timed anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from vggsweep.results.disk.measurements import Measurement
from vggsweep.results.statistics.front import pareto_front
from vggsweep.results.statistics.replicates import mean_over_seeds

IN_SWEEP = "latency_ms_p50"
# Below that a rank correlation says nothing.
LEAST_NETWORKS = 3
MOST_NAMED = 6


@dataclass(frozen=True)
class FrontChange:
    """Trials by which two fronts differ.

    Args:
        size: of the front with latencies timed anew.
        joins: trials that are on that front only.
        leaves: trials that are on the sweep's only.
    """

    size: int
    joins: tuple[int, ...]
    leaves: tuple[int, ...]

    def __str__(self) -> str:
        if not self.joins and not self.leaves:
            return "their front has the same trials with either"
        parts = [
            f"{verb} {_named(trials)}"
            for verb, trials in (("loses", self.leaves), ("gains", self.joins))
            if trials
        ]
        return f"with the new ones their front {' and '.join(parts)}"


@dataclass(frozen=True)
class Agreement:
    """One session against the sweep.

    Args:
        networks: that have a latency in both.
        spearman: rank correlation of the latencies; None for fewer than three networks, or equal ones.
        swapped, pairs: how many pairs of networks the two order differently, and of how many.
        macs_spearman: rank correlation of the new latencies with MACs.
        front: how the front of accuracy against latency changes; None where the sweep optimised no latency.
        elsewhere: where the sweep measured, in words; empty where device and precision are the session's.
    """

    networks: int
    spearman: float | None
    swapped: int
    pairs: int
    macs_spearman: float | None
    front: FrontChange | None
    elsewhere: str

    def __str__(self) -> str:
        macs = "" if self.macs_spearman is None else f"Spearman with MACs {self.macs_spearman:.3f}; "
        if not self.pairs:
            return f"{macs}no two networks have a latency in the sweep"
        rank = "" if self.spearman is None else f", Spearman {self.spearman:.3f}"
        pairs = f"order {self.swapped} of {self.pairs} pairs otherwise"
        text = f"{macs}in-sweep latencies{self.elsewhere} {pairs}{rank}"
        return text if self.front is None else f"{text}; {self.front}"


def compare_latencies(measurement: Measurement, table: pd.DataFrame, objective: Sequence[str]) -> Agreement:
    """Set a session against what the trials of its sweep measured.

    Args:
        measurement: the session.
        table: results of the sweep, as `vggsweep.results.findings.evidence.load_evidence` reads them.
        objective: columns that the sweep optimised, accuracy first.
    """
    rows = table[table["state"] == "COMPLETE"].set_index("trial", drop=False)
    known = rows.get(IN_SWEEP, pd.Series(dtype=float)).dropna()
    networks = pd.DataFrame(
        {
            "seen": [known[known.index.isin(one.trials)].median() for one in measurement.networks],
            "new": [one.latency_ms for one in measurement.networks],
            "macs": [one.macs for one in measurement.networks],
        },
        dtype=float,
    )
    both = networks.dropna()
    pairs = list(combinations(zip(both["seen"], both["new"], strict=True), 2))
    return Agreement(
        networks=len(both),
        spearman=spearman(both["seen"], both["new"]),
        swapped=sum((a[0] - b[0]) * (a[1] - b[1]) < 0 for a, b in pairs),
        pairs=len(pairs),
        macs_spearman=spearman(networks["macs"], networks["new"]),
        front=_front_change(measurement, rows, objective),
        elsewhere=_elsewhere(measurement, rows),
    )


def _elsewhere(measurement: Measurement, rows: pd.DataFrame) -> str:
    here = {"device": measurement.device_name, "precision": measurement.precision}
    words = {"device": " on ", "precision": " in "}
    return "".join(
        words[name] + " and ".join(sorted(map(str, rows[name].dropna().unique())))
        for name, value in here.items()
        if name in rows.columns and set(rows[name].dropna()) - {value}
    )


def latest(measurements: Sequence[Measurement]) -> Measurement | None:
    """The session that a report quotes: eager as trials are, of most networks, the newest of these."""

    def rank(at: int) -> tuple[bool, int, int]:
        return measurements[at].engine == "eager", len(measurements[at].networks), at

    return measurements[max(range(len(measurements)), key=rank)] if measurements else None


def spearman(a: pd.Series, b: pd.Series) -> float | None:
    """Rank correlation; None where there are too few values or all are equal.

    >>> spearman(pd.Series([1.0, 2.0, 3.0]), pd.Series([10.0, 30.0, 20.0]))
    0.5
    """
    if len(a) < LEAST_NETWORKS or a.nunique() < 2 or b.nunique() < 2:
        return None
    return float(a.rank().corr(b.rank()))


def _front_change(
    measurement: Measurement, rows: pd.DataFrame, objective: Sequence[str]
) -> FrontChange | None:
    if len(objective) < 2 or objective[1] != IN_SWEEP or IN_SWEEP not in rows.columns:
        return None
    new = {trial: one.latency_ms for one in measurement.networks for trial in one.trials}
    rows = rows[rows.index.isin(new) & rows[IN_SWEEP].notna()]
    fronts = []
    for table in (rows, rows.assign(**{IN_SWEEP: rows.index.map(new)})):
        means = mean_over_seeds(table)
        fronts.append(set(means["trial"][pareto_front(means, IN_SWEEP, objective[0])].astype(int)))
    before, after = fronts
    return FrontChange(len(after), tuple(sorted(after - before)), tuple(sorted(before - after)))


def _named(trials: Sequence[int]) -> str:
    shown = ", ".join(map(str, trials[:MOST_NAMED])) + (", …" if len(trials) > MOST_NAMED else "")
    return f"trial{'s' * (len(trials) != 1)} {shown}"
