"""Where each configuration stands against the best of its group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd

from vggsweep.results.columns import has_dials
from vggsweep.results.statistics.answered import Answered
from vggsweep.results.statistics.noise import Interval, Noise, SeedNoise
from vggsweep.results.statistics.paired import Difference, compare_accuracies
from vggsweep.results.statistics.settings import varied_settings


@dataclass(frozen=True)
class Standing:
    """One configuration against the best of its group.

    Args:
        label: its row in the table of means.
        name: its settings in words.
        accuracy: mean over its seeds, fraction.
        interval: of that accuracy.
        seeds: trials behind it.
        cost: in the unit of the cost's column, or None where it is not known.
        margin: by how much it may lie below the best by chance alone; None for the best, and where no noise
            is known.
        is_told_apart: whether it is worse than the best by more than the noise.
        is_at_chance: whether it is no better than guessing.
        difference: what the best is the more accurate by, where both are compared image by image; else None.
    """

    label: object
    name: str
    accuracy: float
    interval: Interval | None
    seeds: int
    cost: float | None
    margin: float | None
    is_told_apart: bool
    is_at_chance: bool = False
    difference: Difference | None = None


def find_standings(
    means: pd.DataFrame, x: str, y: str, noise: Noise | None, answered: Answered | None = None
) -> tuple[Standing, ...]:
    """Set the most accurate of some configurations against the others, from the best down.

    Args:
        means: of `vggsweep.results.statistics.replicates.mean_over_seeds`, finished ones.
        x: the cost.
        y: an accuracy.
        noise: of accuracies; None where it is not known.
        answered: their answers to single images; None compares by their accuracies and the noise alone.
    """
    rows = means.sort_values(y, ascending=False, kind="stable")
    names = describe_networks(rows)
    accuracies, counts = rows[y].astype(float).tolist(), rows["seeds"].astype(int).tolist()
    differences = answered.compare(rows.index.tolist()) if answered is not None else None
    margins = _margins(differences, noise, accuracies, counts)
    found: list[Standing] = []
    for at, ((label, row), name) in enumerate(zip(rows.iterrows(), names, strict=True)):
        accuracy, seeds, margin, cost = accuracies[at], counts[at], margins[at], row.get(x)
        found.append(
            Standing(
                label=label,
                name=name,
                accuracy=accuracy,
                interval=noise.interval(accuracy, seeds) if noise is not None else None,
                seeds=seeds,
                cost=None if cost is None or pd.isna(cost) else float(cost),
                margin=margin,
                is_told_apart=margin is not None and accuracies[0] - accuracy > margin,
                is_at_chance=row.get("at_chance") in (True,),
                difference=differences[at] if differences is not None and at else None,
            )
        )
    return tuple(found)


def _margins(
    differences: Sequence[Difference] | None,
    noise: Noise | None,
    accuracies: Sequence[float],
    seeds: Sequence[int],
) -> Sequence[float | None]:
    """By how much each may lie below the first, the best, by chance."""
    if differences is None and isinstance(noise, SeedNoise):
        differences = compare_accuracies(accuracies, seeds, noise.std, noise.freedom)
    if differences is not None:
        return [one.margin for one in differences]
    if noise is None:
        return [None] * len(accuracies)
    best, others = (accuracies[0], 1), len(accuracies) - 1
    return [None, *(noise.margin(best, (accuracy, 1), others) for accuracy in accuracies[1:])]


def describe_networks(rows: pd.DataFrame) -> list[str]:
    """A table's networks in words; those that differ in no setting that it shows by their sweep or trial too.

    >>> rows = pd.DataFrame({"depth": [4, 8, 4], "width": 16, "sweep": ["a", "a", "b"]})
    >>> describe_networks(rows)
    ['depth 4, width 16 (a)', 'depth 8, width 16', 'depth 4, width 16 (b)']
    """
    varied = varied_settings(rows)
    names = [describe_network(row, varied) for _, row in rows.iterrows()]
    for column, form in (("sweep", "{} ({})"), ("trial", "{} (trial {})")):
        if column in rows.columns and rows[column].nunique() > 1:
            times = Counter(names)
            parts = zip(names, rows[column], strict=True)
            names = [form.format(name, part) if times[name] > 1 else name for name, part in parts]
    return names


def describe_network(row: pd.Series, varied: Sequence[str]) -> str:
    """A configuration's settings in words: what varied, and of a VGG-type network its depth and width.

    >>> describe_network(pd.Series({"depth": 8, "width": 16, "lr": 0.1}), ["lr"])
    'depth 8, width 16, lr 0.1'
    >>> custom = {"arch": "custom", "depth": 1, "width": 16, "arch.options.hidden": 64}
    >>> describe_network(pd.Series(custom), ["arch.options.hidden"])
    'arch.options.hidden 64'
    """
    dials, others = ("depth", "width"), [name for name in varied if name not in ("arch", "depth", "width")]
    is_vgg = has_dials(row)
    known = {
        name: row[name]
        for name in (*(dials if is_vgg else ()), *others)
        if name in row.index and not (pd.api.types.is_scalar(row[name]) and pd.isna(row[name]))
    }
    words = [
        f"{name} {int(value) if name in dials else f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in known.items()
    ]
    if pd.notna(row.get("arch")) and ("arch" in varied or not (words or is_vgg)):
        words.insert(0, str(row["arch"]))
    return ", ".join(words) or "the network"


def middle_cost(standings: Iterable[Standing]) -> float | None:
    """The median of their costs, by which a group of equal cost is called; None where no cost is known."""
    costs = [one.cost for one in standings if one.cost is not None]
    return median(costs) if costs else None
