"""How the table looks on a terminal: what fits, what is escaped."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from vggsweep.results.columns import COLUMNS
from vggsweep.results.plain import PlainTable, union_of_names
from vggsweep.results.tables.groups import group_rows
from vggsweep.results.tables.table import without_empty
from vggsweep.results.tables.terminal import output_console, print_table


def table_of(*rows: dict[str, Any]) -> PlainTable:
    """Rows with the columns in the order of the table, whatever the order of the keys."""
    keys = {"sweep": "mine", "trial": 0, "state": "COMPLETE", "arch": "vgg_scaled", "val_acc": 0.9}
    filled = [dict.fromkeys(COLUMNS) | {**keys, "dir": "d", **values} for values in rows]
    return without_empty(PlainTable(union_of_names(filled) or tuple(COLUMNS), filled))


def shown(table: PlainTable, width: int = 200, chosen: tuple[str, ...] = ()) -> str:
    file = io.StringIO()
    print_table(table, Console(file=file, width=width, highlight=False), chosen=chosen)
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


def test_empty_table_is_shown_as_a_heading() -> None:
    assert "trial" in shown(table_of())


def test_drawing_is_that_of_rich() -> None:
    table = table_of({"depth": 8, "arch": "vgg 模型"}, {"depth": 12, "arch": None, "trial": 1})
    expected = Table()
    expected.add_column("depth", justify="right")
    expected.add_column("arch")
    expected.add_row("8", "vgg 模型")
    expected.add_row("12", "")
    file = io.StringIO()
    Console(file=file, width=200).print(expected)

    assert shown(table, chosen=("depth", "arch")) == file.getvalue()


def test_terminal_without_unicode_gets_plain_lines() -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    print_table(table_of({}), Console(file=file, width=200))
    file.flush()

    assert b"+---" in raw.getvalue()


def test_columns_that_a_person_names_are_all_shown_in_their_order_however_narrow_the_terminal() -> None:
    names = ("dir", "stages", "val_acc", "trial", "arch")
    header = shown(table_of({"stages": "1x16"}), width=20, chosen=names).splitlines()[1]

    assert [word for word in header.split() if word != "┃"] == list(names)


def test_swept_parameter_without_a_column_of_its_own_is_shown_early() -> None:
    assert "optimizer.momentum" in shown(table_of({"optimizer.momentum": 0.9}), width=60)


def test_text_of_a_record_moves_no_cursor_and_breaks_no_row() -> None:
    text = shown(table_of({"arch": "a\x1b[2J\nb", "state": "FAIL", "reason": "x\x1b]0;y\x07\nz"}))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "a\\x1b[2J\\nb" in text
    assert "failed: x\\x1b]0;y\\x07\\nz" in text


def test_each_reason_of_failed_trials_stands_below_once_and_ten_are_enough() -> None:
    letters = "abcdefghijkl"
    rows = [{"trial": n, "state": "FAIL", "reason": f"reason {letters[n]}"} for n in range(12)]
    text = shown(table_of(*rows, {"trial": 12, "state": "FAIL", "reason": "reason c"}))

    assert text.splitlines()[-11] == "trials 2, 12 of mine failed: reason c"
    assert text.splitlines()[-2:] == [
        "trial 9 of mine failed: reason j",
        "and 2 more: --columns trial,state,reason --csv",
    ]


def test_reasons_that_differ_in_numbers_are_one_sentence() -> None:
    rows = [{"trial": n, "state": "FAIL", "reason": f"trials/0000{n}: no space"} for n in range(3)]

    last = shown(table_of(*rows, {"sweep": "other", "state": "FAIL", "reason": "trials/00009: no space"}))

    assert last.splitlines()[-1] == (
        "trials 0, 1, 2 of mine and trial 0 of other failed: trials/00000: no space (the numbers differ)"
    )


@pytest.mark.parametrize("width", [80, 400])
def test_a_long_reason_is_cut_in_the_table_and_whole_below(width: int) -> None:
    paragraph = "no such file " * 40
    rows = [{"state": state, "trial": at, "reason": paragraph} for at, state in enumerate(("FAIL", "PRUNED"))]

    *drawn, failed, pruned = shown(table_of(*rows), width, ("trial", "state", "reason")).splitlines()

    assert max(map(len, drawn)) <= 90
    assert failed == f"trial 0 of mine failed: {paragraph}"
    assert pruned == f"trial 1 of mine, PRUNED: {paragraph}"


def test_a_short_reason_that_has_a_column_is_not_told_again() -> None:
    row = {"state": "PRUNED", "reason": "pruned after epoch 1"}

    assert shown(table_of(row), chosen=("trial", "reason")).count("pruned after epoch 1") == 1


@pytest.mark.parametrize("width", [40, 60, 80])
def test_state_stays_on_a_narrow_terminal_where_a_trial_did_not_finish(width: int) -> None:
    dials = {"depth": 8, "width": 16, "lr": 0.1, "params": 300_000, "macs": 23_000_000, "train_acc": 0.9}
    rows = [{**dials, "trial": at, "depth": at, "optimizer.momentum": at / 10} for at in range(4, 7)]

    mixed = shown(table_of(*rows, {**rows[0], "trial": 9, "state": "PRUNED"}), width).splitlines()
    finished = shown(table_of(*rows), width).splitlines()

    assert "state" in mixed[1].split()
    assert any("PRUNED" in line for line in mixed)
    assert "state" not in finished[1].split()


def test_shared_settings_are_told_in_lines_that_part_no_name_from_its_value() -> None:
    rows = [{"trial": at, "lr": at, "dataset": "fashion_mnist_mini", "head": "gap"} for at in (1, 2)]

    for width in range(30, 80):
        told = shown(table_of(*rows), width)
        assert "dataset fashion_mnist_mini" in told
        assert max(map(len, told.splitlines())) <= width


def test_groups_show_keys_and_accuracy_first_and_deviations_beside_their_means() -> None:
    table = table_of(
        *({"depth": 8, "seed": seed, "val_acc": acc} for seed, acc in enumerate((0.8, 0.9))),
        {"depth": 9, "val_acc": 0.7},
    )
    header, _, *rows, _ = shown(group_rows(table, ["depth"]), width=40).splitlines()[1:]

    assert header.split()[1::2] == ["depth", "n", "val_acc"]
    assert "0.8500 ± 0.0707" in rows[0]
    assert "±" not in rows[1]


def swept(*settings: tuple[str, float], **more: Any) -> PlainTable:
    rows = [
        {"trial": at, "optimizer": name, "lr": lr, "depth": 8, "width": 16, "head": "gap", **more}
        for at, (name, lr) in enumerate(settings)
    ]
    return table_of(*({"macs": 1_000, "params": 10, "epochs": 5, **row} for row in rows))


OPTIMIZERS = (("sgd", 0.1), ("sgd", 0.01), ("adamw", 0.1), ("adamw", 0.01))


@pytest.mark.parametrize("width", [40, 80, 120])
def test_what_was_swept_comes_first_and_what_is_constant_stands_below(width: int) -> None:
    lines = shown(swept(*OPTIMIZERS), width).splitlines()

    assert lines[1].split()[1::2][:3] == ["trial", "optimizer", "lr"]
    assert "val_acc" in lines[1]
    assert "depth" not in lines[1]
    rest = " ".join(" ".join(lines).split())
    assert "in every row: arch vgg_scaled, depth 8, width 16, head gap, epochs 5" in rest
    assert max(map(len, lines)) <= width


def test_columns_that_do_not_fit_are_counted_and_named_where_there_is_room() -> None:
    narrow, wide = (shown(swept(*OPTIMIZERS), width) for width in (40, 120))

    assert "4 columns left out (--columns NAMES," in narrow
    assert "1 column left out (--columns NAMES, --csv): dir" in wide


def test_a_swept_list_is_cut_to_its_share_of_the_terminal() -> None:
    rows = [{"trial": at, "arch.stages": str([[n, 16]] * 20)} for at, n in enumerate((1, 2))]
    header, *_ = shown(table_of(*rows), 80).splitlines()[1:]

    assert "arch.stages" in header
    assert "val_acc" in header


def test_a_setting_that_only_some_rows_have_differs() -> None:
    rows = [{"trial": 0, "optimizer.momentum": 0.9}, {"trial": 1}]

    assert "optimizer.momentum" in shown(table_of(*rows), 60).splitlines()[1]


def test_a_failed_trial_that_lacks_a_network_makes_no_difference() -> None:
    rows = [{"trial": 0, "depth": 8}, {"trial": 1, "depth": None, "state": "FAIL"}, {"trial": 2, "depth": 8}]

    assert "in every row: arch vgg_scaled, depth 8" in shown(table_of(*rows))


def test_counts_of_a_custom_network_are_not_among_its_settings() -> None:
    rows = [
        {"trial": at, "arch": "custom", "depth": 1, "width": 16, "arch.options.hidden": hidden}
        for at, hidden in enumerate((8, 16))
    ]
    text = shown(table_of(*rows))

    assert "arch.options.hidden" in text.splitlines()[1]
    assert "in every row: arch custom\n" in text


def test_networks_at_chance_are_called_so() -> None:
    text = shown(table_of({"at_chance": True, "val_acc": 0.1}, {"trial": 1, "at_chance": False}))

    assert "at_chance" in text.splitlines()[1]
    assert "trial 0 of mine stayed at chance: no better than guessing (val_acc 0.1000)" in text
    assert "trial 1 of mine" not in text


def test_several_networks_at_chance_are_told_in_one_line() -> None:
    rows = [{"trial": at, "at_chance": True, "val_acc": acc} for at, acc in enumerate((0.11, 0.1, 0.12))]

    last = shown(table_of(*rows)).splitlines()[-1]

    assert (
        last == "trials 0, 1, 2 of mine stayed at chance: no better than guessing (val_acc 0.1000 to 0.1200)"
    )


def test_a_group_at_chance_is_no_trial() -> None:
    rows = [{"depth": 8, "seed": seed, "at_chance": True, "val_acc": 0.1} for seed in (0, 1)]

    assert "stayed at chance" not in shown(group_rows(table_of(*rows), ["depth"]))


def test_the_width_is_that_of_the_environment_else_a_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for said, width in (("80", 80), ("123", 123), ("", 400), ("0", 400), ("wide", 400)):
        monkeypatch.setenv("COLUMNS", said)
        assert output_console(400).width == width
