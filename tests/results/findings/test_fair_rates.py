"""Networks at one learning rate for all beside each at its own: only fresh seeds count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.results.made_tables import network, results
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.figures import rate_points
from vggsweep.results.findings.evidence import Evidence, SweepFacts
from vggsweep.results.findings.fair_rates import FairComparison, at_own_rates, compare_fairly

FACTS = SweepFacts("mine", objective=("val_acc",), fair=FairFacts(common_rate=0.1, seed=0))
# of about equal MACs
SHALLOW, DEEP = network(4, 16), network(8, 8)
SEARCH = {0.01: 0.80, 0.1: 0.86, 1.0: 0.80}


def trials(of: dict[str, Any], values: dict[float, float], *seeds: int) -> list[dict[str, Any]]:
    """One trial a rate and seed; a later seed is a little better."""
    return [
        {**of, "lr": lr, "seed": seed, "val_acc": value + 0.001 * seed, "val_images": 2000}
        for lr, value in values.items()
        for seed in seeds
    ]


def compared(*rows: dict[str, Any], facts: SweepFacts = FACTS) -> FairComparison | None:
    return compare_fairly(Evidence(results(*rows), {}, (), (facts,)))


@pytest.fixture
def rows() -> list[dict[str, Any]]:
    """The shallow one is better at the common rate, the deep one at its own."""
    return [
        *trials(SHALLOW, SEARCH, 0),
        *trials(DEEP, {0.01: 0.86, 0.1: 0.80, 1.0: 0.70}, 0),
        *trials(SHALLOW, {0.1: 0.86, 0.09: 0.861}, 1, 2),
        *trials(DEEP, {0.1: 0.80, 0.013: 0.89}, 1, 2),
    ]


def test_the_verdicts_at_the_common_rate_and_at_each_ones_own_may_differ(rows: list[dict[str, Any]]) -> None:
    found = compared(*rows)

    assert found is not None
    assert found.has_compared
    assert "is depth 4, width 16 (" in found.at_common.answer
    assert "is depth 8, width 8, lr 0.013 (" in found.at_own.answer
    assert [one.at_common for one in found.rates] == pytest.approx([0.8615, 0.8015])
    assert [one.at_own for one in found.rates] == pytest.approx([0.8625, 0.8915])


def test_a_network_whose_own_rate_is_the_common_one_stands_on_both_sides() -> None:
    found = compared(
        *(row for net in (SHALLOW, DEEP) for row in trials(net, SEARCH, 0)),
        *(row for net in (SHALLOW, DEEP) for row in trials(net, {0.1: 0.86}, 1, 2)),
    )

    assert found is not None
    assert {one.best.rate for one in found.rates} == {0.1}
    assert [one.at_own for one in found.rates] == [one.at_common for one in found.rates]
    assert len(found.at_own.standings[0]) == 2


def test_of_a_search_that_went_on_the_rate_that_was_compared_last_is_the_networks_own(
    rows: list[dict[str, Any]],
) -> None:
    found = compared(*rows, *trials(DEEP, {0.02: 0.87}, 1, 2))

    assert found is not None
    assert sorted(one.name for one in found.at_own.standings[0]) == [
        *("depth 4, width 16, lr 0.09", "depth 8, width 8, lr 0.02")
    ]
    assert [one.at_own for one in found.rates] == pytest.approx([0.8625, 0.8715])


def test_what_looked_best_in_the_search_counts_for_nothing_in_the_comparison(
    rows: list[dict[str, Any]],
) -> None:
    lucky = [{**row, "val_acc": 0.99} if row["seed"] == 0 and row["lr"] == 0.1 else row for row in rows]
    before, after = compared(*rows), compared(*lucky)

    assert before is not None
    assert after is not None
    assert after.at_common == before.at_common
    assert [one.at_common for one in after.rates] == [one.at_common for one in before.rates]


def test_the_search_alone_has_rates_and_no_comparison(rows: list[dict[str, Any]]) -> None:
    found = compared(*rows[:6])

    assert found is not None
    assert len(found.rates) == 2
    assert not found.has_compared
    assert {one.at_own for one in found.rates} == {None}


def test_a_network_that_waits_for_its_own_rate_is_not_judged_at_the_common_one(
    rows: list[dict[str, Any]],
) -> None:
    found = compared(*(row for row in rows if row["lr"] != 0.013))

    assert found is not None
    assert {one.name: one.at_own for one in found.rates}["depth 8, width 8"] is None


def test_an_optimum_at_the_end_of_what_was_searched_asks_for_a_wider_range(
    rows: list[dict[str, Any]],
) -> None:
    steep = [*trials(DEEP, {0.01: 0.89, 0.1: 0.80, 1.0: 0.50}, 0), *trials(SHALLOW, SEARCH, 0)]
    found = compared(*steep)

    assert found is not None
    (warning,) = found.warnings
    assert warning.startswith("the best rate of depth 8, width 8, 0.01, lies on the edge")
    assert "widen the values of optimizer.lr" in warning


def test_other_sweeps_and_several_at_once_have_no_fair_comparison(rows: list[dict[str, Any]]) -> None:
    assert compared(*rows, facts=replace(FACTS, fair=None)) is None
    assert compare_fairly(Evidence(results(*rows), {}, (), (FACTS, FACTS))) is None
    assert compared({**SHALLOW, "state": "FAIL"}) is None


def test_the_figures_points_are_the_searchs_trials_with_the_rate_that_was_taken(
    rows: list[dict[str, Any]],
) -> None:
    points: pd.DataFrame = rate_points(results(*rows))

    assert len(points) == 6
    assert points.groupby("network")["rate"].apply(list).tolist() == [[0.01, 0.1, 1.0]] * 2
    taken = points.groupby("network")["best"].first()
    assert taken["depth 4, width 16"] == pytest.approx(0.1, rel=0.3), "drawn a little towards the other"
    assert taken["depth 8, width 8"] < 0.05


def test_beside_other_sweeps_only_the_trials_at_own_rates_stay(rows: list[dict[str, Any]]) -> None:
    """Beside one that was copied and renamed, whose records tell the same sweep's name."""
    mine, other = (
        replace(FACTS, path=Path("/outputs/mine")),
        SweepFacts("other", objective=("val_acc",), path=Path("/outputs/other")),
    )
    table = results(*rows, *rows)
    table["dir"] = [f"/outputs/{name}/trials/0" for name in ("mine", "other") for _ in rows]

    kept = at_own_rates(Evidence(table, {}, (), (mine, other))).table

    is_mine = kept["dir"].str.contains("mine")
    mine = kept[is_mine]
    assert sorted(zip(mine["depth"], mine["lr"], mine["seed"], strict=True)) == [
        *((4, 0.09, seed) for seed in (1, 2)),
        *((8, 0.013, seed) for seed in (1, 2)),
    ]
    assert len(kept[~is_mine]) == len(rows)
