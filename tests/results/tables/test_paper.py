"""Which columns a paper's table has."""

from __future__ import annotations

from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.groups import group_rows
from vggsweep.results.tables.paper import paper_columns

ROW = {
    "sweep": "s",
    "state": "COMPLETE",
    "arch": "vgg_scaled",
    "head": "gap",
    "resolution": 32,
    "params": 300,
    "conv_params": 200,
    "macs": 5000,
    "dataset": "mnist",
    "lr": 0.1,
    "val_loss": 0.4,
    "latency_ms_p50": 1.5,
    "train_seconds": 4.0,
    "dir": "x",
}


def table(*changes: dict[str, object]) -> PlainTable:
    rows = [
        {"trial": at, "depth": 4, "width": 8, "seed": 0, "val_acc": 0.5 + at / 10, **ROW, **change}
        for at, change in enumerate(changes)
    ]
    return PlainTable(tuple(rows[0]), rows)


def test_a_grouped_table_has_its_keys_what_varies_costs_accuracy_replicates_and_time() -> None:
    trials = table({}, {"seed": 1}, {"depth": 6, "lr": 0.2}, {"depth": 6, "lr": 0.2, "seed": 1})
    grouped = group_rows(trials, ["depth"])
    assert len(grouped.names) > 15
    assert paper_columns(grouped) == ["depth", "lr", "params", "macs", "val_acc", "n", "train_seconds"]


def test_trials_have_what_varies_between_them() -> None:
    assert paper_columns(table({}, {"width": 16})) == ["width", "params", "macs", "val_acc", "train_seconds"]
    assert paper_columns(table({}, {"sweep": "t", "width": 16}))[:2] == ["sweep", "width"]


def test_rows_that_nothing_tells_apart_have_their_numbers() -> None:
    assert paper_columns(table({}, {"seed": 1}))[0] == "trial"
    assert paper_columns(table({}))[:2] == ["depth", "width"]


def test_what_did_not_finish_does_not_pass_for_a_result() -> None:
    names = paper_columns(table({"width": 4}, {"state": "FAIL", "reason": "No memory."}))
    assert names[:3] == ["trial", "state", "width"]
    assert "reason" in paper_columns(table({"reason": None}, {"state": "FAIL", "reason": "No memory."}))
