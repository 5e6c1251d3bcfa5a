"""Means over seeds: equal to pandas', and only of trials that differ in their seed."""

from __future__ import annotations

import pytest

from tests.results.made_tables import network, results
from vggsweep.results.statistics.replicates import configuration_groups, has_replicates, mean_over_seeds


def replicates(depth: int, *accuracies: float, **more: object) -> list[dict[str, object]]:
    return [
        {**network(depth, 8), "seed": seed, "val_acc": acc, **more} for seed, acc in enumerate(accuracies)
    ]


def test_group_statistics_equal_those_of_pandas() -> None:
    table = results(*replicates(4, 0.8, 0.9, 0.85), *replicates(6, 0.7, 0.72), *replicates(8, 0.5))

    means = mean_over_seeds(table)
    expected = table.groupby("depth")["val_acc"].agg(["mean", "std", "count"])

    assert means["depth"].tolist() == expected.index.tolist()
    assert means["val_acc"].tolist() == pytest.approx(expected["mean"].tolist())
    assert means["val_acc_sd"].tolist() == pytest.approx(expected["std"].tolist(), nan_ok=True)
    assert means["seeds"].tolist() == expected["count"].tolist()
    assert means["trial"].tolist() == [0, 3, 5]


def test_only_complete_trials_are_averaged() -> None:
    rows = replicates(4, 0.8, 0.2, 0.9)
    rows[1] |= {"state": "PRUNED"}

    means = mean_over_seeds(results(*rows))

    assert means["val_acc"].tolist() == pytest.approx([0.85])
    assert (means["state"].tolist(), means["seeds"].tolist()) == (["COMPLETE"], [2])


def test_configuration_without_a_complete_trial_keeps_its_state() -> None:
    means = mean_over_seeds(results(*replicates(4, 0.3, 0.4, state="PRUNED"), *replicates(6, 0.8)))

    assert means["state"].tolist() == ["PRUNED", "COMPLETE"]
    assert means["val_acc"].tolist() == [0.3, 0.8]


@pytest.mark.parametrize(
    "difference",
    [
        {"lr": 0.2},
        {"sweep": "other"},
        {"device": "a GPU"},
        {"precision": "bf16"},
        {"train.label_smoothing": 0.1},
    ],
    ids=str,
)
def test_trials_that_differ_in_more_than_their_seed_are_no_replicates(difference: dict[str, object]) -> None:
    table = results(*replicates(4, 0.8), {**network(4, 8), "seed": 1, "val_acc": 0.9, **difference})

    assert len(mean_over_seeds(table)) == 2
    assert not has_replicates(table)


def test_the_same_seed_twice_is_no_replicate() -> None:
    row = {**network(4, 8), "seed": 0, "val_acc": 0.8}

    assert mean_over_seeds(results(row, row))["seeds"].tolist() == [1, 1]


def test_column_configuration_decides_where_there_is_one() -> None:
    rows = replicates(4, 0.8, 0.9)

    together = results(*({**row, "configuration": "a"} for row in rows))
    apart = results(*({**row, "configuration": key} for row, key in zip(rows, "ab", strict=True)))

    assert configuration_groups(together).nunique() == 1
    assert configuration_groups(apart).nunique() == 2


def test_a_repeated_trial_counts_once_among_its_replicates() -> None:
    rows = [{**row, "configuration": "a"} for row in replicates(4, 0.8, 0.9)]
    table = results(*rows, rows[1])

    means = mean_over_seeds(table)

    assert means["seeds"].tolist() == [2]
    assert means["val_acc"].tolist() == [pytest.approx(0.85)]
    assert not has_replicates(results(rows[0], rows[0]))


def test_empty_table_has_no_configurations() -> None:
    assert len(mean_over_seeds(results().iloc[:0])) == 0


def test_a_swept_field_that_decides_no_result_parts_no_replicates_of_a_table_alone() -> None:
    rows = replicates(4, 0.8, 0.9)
    table = results(
        *({**row, "train.threshold_acc": at / 10, "measure.min_runs": at} for at, row in enumerate(rows, 1))
    )

    assert mean_over_seeds(table)["seeds"].tolist() == [2]


def test_a_mean_is_at_chance_where_all_its_trials_are() -> None:
    some, all_ = replicates(4, 0.1, 0.8), replicates(6, 0.1, 0.1)
    flags = (True, False, True, True)
    table = results(*({**row, "at_chance": flag} for row, flag in zip([*some, *all_], flags, strict=True)))

    assert mean_over_seeds(table)["at_chance"].tolist() == [False, True]


def test_a_training_that_several_sweeps_hold_counts_once() -> None:
    first = [row | {"sweep": "a", "configuration": "c4"} for row in replicates(4, 0.8, 0.9)]
    again = [row | {"sweep": "b", "configuration": "c4"} for row in replicates(4, 0.8, 0.9, 0.7)]
    other = [row | {"sweep": "b", "configuration": "c6"} for row in replicates(6, 0.6)]

    means = mean_over_seeds(results(*first, *again, *other))

    assert means[["sweep", "depth", "seeds"]].values.tolist() == [["a", 4, 2], ["b", 4, 1], ["b", 6, 1]]
    assert means["val_acc"].tolist() == pytest.approx([0.85, 0.7, 0.6])
