"""The data of the interactive chart: points, and which of them lie on the front for each cost."""

from __future__ import annotations

from typing import Any

import pandas as pd

from vggsweep.results.columns import MAXIMISED
from vggsweep.results.figures.style import as_numbers, label_of
from vggsweep.results.findings.standing import Standing, describe_network, describe_networks
from vggsweep.results.statistics.front import machines, pareto_front
from vggsweep.results.statistics.replicates import configuration_groups, mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings

COSTS = (
    "macs params conv_params activations latency_ms_p50 latency_ms_p95 throughput train_seconds "
    "peak_memory_mb"
).split()
# A label beside a point names so many of the settings that varied; a click tells the rest.
MOST_IN_LABEL = 3


def chart_data(
    table: pd.DataFrame, x: str, y: str, standings: dict[Any, Standing], *, equal_cost: str | None = None
) -> dict[str, Any]:
    """What `chart.js` draws, as plain values for JSON.

    Args:
        table: a results table.
        x: the cost that is shown first; others can be chosen on the page.
        y: the accuracy.
        standings: intervals by the index of `mean_over_seeds`.
        equal_cost: the cost that all networks share, so that depth is the axis to begin with, or None.

    Returns:
        ``y``, ``yLabel``; ``costs``: name, label, and the index of each front's points from left to right,
        one front a machine, none for depth, which is no cost, and for ``equal_cost``; ``points``: one a
        configuration, with its value of each cost and its table rows.
    """
    if y not in table.columns:
        return {"y": y, "yLabel": label_of(y), "costs": [], "points": []}
    means = mean_over_seeds(table)
    means = means[as_numbers(means[y]).notna() & (means["state"] != "FAIL")]
    groups = configuration_groups(table)
    rows_of = groups.index.to_series().groupby(groups).agg(list)
    varied = varied_settings(means)
    names = [
        name
        for name in dict.fromkeys(["depth"] * (equal_cost is not None) + [x, *COSTS])
        if name in means.columns
    ]
    numbers = {name: as_numbers(means[name]) for name in (*names, y)}
    costs = [name for name in names if numbers[name].notna().any()]
    points = []
    drawn = zip(map(int, means.index), describe_networks(means), means.iterrows(), strict=True)
    for label, network, (_, row) in drawn:
        standing = standings.get(label)
        interval = standing.interval if standing is not None else None
        is_pruned = bool(row["state"] == "PRUNED")
        points.append(
            {
                "name": network,
                "label": describe_network(row[varied], varied[:MOST_IN_LABEL]) if varied else "",
                "trial": int(row["trial"]),
                "pruned": is_pruned,
                "seeds": int(row["seeds"]),
                "y": float(numbers[y][label]),
                "low": interval.low if interval is not None else None,
                "high": interval.high if interval is not None else None,
                "x": {name: float(v) if pd.notna(v := numbers[name][label]) else None for name in costs},
                "rows": [label] if is_pruned else rows_of[groups[label]],
            }
        )
    positions = {label: at for at, label in enumerate(means.index)}
    return {
        "y": y,
        "yLabel": label_of(y),
        "costs": [
            {
                "name": name,
                "label": label_of(name),
                "isMaximised": name in MAXIMISED,
                "fronts": [] if name in ("depth", equal_cost) else _fronts(means, name, y, positions),
            }
            for name in costs
        ],
        "points": points,
    }


def _fronts(means: pd.DataFrame, x: str, y: str, place: dict[Any, int]) -> list[dict[str, Any]]:
    front = means[pareto_front(means, x, y)].sort_values(x, kind="stable")
    return [
        {"points": [place[label] for label in part.index]}
        for _, part in front.groupby(machines(front, x, y), sort=True)
    ]
