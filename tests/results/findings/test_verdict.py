"""The verdict: what it says of free sweeps, equal-cost sweeps and single runs, and what it never says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.results.made_tables import network, results
from vggsweep.results.findings.standing import describe_network
from vggsweep.results.findings.verdict import equal_cost_groups, reach_verdict


def grid(*accuracies: tuple[int, int, float], seeds: int = 1, spread: float = 0.0) -> pd.DataFrame:
    """Networks of a depth, a width and an accuracy, the last shifted a little for each seed."""
    shifts = np.linspace(-spread, spread, seeds) if seeds > 1 else [0.0]
    rows: list[dict[str, Any]] = [
        {**network(depth, width), "seed": seed, "val_acc": acc + shift}
        for depth, width, acc in accuracies
        for seed, shift in enumerate(shifts)
    ]
    return results(*rows)


def test_small_differences_of_single_seeds_are_called_noise() -> None:
    verdict = reach_verdict(grid((4, 4, 0.89), (8, 8, 0.9)).assign(val_images=1_000))

    assert (
        "The most accurate of 2 networks is depth 8, width 8 (val_acc 0.900, 95 % interval 0.880–0.917"
        in (verdict.answer)
    )
    assert "The cheapest within the noise of it is depth 4, width 4" in verdict.answer
    assert "(0.010 less, which the noise allows)" in verdict.answer
    assert "binomial error of counting on 1,000 validation images" in verdict.uncertainty
    assert "sweep.replicates=3" in verdict.uncertainty


def test_large_differences_are_told_apart() -> None:
    verdict = reach_verdict(grid((4, 4, 0.6), (8, 8, 0.9)).assign(val_images=1_000))

    assert "It beats every other one by more than the noise." in verdict.answer
    assert [standing.is_told_apart for standing in verdict.standings[0]] == [False, True]


def test_the_noise_that_is_told_is_that_by_which_each_network_is_judged() -> None:
    # 1.96 standard errors (two comparisons together: 2.24), with two more answers on each side
    told = reach_verdict(grid((4, 4, 0.5), (6, 6, 0.85), (8, 8, 0.9)).assign(val_images=1_000))

    assert [one.margin and round(one.margin, 3) for one in told.standings[0]] == [None, 0.033, 0.041]
    assert "differences from the best below 0.033 to 0.041, depending on the network, are" in told.uncertainty

    alone = reach_verdict(grid((8, 8, 0.9)).assign(val_images=1_000))
    assert "differences from the best below 0.026 are noise" in alone.uncertainty
    pair = reach_verdict(grid((6, 6, 0.85), (8, 8, 0.9)).assign(val_images=1_000))
    assert "differences from the best below 0.029 are noise" in pair.uncertainty


def test_replicates_bring_the_noise_of_the_seeds() -> None:
    table = grid((4, 4, 0.89), (8, 8, 0.9), seeds=3, spread=0.001)

    verdict = reach_verdict(table.assign(val_images=1_000))

    assert "mean of 3 seeds" in verdict.answer
    assert "noise is that of the seeds" in verdict.uncertainty
    assert "It beats every other one" in verdict.answer


def equal_cost(*accuracies: float, cost: int = 30_000_000, seeds: int = 1) -> list[dict[str, Any]]:
    """Depths from 5 up at one cost of MACs, met to 2 %."""
    return [
        {
            "arch": "vgg_scaled",
            "depth": 5 + at,
            "width": 40 - 3 * at,
            "macs": int(cost * (1 + 0.02 * (-1) ** at)),
            "params": 100_000 * (at + 1),
            "seed": seed,
            "val_acc": acc + 0.001 * seed,
        }
        for at, acc in enumerate(accuracies)
        for seed in range(seeds)
    ]


def test_equal_costs_are_noticed_and_depths_compared_at_that_cost() -> None:
    table = results(*equal_cost(0.88, 0.905, 0.9045, 0.85, seeds=3))

    verdict = reach_verdict(table)

    assert verdict.equal_cost == "macs"
    assert verdict.answer == (
        "At equal cost (about 30M MACs) depth 6, width 37 is the most accurate (val_acc 0.906, mean of 3 "
        "seeds, 95 % interval 0.905–0.907); depth 7, width 34 lies within its noise, 2 others "
        "are worse by more."
    )


def test_each_budget_has_its_own_answer() -> None:
    table = results(*equal_cost(0.88, 0.9, cost=10_000_000), *equal_cost(0.9, 0.88, cost=40_000_000))

    verdict = reach_verdict(table.assign(val_images=100_000))

    assert len(verdict.standings) == 2
    assert verdict.answer.count("At equal cost") == 2
    assert verdict.answer.index("depth 6, width 37") < verdict.answer.index("depth 5, width 40")


def test_no_depth_is_named_best_where_none_is_told_from_another() -> None:
    verdict = reach_verdict(results(*equal_cost(0.9, 0.901, 0.902)).assign(val_images=500))

    assert "no network is better than another by more than the noise" in verdict.answer
    assert "the 2 others, down to 0.900, lie within it" in verdict.answer


def test_of_networks_that_tie_none_is_called_the_most_accurate() -> None:
    tie = reach_verdict(results(*equal_cost(0.9, 0.9, 0.8)).assign(val_images=10_000)).answer
    assert "depth 6, width 37 and depth 5, width 40 are equally accurate (val_acc 0.900" in tie
    all_tie = reach_verdict(results(*equal_cost(0.9, 0.9)).assign(val_images=500)).answer
    assert "no network is better than another: depth 6, width 37 and depth 5" in all_tie
    free = reach_verdict(grid((4, 4, 0.9), (8, 8, 0.9)).assign(val_images=500)).answer
    assert free.startswith("Of 2 networks depth 4, width 4 and depth 8, width 8 are equally accurate")

    assert not any("most accurate" in answer for answer in (tie, all_tie, free))


def test_free_costs_are_not_taken_for_equal_ones() -> None:
    assert equal_cost_groups(grid((4, 4, 0.8), (8, 8, 0.9))) is None
    # one network under several learning rates costs the same, but compares no depths
    rows = [{**network(4, 4), "lr": lr, "val_acc": 0.5} for lr in (0.1, 0.2)]
    assert equal_cost_groups(results(*rows).assign(seeds=1)) is None


def test_single_run_is_one_network_and_no_comparison() -> None:
    verdict = reach_verdict(grid((5, 6, 0.404)).assign(val_images=250))

    assert verdict.question == "How accurate is this network on fashion_mnist_mini, and what does it cost?"
    assert verdict.answer.startswith(
        "One network has finished: depth 5, width 6, val_acc 0.404, 95 % interval"
    )
    assert verdict.answer.endswith("A comparison needs a second one.")


def test_networks_that_cost_the_same_by_chance_in_another_way_are_no_budget() -> None:
    rows = [{**network(depth, 8), "activations": 1000, "val_acc": 0.5 + depth / 20} for depth in (4, 6)]

    assert reach_verdict(results(*rows)).equal_cost is None
    made_for_it = results(*({**row, "budget_residual": 0.01} for row in rows))
    assert reach_verdict(made_for_it).equal_cost == "activations"


def test_networks_that_share_the_first_place_are_not_counted_among_the_others() -> None:
    def answer(*further: tuple[int, int, float]) -> str:
        tied = ((4, 4, 0.9), (8, 8, 0.9))
        return reach_verdict(grid(*tied, *further).assign(val_images=1_000)).answer

    assert answer().endswith(", and none is more.")
    assert answer((8, 12, 0.89)).endswith(" 1 other is within the noise of it, but none costs less.")
    near_and_far = answer((8, 12, 0.89), (8, 16, 0.88), (8, 20, 0.5))
    assert near_and_far.endswith(" 2 others are within the noise of it, but none costs less.")
    assert answer((8, 20, 0.5)).endswith(", and none is more. All others are worse by more than the noise.")


def test_networks_that_met_one_budget_cost_the_same_although_its_tolerance_is_wide() -> None:
    def meeting(*targets_and_misses: tuple[float, float]) -> list[dict[str, object]]:
        return [
            {**network(depth, 8), "macs": target * (1 + missed), "budget_residual": missed, "val_acc": 0.5}
            for depth, (target, missed) in enumerate(targets_and_misses, start=4)
        ]

    one = reach_verdict(results(*meeting((3.5e6, -0.04), (3.5e6, 0.05), (3.5e6, 0.0))))
    assert (one.equal_cost, len(one.standings)) == ("macs", 1)
    two = reach_verdict(results(*meeting((3.5e6, 0.02), (3.5e6, -0.02), (3.6e6, -0.02), (3.6e6, 0.02))))
    assert (two.equal_cost, len(two.standings)) == ("macs", 2), "of two budgets each has its own comparison"
    far = reach_verdict(results(*meeting((3.5e6, -0.2), (3.5e6, 0.2))))
    assert far.equal_cost is None, "nobody would call these equal"


def test_nothing_finished_concludes_nothing() -> None:
    failed = results({**network(4, 4), "state": "FAIL"})

    assert reach_verdict(failed).answer == "No trial has finished (1 FAIL): nothing to conclude yet."
    assert "none was run" in reach_verdict(failed.iloc[:0]).answer


def test_varied_settings_name_a_network() -> None:
    rows = [{**network(4, 4), "lr": lr, "val_acc": acc} for lr, acc in ((0.1, 0.7), (0.01, 0.9))]

    verdict = reach_verdict(results(*rows).assign(val_images=1_000))

    assert verdict.question == "What does lr change in accuracy and in MACs on fashion_mnist_mini?"
    assert "depth 4, width 4, lr 0.01" in verdict.answer


@pytest.mark.parametrize(
    ("settings", "question"),
    [
        ({}, "Is a deeper or a wider network the better buy"),
        (
            {"resolution": [28, 56]},
            "Is a deeper network, a wider one or one for larger images the better buy",
        ),
        ({"arch": ["vgg_scaled", "vgg_c"]}, "Which family of networks is the better buy"),
        ({"arch": ["vgg_scaled", "vgg_c"], "contender": ["b", "c"]}, "Which contender is the better buy"),
    ],
)
def test_question_is_that_of_what_was_varied(settings: dict[str, list[object]], question: str) -> None:
    table = results(*({**network(depth, depth), "val_acc": 0.5 + depth / 20} for depth in (4, 6)))

    assert question in reach_verdict(table.assign(**settings, val_images=1_000)).question


def test_equal_networks_of_two_sweeps_are_named_with_their_sweep() -> None:
    both = pd.concat([grid((4, 4, 0.6), (8, 8, 0.9)), grid((4, 4, 0.7))], ignore_index=True)

    verdict = reach_verdict(both.assign(val_images=1_000, sweep=["one", "one", "two"]))

    assert [one.name for one in verdict.standings[0]] == [
        "depth 8, width 8",
        "depth 4, width 4 (two)",
        "depth 4, width 4 (one)",
    ]
    assert "is depth 8, width 8 (val_acc" in verdict.answer


def test_only_trials_on_one_data_set_are_judged() -> None:
    digits = [{**network(4, width), "val_acc": acc} for width, acc in ((4, 0.97), (8, 0.99))]
    clothes = [{**network(4, width), "val_acc": acc} for width, acc in ((4, 0.7), (8, 0.9), (16, 0.8))]
    table = results(
        *({**row, "dataset": "mnist"} for row in digits),
        *({**row, "dataset": "fashion_mnist"} for row in clothes),
    )

    verdict = reach_verdict(table.assign(val_images=10_000))

    alone = reach_verdict(table[table["dataset"] == "fashion_mnist"].assign(val_images=10_000))
    assert (verdict.question, verdict.answer, verdict.standings) == (
        alone.question,
        alone.answer,
        alone.standings,
    )
    assert verdict.cautions[0] == (
        "accuracies on different images do not compare: only trials on fashion_mnist are judged, "
        "those on mnist are listed (--where chooses)"
    )


def test_cautions_name_what_does_not_compare() -> None:
    table = results(
        {**network(4, 4), "val_acc": 0.8, "epochs": 2},
        {**network(4, 8), "val_acc": 0.8, "epochs": 4},
        {**network(4, 8), "state": "PRUNED", "val_acc": 0.5},
        {**network(4, 8), "state": "FAIL"},
    )

    text = " ".join(reach_verdict(table.assign(val_images=100)).cautions)

    assert "different numbers of epochs (2, 4)" in text
    assert "1 of 4 trials were pruned" in text
    assert "1 of 4 trials failed" in text
    assert "the test set" not in text, "a table does not say whether anybody looked at it"


def test_unknown_number_of_images_gives_no_interval() -> None:
    verdict = reach_verdict(grid((4, 4, 0.1234567891), (8, 8, 0.9876543219)))

    assert "not known" in verdict.uncertainty
    assert all(standing.interval is None for standing in verdict.standings[0])


def test_networks_that_learned_nothing_are_not_compared() -> None:
    rows = [{**network(depth, 8), "val_acc": acc, "at_chance": True} for depth, acc in ((4, 0.1), (6, 0.11))]

    verdict = reach_verdict(results(*rows).assign(val_images=500))

    assert verdict.answer.startswith(
        "All 2 networks stayed at chance: losses and accuracies (val_acc 0.100 to 0.110) are those of"
    )
    assert "most accurate" not in verdict.answer


def test_a_network_at_chance_among_others_is_a_caution() -> None:
    rows = [
        {**network(4, 8), "val_acc": 0.1, "at_chance": True},
        {**network(6, 8), "val_acc": 0.8, "at_chance": False},
    ]

    verdict = reach_verdict(results(*rows).assign(val_images=500))

    assert "1 network of 2 stayed at chance: no better than guessing" in verdict.cautions
    assert verdict.answer.endswith(
        "One of them stayed at chance: a training that failed is no finding about an architecture."
    )
    assert verdict.answer.startswith("The most accurate of 2 networks is depth 6")


def test_a_network_is_named_by_what_it_has_and_by_every_swept_value() -> None:
    custom = {"arch": "custom", "depth": 1, "width": 16, "arch.options.hidden": 64}
    staged = {**network(4, 8), "arch.stages": "[[2,8],[2,16]]"}

    assert describe_network(pd.Series(custom), ["arch.options.hidden"]) == "arch.options.hidden 64"
    assert describe_network(pd.Series(custom), ["depth", "arch.options.hidden"]) == "arch.options.hidden 64"
    assert describe_network(pd.Series(custom), []) == "custom"
    assert (
        describe_network(pd.Series(staged), ["arch.stages"]) == "depth 4, width 8, arch.stages [[2,8],[2,16]]"
    )


def test_seeds_that_agree_are_said_to_and_one_image_is_the_noise() -> None:
    rows = [{**network(depth, 4), "seed": seed, "val_acc": depth / 8} for depth in (4, 6) for seed in (0, 1)]

    found = reach_verdict(results(*rows).assign(val_images=16))

    assert (
        "that of the seeds: they agree, and one image of 16 is taken (0.0625, 2 degrees" in found.uncertainty
    )
    assert "scatters" not in found.uncertainty
