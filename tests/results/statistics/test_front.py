"""The front: that of a brute-force search, for DataFrames and for plain rows."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vggsweep
from vggsweep.errors import ConfigError
from vggsweep.results.dominance import front_flags

# Few distinct values, so that ties are common.
COSTS = st.one_of(st.none(), st.just(math.nan), st.integers(1, 4), st.floats(0.5, 4))
TRIALS = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(["COMPLETE", "COMPLETE", "PRUNED", "FAIL", "DAMAGED"]),
            "macs": COSTS,
            "val_acc": st.one_of(st.none(), st.sampled_from([0.1, 0.2, 0.3]), st.floats(0, 1)),
            "latency_ms_p50": COSTS,
            "throughput": COSTS,
        }
    ),
    max_size=14,
)
AXES = [
    ("macs", "val_acc"),
    ("latency_ms_p50", "throughput"),
    ("throughput", "val_acc"),
    ("macs", "latency_ms_p50"),
]


def brute_force(rows: list[dict[str, Any]], x: str, y: str) -> list[bool]:
    def losses(row: dict[str, Any]) -> tuple[float, float] | None:
        values = [row[x], row[y]]
        if row["state"] != "COMPLETE" or any(value is None or math.isnan(value) for value in values):
            return None
        first, second = (
            -v if name in ("val_acc", "throughput") else v for name, v in zip((x, y), values, strict=True)
        )
        return first, second

    points = [losses(row) for row in rows]
    known = [point for point in points if point is not None]
    return [
        point is not None
        and not any(other[0] <= point[0] and other[1] <= point[1] and other != point for other in known)
        for point in points
    ]


@pytest.mark.parametrize(("x", "y"), AXES)
@given(rows=TRIALS)
def test_front_is_that_of_a_brute_force_search(x: str, y: str, rows: list[dict[str, Any]]) -> None:
    expected = brute_force(rows, x, y)

    assert front_flags(rows, x, y) == expected
    frame = pd.DataFrame(rows, columns=["state", "macs", "val_acc", "latency_ms_p50", "throughput"])
    assert vggsweep.pareto_front(frame, x, y).tolist() == expected


def test_rows_on_other_images_have_a_front_of_their_own() -> None:
    rows = [
        {"state": "COMPLETE", "macs": 1, "val_acc": 0.9, "images": "easy"},
        {"state": "COMPLETE", "macs": 2, "val_acc": 0.5, "images": "hard"},
        {"state": "COMPLETE", "macs": 3, "val_acc": 0.4, "images": "hard"},
    ]

    assert front_flags(rows) == [True, True, False]
    assert vggsweep.pareto_front(pd.DataFrame(rows)).tolist() == [True, True, False]


@pytest.mark.parametrize("cost", [math.inf, -math.inf])
def test_value_that_is_no_number_of_anything_is_on_no_front(cost: float) -> None:
    rows = [
        {"state": "COMPLETE", "macs": cost, "val_acc": 0.9},
        {"state": "COMPLETE", "macs": 2, "val_acc": 0.5},
    ]

    assert front_flags(rows) == [False, True]
    assert vggsweep.pareto_front(pd.DataFrame(rows)).tolist() == [False, True]


def test_front_keeps_the_index_of_its_table() -> None:
    table = pd.DataFrame({"state": "COMPLETE", "macs": [1, 2], "val_acc": [0.8, 0.7]}, index=["a", "b"])

    assert table[vggsweep.pareto_front(table, x="macs", y="val_acc")].index.tolist() == ["a"]


def test_unknown_column_is_answered_with_the_nearest() -> None:
    table = pd.DataFrame({"state": ["COMPLETE"], "macs": [1], "val_acc": [0.8]})

    with pytest.raises(ConfigError, match="no column 'mac'. Did you mean 'macs'?"):
        vggsweep.pareto_front(table, "mac")
