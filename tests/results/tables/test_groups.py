"""Group statistics: those of pandas, over COMPLETE trials."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.errors import ConfigError
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.groups import group_rows, statistics_of

NAMES = ("state", "seed", "depth", "head", "val_acc", "macs", "sweep")
TRIALS = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(["COMPLETE", "COMPLETE", "PRUNED", "FAIL", "DAMAGED"]),
            "seed": st.integers(0, 9),
            "depth": st.one_of(st.none(), st.integers(1, 3)),
            "head": st.sampled_from(["gap", "vgg"]),
            "val_acc": st.one_of(st.none(), st.floats(0, 1)),
            "macs": st.floats(-1e9, 1e9),
            "sweep": st.just("mine"),
        }
    ),
    max_size=20,
)


@given(TRIALS)
def test_statistics_equal_those_of_pandas(trials: list[dict[str, Any]]) -> None:
    grouped = group_rows(PlainTable(NAMES, trials), ["depth", "head"])

    frame = pd.DataFrame(trials, columns=list(NAMES))
    frame = frame[frame["state"] == "COMPLETE"]
    frame["val_acc"] = frame["val_acc"].astype(float)
    expected = frame.groupby(["depth", "head"], dropna=False)["val_acc"].agg(["size", "mean", "std"])
    assert len(grouped.rows) == len(expected)
    for row, ((depth, head), (n, mean, std)) in zip(grouped.rows, expected.iterrows(), strict=True):
        assert row["depth"] == (None if pd.isna(depth) else depth)
        assert (row["head"], row["n"]) == (head, n)
        for found, wanted in ((row["val_acc"], mean), (row["val_acc_sd"], std)):
            assert (found is None) == math.isnan(wanted)
            assert found is None or found == pytest.approx(wanted, rel=1e-9, abs=1e-12)


def rows_of(*values: dict[str, Any]) -> PlainTable:
    return PlainTable(NAMES, [{"state": "COMPLETE", "depth": 8, **row} for row in values])


def test_cost_of_one_network_stands_without_deviation_and_of_several_with_it() -> None:
    same = group_rows(rows_of({"macs": 5}, {"macs": 5}, {"depth": 9, "macs": 7}), ["depth"])
    mixed = group_rows(rows_of({"macs": 5}, {"macs": 7}), ["depth"])

    assert same.column("macs") == [5, 7]
    assert "macs_sd" not in same.names
    assert mixed.rows[0]["macs"] == 6
    assert mixed.rows[0]["macs_sd"] == pytest.approx(math.sqrt(2))


def test_accuracies_on_several_data_sets_are_not_averaged() -> None:
    rows = [
        {"state": "COMPLETE", "depth": 4, "dataset": dataset, "images": f"{dataset}-id", "val_acc": acc}
        for dataset, acc in (("mnist", 0.9), ("own", 0.1), ("mnist", 0.7))
    ]

    grouped = group_rows(PlainTable(("state", "depth", "dataset", "images", "val_acc"), rows), ["depth"])

    assert [(row["dataset"], row["n"], row["val_acc"]) for row in grouped.rows] == [
        ("mnist", 2, pytest.approx(0.8)),
        ("own", 1, 0.1),
    ]


def test_text_stands_only_where_a_whole_group_shares_it() -> None:
    table = rows_of({"head": "gap", "sweep": "a"}, {"head": "vgg", "sweep": "a"})

    assert group_rows(table, ["depth"]).names == ("depth", "n", "val_acc", "val_acc_sd", "macs", "sweep")


def test_equal_accuracies_have_a_deviation_of_zero() -> None:
    (row,) = group_rows(rows_of({"val_acc": 0.1}, {"val_acc": 0.1}, {"val_acc": 0.1}), ["depth"]).rows

    assert row["val_acc_sd"] == pytest.approx(0, abs=1e-15)


def test_table_without_complete_trials_has_no_groups() -> None:
    grouped = group_rows(PlainTable(NAMES, [{"state": "FAIL", "depth": 8}]), ["depth"])

    assert list(grouped.rows) == []
    assert grouped.names[:2] == ("depth", "n")


def test_values_that_no_float_holds_end_nothing() -> None:
    assert statistics_of([10**400, 1]) == (None, None)
    assert statistics_of([math.inf, -math.inf]) == (None, None)
    assert statistics_of([]) == (None, None)


def test_unknown_key_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="--group-by: the table has no column 'dept'. Did you mean 'depth'?"
    ):
        group_rows(rows_of(), ["dept"])
