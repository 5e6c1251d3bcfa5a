"""The front: as a brute-force comparison finds it, and never across machines."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.results.made_tables import results
from vggsweep.errors import ConfigError
from vggsweep.results.columns import MAXIMISED
from vggsweep.results.statistics.front import data_sets, pareto_front

VALUES = st.integers(0, 6)
STATES = st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "FAIL"])


def by_brute_force(table: pd.DataFrame, x: str, y: str) -> list[bool]:
    def loss(row: pd.Series, name: str) -> float:
        return -row[name] if name in MAXIMISED else row[name]

    def dominates(one: pd.Series, other: pd.Series) -> bool:
        pairs = [(loss(one, name), loss(other, name)) for name in (x, y)]
        return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)

    complete = [row for _, row in table.iterrows() if row["state"] == "COMPLETE"]
    return [
        row["state"] == "COMPLETE" and not any(dominates(other, row) for other in complete)
        for _, row in table.iterrows()
    ]


@given(st.lists(st.tuples(VALUES, VALUES, STATES), min_size=1, max_size=25))
@pytest.mark.parametrize(("x", "y"), [("macs", "val_acc"), ("macs", "params"), ("val_acc", "test_acc")])
def test_front_equals_a_brute_force_front(x: str, y: str, rows: list[tuple[int, int, str]]) -> None:
    table = pd.DataFrame(rows, columns=[x, y, "state"])

    assert pareto_front(table, x, y).tolist() == by_brute_force(table, x, y)


def measured(device: str, precision: str, latency: float, val_acc: float) -> dict[str, object]:
    return {"device": device, "precision": precision, "latency_ms_p50": latency, "val_acc": val_acc}


def test_what_was_measured_is_compared_only_within_a_device_and_a_precision() -> None:
    table = results(
        measured("a GPU", "bf16", 1.0, 0.9),
        measured("a GPU", "bf16", 2.0, 0.8),
        measured("a GPU", "fp32", 3.0, 0.7),
        measured("a CPU", "bf16", 9.0, 0.6),
    )

    assert pareto_front(table, "latency_ms_p50").tolist() == [True, False, True, True]
    assert pareto_front(table.assign(macs=table["latency_ms_p50"])).tolist() == [True, False, False, False]


def test_accuracies_are_compared_only_on_the_same_images() -> None:
    rows = [("mnist", "1a", 1, 0.9), ("mnist", "1a", 2, 0.8), ("own", "2b", 3, 0.7)]
    table = results(
        *({"dataset": name, "images": key, "macs": macs, "val_acc": acc} for name, key, macs, acc in rows)
    )
    changed = table.assign(images=["1a", "3c", "2b"])

    assert pareto_front(table).tolist() == [True, False, True]
    assert pareto_front(table.drop(columns="images")).tolist() == [True, False, True]
    assert pareto_front(changed).tolist() == [True, True, True]
    assert data_sets(changed).tolist() == ["mnist (images 1a)", "mnist (images 3c)", "own"]


def test_missing_device_is_a_machine_of_its_own() -> None:
    table = results(
        measured("a GPU", "bf16", 1.0, 0.9), {"latency_ms_p50": 5.0, "val_acc": 0.5, "device": None}
    )

    assert pareto_front(table, "latency_ms_p50").tolist() == [True, True]


def test_unknown_column_is_refused_with_the_near_match() -> None:
    with pytest.raises(ConfigError, match="'mac'. Did you mean 'macs'"):
        pareto_front(results({"macs": 1, "val_acc": 0.5}), "mac")
