"""Order, columns and the best of each: nothing is lost, missing values come last."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.errors import ConfigError
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.selection import best_rows, choose_columns, sort_rows

VALUES = st.one_of(
    st.none(), st.integers(-3, 3), st.floats(allow_nan=False), st.text(max_size=3), st.booleans()
)
ROWS = st.lists(st.fixed_dictionaries({"a": VALUES, "b": VALUES, "trial": st.integers(0, 99)}), max_size=12)


def table_of(rows: list[dict[str, Any]]) -> PlainTable:
    return PlainTable(("a", "b", "trial"), rows)


@given(ROWS, st.lists(st.sampled_from(["a", "-a", "b", "-b"]), max_size=3))
def test_sorting_keeps_every_row_and_puts_missing_values_last(
    rows: list[dict[str, Any]], keys: list[str]
) -> None:
    ordered = list(sort_rows(table_of(rows), keys).rows)

    assert sorted(map(id, ordered)) == sorted(map(id, rows))
    if keys:
        missing = [row[keys[0].lstrip("-")] is None for row in ordered]
        assert missing == sorted(missing)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=12))
def test_first_key_weighs_most_and_equal_rows_keep_their_order(pairs: list[tuple[int, int]]) -> None:
    rows = [{"a": a, "b": b, "trial": trial} for trial, (a, b) in enumerate(pairs)]

    ordered = sort_rows(table_of(rows), ["a", "-b"]).rows

    assert list(ordered) == sorted(rows, key=lambda row: (row["a"], -row["b"]))


def test_column_whose_name_begins_with_a_hyphen_can_be_sorted_by() -> None:
    table = PlainTable(("-x",), [{"-x": 2}, {"-x": 1}])

    assert sort_rows(table, ["-x"]).column("-x") == [1, 2]
    assert sort_rows(table, ["--x"]).column("-x") == [2, 1]


def test_columns_come_in_the_order_asked_for_and_once() -> None:
    assert choose_columns(table_of([]), ["b", "a", "b"]).names == ("b", "a")


@pytest.mark.parametrize(
    ("flag", "select"),
    [("--sort", sort_rows), ("--columns", choose_columns), ("--best-per", best_rows)],
)
def test_unknown_column_is_answered_with_the_nearest(flag: str, select: Any) -> None:
    with pytest.raises(ConfigError, match=f"^{flag}: the table has no column 'tril'. Did you mean 'trial'?"):
        select(PlainTable(("trial", "val_acc"), []), ["tril"])


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.one_of(st.none(), st.integers(0, 3)),
            st.one_of(st.none(), st.integers(1, 3)),
            st.sampled_from(["COMPLETE", "PRUNED", "DAMAGED"]),
        ),
        max_size=14,
    )
)
def test_best_per_is_the_most_accurate_complete_trial_of_each_value(trials: list[tuple[Any, ...]]) -> None:
    names = ("depth", "val_acc", "macs", "state")
    rows: list[dict[str, Any]] = [dict(zip(names, trial, strict=True)) for trial in trials]

    best = best_rows(PlainTable(names, rows), ["depth"])

    expected = []
    for depth in range(3):
        rivals = [
            r for r in rows if r["depth"] == depth and r["state"] == "COMPLETE" and r["val_acc"] is not None
        ]
        if rivals:
            highest = [r for r in rivals if r["val_acc"] == max(rival["val_acc"] for rival in rivals)]
            # min() keeps the first of equals
            expected.append(min(highest, key=lambda r: float("inf") if r["macs"] is None else r["macs"]))
    assert list(map(id, best.rows)) == list(map(id, expected))


def test_best_of_a_table_without_accuracy_is_refused() -> None:
    with pytest.raises(ConfigError, match="no column 'val_acc' by which"):
        best_rows(table_of([]), ["a"])
