"""Two sweeps, or two trials, side by side: what differs in their settings, and what in their results."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from vggsweep.configuration.identity import SEARCH_NODES, has_effect
from vggsweep.results.columns import COLUMNS, MAXIMISED
from vggsweep.results.disk.record import Record
from vggsweep.results.findings.evidence import Evidence
from vggsweep.results.findings.fair_rates import at_own_rates
from vggsweep.results.plain import is_number
from vggsweep.results.statistics.answered import Answered, answers_behind
from vggsweep.results.statistics.front import data_sets, machines, pareto_front
from vggsweep.results.statistics.hypervolume import hypervolume, reference_point
from vggsweep.results.statistics.noise import Interval, SeedNoise, noise_behind
from vggsweep.results.statistics.replicates import configuration_groups, mean_over_seeds
from vggsweep.results.units import plain_text, setting_text

TRIAL_COLUMNS = (
    "val_acc train_acc test_acc val_loss epochs_run macs params activations train_seconds "
    "latency_ms_p50 throughput peak_memory_mb"
).split()
# Where a trial ran, which its record says and its configuration does not.
MACHINE_COLUMNS = ("device", "precision")
# Of a list of values so many are spelt out.
MOST_VALUES = 4


@dataclass(frozen=True)
class Side:
    """Two values of one thing.

    Args:
        name: of the field or figure.
        a, b: None where a side has none.
    """

    name: str
    a: Any
    b: Any


@dataclass(frozen=True)
class Accuracies:
    """How far two accuracies lie apart.

    Args:
        column: which accuracy.
        a, b: means over seeds.
        seeds: trials behind each.
        intervals: of each, 95 %; None where no noise is known.
        margin: difference that chance alone seldom exceeds; None likewise.
        noise: what it is made of, in words.
        is_same_data: whether they were counted on the same validation images.
        verdict: one sentence.
    """

    column: str
    a: float
    b: float
    seeds: tuple[int, int]
    intervals: tuple[Interval | None, Interval | None]
    margin: float | None
    noise: str
    is_same_data: bool
    verdict: str


@dataclass(frozen=True)
class Fronts:
    """Two fronts against each other.

    Args:
        x, y: the columns.
        reference: the hypervolume's point, common to both.
        volumes: hypervolume of each.
        sizes: networks on each.
        beaten: how many of each front the other one dominates.
        beats: networks of each front that dominate one of the other's, by trial.
        common: networks on the front of both together, of each.
    """

    x: str
    y: str
    reference: tuple[float, float]
    volumes: tuple[float, float]
    sizes: tuple[int, int]
    beaten: tuple[int, int]
    beats: tuple[tuple[int, ...], tuple[int, ...]]
    common: tuple[int, int]


def different_fields(a: Iterable[Record], b: Iterable[Record]) -> list[Side]:
    """The fields of the configuration in which two sets of trials differ, with the values that each has.

    Left out are fields that decide no result (`configuration.identity`) and how it was searched for.
    """
    kept = [[_deciding(record.configuration) for record in records] for records in (a, b)]
    return _different(*kept)


def different_environment(a: Iterable[Record], b: Iterable[Record]) -> list[Side]:
    """Versions and facts of the machine in which two sets of trials differ, with the values that each has."""
    return _different(*([flat(record.environment) for record in records] for records in (a, b)))


def different_data(a: Iterable[Record], b: Iterable[Record]) -> list[Side]:
    """The fingerprints of the images, where two sets of trials were trained on different ones."""
    return _different(
        *([{"fingerprint": record.data_fingerprint} for record in records] for records in (a, b))
    )


def _deciding(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a configuration that decide a result."""
    fields = flat(configuration).items()
    return {n: value for n, value in fields if has_effect(n) and n.partition(".")[0] not in SEARCH_NODES}


def _different(a: Iterable[Mapping[str, Any]], b: Iterable[Mapping[str, Any]]) -> list[Side]:
    """What differs between two sets of named values."""
    first, second = _values(a), _values(b)
    names = sorted({*first, *second})
    sides = (Side(name, first.get(name, []), second.get(name, [])) for name in names)
    return [one for one in sides if _texts(one.a) != _texts(one.b)]


def _values(nodes: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Every value of every name over some nodes."""
    found: dict[str, dict[str, Any]] = {}
    for node in nodes:
        for name, value in node.items():
            found.setdefault(name, {})[_text(value)] = value
    return {name: [values[text] for text in sorted(values)] for name, values in found.items()}


def _texts(values: Iterable[Any]) -> set[str]:
    return {_text(value) for value in values}


def _text(value: Any) -> str:
    """A value as one text: 8 and 8.0 are one width."""
    return plain_text(int(value) if isinstance(value, float) and value.is_integer() else value)


def values_in_words(values: Sequence[Any]) -> str:
    """Values of a field in a few words.

    >>> values_in_words([4, 8, 6, 12, 10]), values_in_words(["adam", None]), values_in_words([])
    ('4 to 12 (5 values)', 'adam, null', '–')
    """
    if not values:
        return "–"
    numbers = [value for value in values if is_number(value)]
    if len(values) > MOST_VALUES and len(numbers) == len(values):
        return f"{setting_text(min(numbers))} to {setting_text(max(numbers))} ({len(values)} values)"
    others = [value for value in values if not is_number(value)]
    shown = [
        "null" if one is None else setting_text(one) for one in [*sorted(numbers), *others][:MOST_VALUES]
    ]
    return ", ".join(shown) + (f", … ({len(values)} values)" if len(values) > MOST_VALUES else "")


def flat(node: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested values under dotted names.

    >>> flat({"arch": {"depth": 8}, "seed": 0})
    {'arch.depth': 8, 'seed': 0}
    """
    found: dict[str, Any] = {}
    for key, value in node.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, Mapping) else {f"{prefix}{key}": value}
    return found


def compare_accuracies(a: Evidence, b: Evidence, y: str = "val_acc") -> Accuracies | None:
    """Set the best configuration of one side against that of the other; seeds averaged.

    For single trials these are the trials; of a sweep that searched learning rates those at each network's
    own. The noise is that of all trials of both sides, or of each side where their validation images differ.

    Returns:
        None where a side has no finished trial with this accuracy.
    """
    tables = [at_own_rates(one, y).table for one in (a, b)]
    both = pd.concat(tables, ignore_index=True)
    rows, labels = [], []
    for table, before in zip(tables, (0, len(tables[0])), strict=True):
        table = table.set_axis(range(before, before + len(table)))
        means = mean_over_seeds(table)
        finished = (
            means[(means["state"] == "COMPLETE") & means[y].notna()] if y in means.columns else means[:0]
        )
        if finished.empty:
            return None
        rows.append(finished.sort_values(y, ascending=False, kind="stable").iloc[0])
        labels.append(rows[-1].name)
    best = [(float(row[y]), int(row["seeds"])) for row in rows]
    is_same = len({str(row.get("images")) for row in rows}) == 1
    noise = noise_behind(both, mean_over_seeds(both), y) if is_same else None
    margin = noise.margin(best[0], best[1]) if noise is not None else None
    source = (
        "" if noise is None else "seeds" if isinstance(noise, SeedNoise) else "counting validation images"
    )
    answered = _answered(both, labels, y) if is_same else None
    if answered is not None:
        margin, source = answered.compare(labels)[1].margin, _SOURCES[answered.scatter is not None]
    noises = [noise if is_same else noise_behind(table, mean_over_seeds(table), y) for table in tables]
    intervals = [
        one.interval(*side) if one is not None else None for one, side in zip(noises, best, strict=True)
    ]
    return Accuracies(
        column=y,
        a=best[0][0],
        b=best[1][0],
        seeds=(best[0][1], best[1][1]),
        intervals=(intervals[0], intervals[1]),
        margin=margin,
        noise=source,
        is_same_data=is_same,
        verdict=_verdict(best[0][0] - best[1][0], margin, y, is_same=is_same),
    )


# What a margin is made of where two sides are compared image by image: with one seed each, with several.
_SOURCES = (
    "which images there are, image by image; of these trained networks, not of other seeds",
    "seeds and which images there are, image by image",
)


def _answered(both: pd.DataFrame, labels: Sequence[Hashable], y: str) -> Answered | None:
    """The answers of both sides, with the scatter over all of their seeds; None where any lacks them."""
    means = mean_over_seeds(both)
    finished = means[(means["state"] == "COMPLETE") & means[y].notna()].index.tolist()
    found = answers_behind(both, list(dict.fromkeys([*labels, *finished])), y)
    return found if isinstance(found, Answered) and set(labels) <= set(found.answers) else None


def _verdict(difference: float, margin: float | None, y: str, *, is_same: bool) -> str:
    if not is_same:
        return f"Their {y} were counted on different validation images and do not compare."
    if difference == 0:
        return f"Their {y} are equal."
    better = "A" if difference > 0 else "B"
    by = f"{better}'s {y} is {abs(difference):.4f} higher"
    if margin is None:
        return f"{by}; nothing says how large the noise is."
    if abs(difference) > margin:
        return f"{by}, more than the noise ({margin:.4f})."
    return f"{by}, which the noise allows ({margin:.4f}): these trials do not say which is better."


def compare_fronts(a: Evidence, b: Evidence, x: str = "macs", y: str = "val_acc") -> Fronts | str:
    """Set two fronts against each other, each of configurations with their seeds averaged.

    Of a sweep that searched learning rates it is the front of networks at their own.

    Returns:
        The comparison, or a sentence on why there is none.
    """
    tables = [mean_over_seeds(at_own_rates(one, y).table) for one in (a, b)]
    finished = [
        table[(table["state"] == "COMPLETE") & table[x].notna() & table[y].notna()]
        if {x, y} <= set(table.columns)
        else table[:0]
        for table in tables
    ]
    if any(table.empty for table in finished):
        return f"No fronts to compare: a side has no finished trial with both {x} and {y}."
    both = pd.concat(finished, keys=["A", "B"], names=["side", "row"])
    both = both.reset_index(level="row", drop=True).reset_index()
    if data_sets(both).nunique() > 1:
        return "No fronts to compare: their accuracies were counted on different validation images."
    if machines(both, x, y).nunique() > 1:
        return f"No fronts to compare: {x} was measured on several devices or precisions, which do not mix."
    point = reference_point(both, x, y)
    sides = [both[both["side"] == name] for name in ("A", "B")]
    fronts = [side[pareto_front(side, x, y)] for side in sides]
    is_common = pareto_front(both, x, y)
    common = [int((is_common & (both["side"] == name)).sum()) for name in ("A", "B")]
    won = [_beats(fronts[0], fronts[1], x, y), _beats(fronts[1], fronts[0], x, y)]
    return Fronts(
        x=x,
        y=y,
        reference=point,
        volumes=(hypervolume(sides[0], x, y, point), hypervolume(sides[1], x, y, point)),
        sizes=(len(fronts[0]), len(fronts[1])),
        beaten=(won[1][1], won[0][1]),
        beats=(won[0][0], won[1][0]),
        common=(common[0], common[1]),
    )


def _beats(one: pd.DataFrame, other: pd.DataFrame, x: str, y: str) -> tuple[tuple[int, ...], int]:
    """Trials of one front that dominate a network of the other, and how many of the other's these are."""
    signs = [-1.0 if name in MAXIMISED else 1.0 for name in (x, y)]

    def losses(front: pd.DataFrame) -> list[tuple[float, float]]:
        return [(signs[0] * float(p), signs[1] * float(q)) for p, q in zip(front[x], front[y], strict=True)]

    ours, theirs = losses(one), losses(other)
    wins = [[p[0] <= q[0] and p[1] <= q[1] and p != q for q in theirs] for p in ours]
    trials = tuple(int(trial) for trial, row in zip(one["trial"], wins, strict=True) if any(row))
    return trials, sum(any(column) for column in zip(*wins, strict=True))


def trial_figures(a: Evidence, b: Evidence) -> list[Side]:
    """Figures of two single trials, those that either has; where they ran, if that differs."""
    rows = [one.table.iloc[0] for one in (a, b)]
    found = []
    for name in (*TRIAL_COLUMNS, *MACHINE_COLUMNS):
        values = [_plain(row.get(name)) for row in rows]
        is_told = any(value is not None for value in values) and (
            name not in MACHINE_COLUMNS or values[0] != values[1]
        )
        if is_told:
            found.append(Side(name, *values))
    return found


def sweep_figures(a: Evidence, b: Evidence) -> list[Side]:
    """How much was tried on each side, and what it took."""
    sides = []
    for one in (a, b):
        table = one.table
        counts = table["state"].value_counts()
        complete = table[table["state"] == "COMPLETE"]
        sides.append(
            {
                "trials": len(table),
                "COMPLETE": int(counts.get("COMPLETE", 0)),
                "PRUNED": int(counts.get("PRUNED", 0)),
                "FAIL": int(counts.get("FAIL", 0)),
                "configurations": int(configuration_groups(complete).nunique()) if len(complete) else 0,
                "training, s": _sum(table, "train_seconds"),
            }
        )
    return [
        Side(name, sides[0][name], sides[1][name]) for name in sides[0] if sides[0][name] or sides[1][name]
    ]


def _sum(table: pd.DataFrame, name: str) -> float | None:
    if name not in table.columns:
        return None
    return float(pd.to_numeric(table[name], errors="coerce").sum())


def _plain(value: Any) -> Any:
    if value is None or (pd.api.types.is_scalar(value) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def is_better(name: str, a: float, b: float) -> str:
    """Which of two figures is the better one: ``A``, ``B``, or nothing.

    >>> is_better("macs", 1, 2), is_better("val_acc", 0.1, 0.2), is_better("depth", 1, 2)
    ('A', 'B', '')
    """
    better = COLUMNS[name].better if name in COLUMNS else ""
    if not better or a == b:
        return ""
    return "A" if (a > b) == (better == "larger") else "B"
