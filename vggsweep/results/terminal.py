"""The table on a terminal, as rich draws one.

rich's own Table takes 9 s for ten thousand rows of 17 columns (rich 15, one core of an AMD EPYC); here the
columns are measured once and each row is one line of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from vggsweep.results.formats import plain_text, readable, visible
from vggsweep.results.plain import DEVIATION, PlainTable, is_deviation, is_number, is_numeric
from vggsweep.results.table import COLUMNS

# The most telling columns first: a narrow terminal shows as many as fit. What the sweep varied and has no
# column of its own comes after `width`.
IDENTITY = "sweep trial depth width".split()
FACTS = (
    "val_acc macs params train_acc epochs_to_threshold epochs_run budget_residual state arch "
    "images_per_second train_seconds latency_ms_p50 test_acc head resolution optimizer lr seed"
).split()
COUNTED = frozenset("params macs conv_params activations trial depth width epochs_run n".split())
MOST_REASONS = 10
# Corners and lines of rich's heavy head, and what a terminal without UTF-8 can show.
HEAVY = ("┏━┳┓", "┃", "┡━╇┩", "│", "└─┴┘")
ASCII = ("+-++", "|", "+-++", "|", "+-++")


def print_table(table: PlainTable, console: Console, *, chosen: Sequence[str] = ()) -> None:
    """As many of the most telling columns as the console is wide, in the order of the table.

    Args:
        table: any table.
        console: where to.
        chosen: columns that a person named, which are shown however wide; empty for none.
    """
    names = list(chosen) or telling_columns(table)
    shown = _cells(table, names)
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in shown.items()}
    if not chosen:
        while len(names) > 1 and sum(widths[name] + 3 for name in names) + 1 > console.width:
            names.pop()
    kept = [name for name in table.names if name in names] if not chosen else names
    kept = [name for name in kept if name in shown]
    _draw(table, {name: shown[name] for name in kept}, widths, console)
    _print_reasons(table, console)


def telling_columns(table: PlainTable) -> list[str]:
    """The columns worth showing, the most telling first."""
    if "n" in table.names and "trial" not in table.names:  # a row is a group: its keys, n, accuracy, the rest
        names = [name for name in table.names if not name.endswith(DEVIATION)]
        keys = names[: names.index("n") + 1]
        return list(dict.fromkeys([*keys, *(name for name in FACTS if name in names), *names]))
    further = [name for name in table.names if name not in COLUMNS]
    names = [name for name in (*IDENTITY, *further, *FACTS) if name in table.names]
    if "sweep" in names and len({row.get("sweep") for row in table.rows}) <= 1:
        names.remove("sweep")
    return names


def _cells(table: PlainTable, names: Sequence[str]) -> dict[str, list[str]]:
    """The texts of each column."""
    with_deviation = [name for name in names if name + DEVIATION in table.names]
    merged = readable(
        PlainTable(
            tuple(column for name in with_deviation for column in (name, name + DEVIATION)), table.rows
        )
    )
    return {
        name: merged.column(name)
        if name in with_deviation
        else [visible(_cell(name, value)) for value in table.column(name)]
        for name in names
        if not is_deviation(name, with_deviation)
    }


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if not is_number(value):
        return plain_text(value)
    if name.endswith("_acc"):
        return f"{value:.4f}"
    if name in COUNTED:
        return f"{value:,.0f}" if isinstance(value, float) else f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def _draw(table: PlainTable, shown: dict[str, list[str]], widths: dict[str, int], console: Console) -> None:
    head, bar, rule, line, foot = HEAVY if console.encoding.startswith("utf") else ASCII
    is_right = {name: is_numeric(table.column(name)) for name in shown}
    columns = [
        [_padded(cell, widths[name], is_right=is_right[name]) for cell in (visible(name), *cells)]
        for name, cells in shown.items()
    ]
    lines = [widths[name] for name in shown]
    console.file.write(_rule(head, lines))
    names = f" {bar} ".join(column[0] for column in columns)
    console.print(Text.assemble(f"{bar} ", (names, "bold"), f" {bar}"), soft_wrap=True)
    body = [_rule(rule, lines)]
    between = f" {line} "
    rows = zip(*(column[1:] for column in columns), strict=True)
    body += [f"{line} {between.join(cells)} {line}\n" for cells in rows]
    body.append(_rule(foot, lines))
    console.file.write("".join(body))


def _rule(corners: str, widths: Sequence[int]) -> str:
    left, dash, middle, right = tuple(corners)
    return left + middle.join(dash * (width + 2) for width in widths) + right + "\n"


def _padded(text: str, width: int, *, is_right: bool) -> str:
    blanks = " " * (width - (len(text) if text.isascii() else cell_len(text)))
    return blanks + text if is_right else text + blanks


def _print_reasons(table: PlainTable, console: Console) -> None:
    """Why trials failed, below the table: a reason is a sentence and fits no column."""
    failed = [row for row in table.rows if row.get("state") == "FAIL" and row.get("reason")]
    for row in failed[:MOST_REASONS]:
        text = f"trial {row.get('trial')} of {row.get('sweep')} failed: {visible(str(row['reason']))}"
        console.print(text, markup=False, soft_wrap=True)
    if len(failed) > MOST_REASONS:
        print(f"and {len(failed) - MOST_REASONS} more: --columns trial,state,reason", file=console.file)
