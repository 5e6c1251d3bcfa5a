"""The verdict: what the finished trials of a table say, in a sentence, and how sure one may be.

It never says more than the numbers do. The best network is set against every other one; those that lie
within the noise may be as good, and the cheapest of them is named. The noise is that of a comparison image by
image (`vggsweep.results.statistics.paired`) where all trials kept their answers, else that of accuracies
(`vggsweep.results.statistics.noise`).
Where no network is better than guessing, that is the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from vggsweep.results.columns import COLUMNS, COSTS, MAXIMISED
from vggsweep.results.findings.standing import Standing, find_standings, middle_cost
from vggsweep.results.findings.uncertainty import uncertainty
from vggsweep.results.statistics.answered import Answered, answers_behind
from vggsweep.results.statistics.front import machines, same_data
from vggsweep.results.statistics.front_summary import front_course
from vggsweep.results.statistics.noise import noise_behind
from vggsweep.results.statistics.replicates import mean_over_seeds
from vggsweep.results.statistics.settings import varied_settings
from vggsweep.results.units import short_count

# Costs within this ratio of each other count as equal: a budget is met to 2 % on either side.
EQUAL = 1.06
# The same of networks made for one budget: `budget.tolerance` may be wider where networks are lean.
EQUAL_BY_BUDGET = 1.15
# Budgets within this ratio are one budget.
ONE_BUDGET = 1.001
MOST_NAMED = 6
# How a caution begins that does not hold for networks that another sweep chose.
PICKED = "the best of many looks better than it is"


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
    answered = answers_behind(table, means.index.tolist(), y)
    # With one seed each they would tell trained networks apart, and a verdict is about configurations: of one
    # and the same, two seeds were told apart in 40 cases of 100 (docs/evidence.md).
    by_image = answered if isinstance(answered, Answered) and answered.scatter is not None else None
    standings = tuple(find_standings(part, equal_cost or x, y, noise, by_image) for part in parts)
    answer = _chance_answer(standings, y)
    if not answer:
        found = (
            [_equal_cost_answer(part, equal_cost, y) for part in standings]
            if equal_cost is not None
            else [_free_answer(means, standings[0], x, y), front_course(table, x, y)]
        )
        answer = " ".join(filter(None, (*found, _failed_trainings(standings))))
    doubt = uncertainty(noise, y, standings, answered)
    return Verdict(question, answer, doubt, cautions, standings, equal_cost)


def equal_cost_groups(means: pd.DataFrame, x: str = "macs") -> tuple[str, tuple[pd.DataFrame, ...]] | None:
    """Groups of networks of equal cost, or None where costs are free.

    A table is one of equal cost where every network belongs to a group whose costs lie within 6 % of each
    other and whose depths differ: in the cost ``x``, or where all networks were made for a budget in the cost
    that this was of, and within 15 %. Without one, networks that cost the same in some other way do so by
    chance.
    """
    has_budget = "budget_residual" in means.columns and bool(means["budget_residual"].notna().all())
    missed = means["budget_residual"].astype(float) if has_budget else 0.0
    apart, most = (ONE_BUDGET, EQUAL_BY_BUDGET) if has_budget else (EQUAL, EQUAL)
    for name in sorted(COSTS, key=lambda name: name != x) if has_budget else [x]:
        if name not in means.columns or "depth" not in means.columns:
            continue
        costs = pd.to_numeric(means[name], errors="coerce").astype(float)
        if not (costs > 0).all():
            continue
        ordered = (costs / (1.0 + missed)).sort_values(kind="stable")
        number = (ordered / ordered.shift() > apart).cumsum()
        parts = [means.loc[group.index] for _, group in ordered.groupby(number)]
        if all(
            costs[part.index].max() / costs[part.index].min() <= most and part["depth"].nunique() > 1
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


def _question(table: pd.DataFrame, x: str) -> str:
    varied = varied_settings(table) if len(table) else []
    data = sorted(set(table["dataset"].dropna().map(str))) if "dataset" in table.columns else []
    where = f" on {' and '.join(data)}" if data else ""
    if "contender" in varied:
        return f"Which contender is the better buy{where}?"
    if "arch" in varied:
        return f"Which family of networks is the better buy{where}?"
    if {"depth", "width", "resolution"} <= set(varied):
        return f"Is a deeper network, a wider one or one for larger images the better buy{where}?"
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
    middle = middle_cost(standings)
    assert middle is not None
    start = f"At equal cost (about {short_count(middle)} {_cost_word(cost)}) "
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
    has_cost = x in means.columns and x not in MAXIMISED and machines(means, x, y).nunique() <= 1
    cheaper = [s for s in equal if s.cost is not None and best.cost is not None and s.cost < best.cost]
    if not has_cost or not cheaper:
        near = [s for s in equal if s.accuracy < best.accuracy]  # equal leaders are named above
        if near:
            price = ", but none costs less" if has_cost else ""
            return f"{answer} {_others(len(near))} within the noise of it{price}."
        is_last = standings[-1].accuracy == best.accuracy
        return answer if is_last else f"{answer} All others are worse by more than the noise."
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
        found.append(f"{PICKED}: it was picked on these same validation images")
    return found
