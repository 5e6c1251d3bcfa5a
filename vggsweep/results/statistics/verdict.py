"""The verdict: what the finished trials of a table say, in a sentence, and how sure one may be.

It never says more than the numbers do. The best network is set against every other one; those that lie
within the noise (`vggsweep.results.statistics.noise`) may be as good, and the cheapest of them is named.
Where no network is better than guessing, that is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from vggsweep.results.columns import COLUMNS, COSTS, MAXIMISED, has_dials
from vggsweep.results.statistics.front import machines, same_data
from vggsweep.results.statistics.front_summary import front_course
from vggsweep.results.statistics.noise import Interval, Noise, SeedNoise, noise_behind
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.units import short_count

# Costs within this ratio of each other count as equal: a budget is met to 2 % on either side.
EQUAL = 1.06
MOST_NAMED = 6


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


@dataclass(frozen=True)
class Verdict:
    """What a table says.

    Args:
        question: what was asked, as a sentence.
        answer: what was found.
        uncertainty: where the intervals come from and what they leave out.
        cautions: what a reader should know before believing any of it.
        standings: of each group of equal cost, or of all, the configurations from the best down.
        equal_cost: the column in which each group's networks cost the same, or None.
    """

    question: str
    answer: str
    uncertainty: str
    cautions: tuple[str, ...] = ()
    standings: tuple[tuple[Standing, ...], ...] = ()
    equal_cost: str | None = None


def reach_verdict(table: pd.DataFrame, x: str = "macs", y: str = "val_acc") -> Verdict:
    """Read a table as a careful person would.

    Args:
        table: a results table, of any mix of sweeps and single runs; of several data sets only that with
            the most finished trials is judged (`vggsweep.results.statistics.front.same_data`).
        x: the cost.
        y: an accuracy.
    """
    table, on_others = same_data(table)
    means = _finished_means(table, y)
    cautions = (*([on_others] if on_others is not None else []), *_cautions(table, means))
    question = _question(means if len(means) else table, x)
    if means.empty:
        states = ", ".join(f"{count} {state}" for state, count in table["state"].value_counts().items())
        return Verdict(
            question, f"No trial has finished ({states or 'none was run'}): nothing to conclude yet.", ""
        )
    noise = noise_behind(table, means, y)
    equal_cost, parts = equal_cost_groups(means, x) or (None, (means,))
    standings = tuple(_standings(part, equal_cost or x, y, noise) for part in parts)
    answer = _chance_answer(standings, y)
    if not answer:
        found = (
            [_equal_cost_answer(part, equal_cost, y) for part in standings]
            if equal_cost is not None
            else [_free_answer(means, standings[0], x, y), front_course(table, x, y)]
        )
        answer = " ".join(filter(None, (*found, _failed_trainings(standings))))
    return Verdict(question, answer, _uncertainty(noise, y, standings), cautions, standings, equal_cost)


def equal_cost_groups(means: pd.DataFrame, x: str = "macs") -> tuple[str, tuple[pd.DataFrame, ...]] | None:
    """Groups of networks of equal cost by construction, or None where costs are free.

    A table is one of equal cost where, for some cost, every network belongs to a group whose costs lie within
    6 % of each other and whose depths differ.
    """
    for name in sorted(COSTS, key=lambda name: name != x):
        if name not in means.columns or "depth" not in means.columns:
            continue
        costs = pd.to_numeric(means[name], errors="coerce").astype(float)
        if not (costs > 0).all():
            continue
        ordered = costs.sort_values(kind="stable")
        number = (ordered / ordered.shift() > EQUAL).cumsum()
        parts = [means.loc[group.index] for _, group in ordered.groupby(number)]
        if all(
            costs[part.index].max() / costs[part.index].min() <= EQUAL and part["depth"].nunique() > 1
            for part in parts
        ):
            return name, tuple(parts)
    return None


def _finished_means(table: pd.DataFrame, y: str) -> pd.DataFrame:
    if y not in table.columns or table.empty:
        return table.iloc[:0].assign(seeds=0)
    means = mean_over_seeds(table)
    kept: pd.DataFrame = means[(means["state"] == "COMPLETE") & means[y].notna()]
    return kept


def _standings(means: pd.DataFrame, x: str, y: str, noise: Noise | None) -> tuple[Standing, ...]:
    rows = means.sort_values(y, ascending=False, kind="stable")
    varied = varied_settings(means)
    best = (float(rows[y].iloc[0]), int(rows["seeds"].iloc[0]))
    found: list[Standing] = []
    for label, row in rows.iterrows():
        accuracy, seeds = float(row[y]), int(row["seeds"])
        margin = noise.margin(best, (accuracy, seeds), len(rows) - 1) if noise is not None and found else None
        cost = row.get(x)
        found.append(
            Standing(
                label=label,
                name=describe_network(row, varied),
                accuracy=accuracy,
                interval=noise.interval(accuracy, seeds) if noise is not None else None,
                seeds=seeds,
                cost=None if cost is None or pd.isna(cost) else float(cost),
                margin=margin,
                is_told_apart=margin is not None and best[0] - accuracy > margin,
                is_at_chance=row.get("at_chance") in (True,),
            )
        )
    return tuple(found)


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


def _question(table: pd.DataFrame, x: str) -> str:
    varied = varied_settings(table) if len(table) else []
    data = sorted(set(table["dataset"].dropna().map(str))) if "dataset" in table.columns else []
    where = f" on {' and '.join(data)}" if data else ""
    if "arch" in varied:
        return f"Which family of networks is the better buy{where}?"
    if {"depth", "width"} <= set(varied):
        return f"Is a deeper or a wider network the better buy{where}?"
    if varied:
        names = varied[:3] + (["…"] if len(varied) > 3 else [])
        return f"What does {' and '.join(names)} change in accuracy and in {_cost_word(x)}{where}?"
    return f"How accurate is this network{where}, and what does it cost?"


def _cost_word(x: str) -> str:
    return (COLUMNS[x].amount if x in COLUMNS else "") or x


def _accuracy(standing: Standing, y: str) -> str:
    interval = f", 95 % interval {standing.interval}" if standing.interval is not None else ""
    seeds = f", mean of {standing.seeds} seeds" if standing.seeds > 1 else ""
    return f"{y} {standing.accuracy:.3f}{seeds}{interval}"


def _leaders(standings: Sequence[Standing]) -> str:
    """Who leads: one network alone, or several that are equally accurate."""
    tied = [standing.name for standing in standings if standing.accuracy == standings[0].accuracy]
    if len(tied) == 1:
        return f"{tied[0]} is the most accurate"
    return f"{_listed(tied)} are equally accurate"


def _equal_cost_answer(standings: Sequence[Standing], cost: str, y: str) -> str:
    best = standings[0]
    costs = sorted(standing.cost for standing in standings if standing.cost is not None)
    start = f"At equal cost (about {short_count(costs[len(costs) // 2])} {_cost_word(cost)}) "
    behind = [standing for standing in standings if standing.accuracy < best.accuracy]
    equal = [standing for standing in behind if not standing.is_told_apart]
    worse = len(behind) - len(equal)
    lie = "lies" if len(equal) == 1 else "lie"
    leader = f"{_leaders(standings)} ({_accuracy(best, y)})"
    if not behind and len(standings) > 1:
        return f"{start}no network is better than another: {leader}."
    if not equal:
        return f"{start}{leader}, and {_others(worse, all_=True)} worse by more than the noise."
    if worse == 0:
        rest = "the other one" if len(equal) == 1 else f"the {len(equal)} others"
        return (
            f"{start}no network is better than another by more than the noise: {leader}, but {rest}, "
            f"down to {standings[-1].accuracy:.3f}, {lie} within it."
        )
    names = _listed([standing.name for standing in equal])
    return f"{start}{leader}; {names} {lie} within its noise, {_others(worse)} worse by more."


def _free_answer(means: pd.DataFrame, standings: Sequence[Standing], x: str, y: str) -> str:
    best = standings[0]
    cost = f" at {short_count(best.cost)} {_cost_word(x)}" if best.cost is not None else ""
    if len(standings) == 1:
        found = f"One network has finished: {best.name}, {_accuracy(best, y)}{cost}."
        return f"{found} A comparison needs a second one."
    reached = f"({_accuracy(best, y)}{cost})"
    answer = f"The most accurate of {len(standings)} networks is {best.name} {reached}."
    if standings[1].accuracy == best.accuracy:
        answer = f"Of {len(standings)} networks {_leaders(standings)} {reached}, and none is more."
    equal = [standing for standing in standings[1:] if not standing.is_told_apart]
    if not equal:
        return f"{answer} It beats every other one by more than the noise."
    if x not in means.columns or x in MAXIMISED or machines(means, x, y).nunique() > 1:
        return f"{answer} {_others(len(equal))} within the noise of it."
    cheaper = [s for s in equal if s.cost is not None and best.cost is not None and s.cost < best.cost]
    if not cheaper:
        return f"{answer} {_others(len(equal))} within the noise of it, but none costs less."
    least = min(cheaper, key=lambda standing: (standing.cost or 0.0, -standing.accuracy))
    assert least.cost is not None
    assert best.cost is not None
    gap = best.accuracy - least.accuracy
    loss = "the same accuracy" if gap < 0.0005 else f"{gap:.3f} less, which the noise allows"
    return (
        f"{answer} The cheapest within the noise of it is {least.name}: {short_count(least.cost)} "
        f"{_cost_word(x)}, {least.cost / best.cost:.0%} of the cost, {y} {least.accuracy:.3f} ({loss})."
    )


def _chance_answer(groups: Sequence[Sequence[Standing]], y: str) -> str:
    """What there is to say where every network only guesses; else nothing."""
    standings = [standing for group in groups for standing in group]
    if not all(standing.is_at_chance for standing in standings):
        return ""
    least, most = (pick(standing.accuracy for standing in standings) for pick in (min, max))
    values = f"{most:.3f}" if len(standings) == 1 else f"{least:.3f} to {most:.3f}"
    who = "The network" if len(standings) == 1 else f"All {len(standings)} networks"
    return (
        f"{who} stayed at chance: losses and accuracies ({y} {values}) are those of guessing, so there is "
        "nothing to compare. Another optimizer.lr or more train.epochs is the first thing to try."
    )


def _failed_trainings(groups: Sequence[Sequence[Standing]]) -> str:
    """That networks at chance say nothing of their architectures; empty where there are none."""
    failed = sum(standing.is_at_chance for standings in groups for standing in standings)
    if not failed:
        return ""
    whose = "One of them" if failed == 1 else f"{failed} of them"
    return f"{whose} stayed at chance: a training that failed is no finding about an architecture."


def _others(count: int, *, all_: bool = False) -> str:
    """Subject and verb.

    >>> _others(1), _others(3), _others(1, all_=True), _others(3, all_=True)
    ('1 other is', '3 others are', 'the other is', 'all 3 others are')
    """
    if count == 1:
        return "the other is" if all_ else "1 other is"
    return f"all {count} others are" if all_ else f"{count} others are"


def _listed(names: Sequence[str]) -> str:
    shown = list(names[:MOST_NAMED])
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED} more")
    return shown[0] if len(shown) == 1 else f"{'; '.join(shown[:-1])} and {shown[-1]}"


def _uncertainty(noise: Noise | None, y: str, groups: Sequence[Sequence[Standing]]) -> str:
    if noise is None:
        why = "The number of validation images is not known"
        if y == "balanced_acc":
            why = (
                "Only seeds tell how far balanced_acc scatters (sweep.replicates=3), and there is one of each"
            )
        return f"{why}, so no interval can be given: take small differences as noise."
    others = max(1, *(len(group) - 1 for group in groups))
    margin = f"differences from the best below {_margins(noise, groups)} are noise"
    if others > 1:
        margin += f" (95 % for all {others} comparisons together, Bonferroni)"
    if isinstance(noise, SeedNoise):
        return (
            f"The noise is that of the seeds: one trial's {y} scatters by {noise.std:.4f} (standard "
            f"deviation pooled over configurations, {noise.freedom} degrees of freedom, Student's t), and "
            f"{margin}. All networks answer the same validation images; other images would shift all of them."
        )
    return (
        "No configuration was trained with a second seed, so the noise is only the binomial error of "
        f"counting on {noise.images:,} validation images: {margin}. What another seed would change is not "
        "known; sweep.replicates=3 measures it."
    )


def _margins(noise: Noise, groups: Sequence[Sequence[Standing]]) -> str:
    """The margins by which networks were judged, as one number where they are one to three digits."""
    margins = [one.margin for group in groups for one in group if one.margin is not None]
    if not margins:
        only = (groups[0][0].accuracy, groups[0][0].seeds)
        margins = [noise.margin(only, only)]
    least, most = f"{min(margins):.3f}", f"{max(margins):.3f}"
    return least if least == most else f"{least} to {most}, depending on the network,"


def _cautions(table: pd.DataFrame, means: pd.DataFrame) -> list[str]:
    differences = (
        ("epochs", "networks were trained for different numbers of epochs ({})"),
        ("resolution", "images have different resolutions ({} px)"),
    )
    found = [
        text.format(", ".join(map(str, sorted(set(means[name].dropna())))))
        for name, text in differences
        if name in means.columns and means[name].dropna().nunique() > 1
    ]
    counts, total = table["state"].value_counts(), len(table)
    if counts.get("PRUNED", 0):
        found.append(
            f"{counts['PRUNED']} of {total} trials were pruned before their last epoch and are not judged"
        )
    stuck = int(means["at_chance"].isin([True]).sum()) if "at_chance" in means.columns else 0
    if 0 < stuck < len(means):
        subject = "1 network" if stuck == 1 else f"{stuck} networks"
        found.append(f"{subject} of {len(means)} stayed at chance: no better than guessing")
    if counts.get("FAIL", 0):
        found.append(f"{counts['FAIL']} of {total} trials failed; their reasons stand below")
    if len(means) > 1:
        unopened = "" if "test_acc" in means.columns else ", and the test set was not opened"
        found.append(
            "the best of many looks better than it is: it was picked on these same validation images"
            + unopened
        )
    return found
