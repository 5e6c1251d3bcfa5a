"""How the table is shown: what fits, what is escaped, what JSON and CSV hold."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from vggsweep.results.table import COLUMNS, build_table
from vggsweep.verbs.table import plain_rows, print_table


def table_of(*rows: dict[str, Any]) -> pd.DataFrame:
    """Rows with the columns in the order of the table, whatever the order of the keys."""
    keys = {"sweep": "mine", "trial": 0, "state": "COMPLETE", "arch": "vgg_scaled", "val_acc": 0.9}
    filled = [{**keys, "dir": "d", **values} for values in rows]
    return build_table([{name: values.get(name) for name in COLUMNS} for values in filled])


def shown(table: pd.DataFrame, width: int = 200) -> str:
    file = io.StringIO()
    print_table(table, Console(file=file, width=width, highlight=False))
    return file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_console_and_the_most_telling_columns_stay(width: int) -> None:
    table = table_of({"depth": 8, "width": 16, "macs": 23_000_000, "params": 300_000, "epochs_run": 5})

    text = shown(table, width)

    assert max(map(len, text.splitlines())) <= width
    assert "trial" in text


def test_columns_keep_the_order_of_the_table_whatever_their_importance() -> None:
    header = shown(table_of({"depth": 8, "macs": 1, "params": 2})).splitlines()[1]

    assert header.index("state") < header.index("depth") < header.index("params") < header.index("macs")
    assert header.index("macs") < header.index("val_acc")


def test_sweep_is_a_column_only_where_there_are_several() -> None:
    assert "sweep" not in shown(table_of({}, {"trial": 1}))
    assert "sweep" in shown(table_of({}, {"sweep": "other"}))


def test_brackets_are_shown_and_not_taken_for_markup() -> None:
    assert "[[1,16]]" in shown(table_of({"arch": "[[1,16]]"}))
    assert "[red]x" in shown(table_of({"arch": "[red]x"}))


def test_missing_and_mistyped_values_are_shown_as_they_are() -> None:
    text = shown(
        table_of(
            {"val_acc": None, "depth": 8, "macs": 1_000},
            {"trial": 1, "val_acc": "high", "depth": None, "macs": [1, 2], "state": "FAIL"},
        )
    )

    assert "high" in text
    assert "[1, 2]" in text
    assert "nan" not in text.lower()
    assert "None" not in text


def test_numbers_read_well() -> None:
    text = shown(table_of({"val_acc": 0.87654, "macs": 23_456_789, "lr": 0.0012345, "seed": 3}))

    assert "0.8765" in text
    assert "23,456,789" in text
    assert "0.001234" in text or "0.001235" in text


def test_json_rows_hold_python_values_and_null() -> None:
    rows = plain_rows(
        table_of({"depth": 8, "val_acc": None}, {"trial": 1, "depth": None, "val_acc": 0.1 + 0.2})
    )

    assert rows[0]["val_acc"] is None
    assert rows[1]["depth"] is None
    assert rows[1]["val_acc"] == pytest.approx(0.3)
    assert (rows[0]["trial"], rows[0]["state"]) == (0, "COMPLETE")


def test_empty_table_is_shown_as_a_heading() -> None:
    assert "trial" in shown(build_table([]))
