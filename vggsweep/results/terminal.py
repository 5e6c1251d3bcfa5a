"""The table on a terminal, as rich draws one.

rich's own Table takes 9 s for ten thousand rows of 17 columns (rich 15, one core of an AMD EPYC); here the
columns are measured once and each row is one line of text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from vggsweep.results.columns import has_dials, is_setting
from vggsweep.results.formats import plain_text, readable
from vggsweep.results.plain import DEVIATION, PlainTable, is_deviation, is_number, is_numeric
from vggsweep.results.table import COLUMNS
from vggsweep.visible import visible

# After what names a row and what varied, the most telling columns first: as many are shown as fit.
FACTS = (
    "macs params train_acc epochs_to_threshold epochs_run budget_residual state arch "
    "images_per_second train_seconds latency_ms_p50 test_acc head resolution optimizer lr seed"
).split()
COUNTED = frozenset("params macs conv_params activations trial depth width epochs_run n".split())
MOST_REASONS = 10
# A text may take this share of the terminal; a longer one is cut, unless its column was asked for.
WIDEST = 0.3
LEAST_WIDTH = 12
# From here on the columns that are left out are named.
WIDE = 80
# Corners and lines of rich's heavy head, and what a terminal without UTF-8 can show.
HEAVY = ("┏━┳┓", "┃", "┡━╇┩", "│", "└─┴┘")
ASCII = ("+-++", "|", "+-++", "|", "+-++")


def print_table(table: PlainTable, console: Console, *, chosen: Sequence[str] = ()) -> None:
    """As many of the most telling columns as the console is wide: what varied first, what is constant below.

    Args:
        table: any table.
        console: where to.
        chosen: columns that a person named, which are shown however wide; empty for none.
    """
    settings = {} if chosen or _is_grouped(table) else different_settings(table)
    if not any(map(has_dials, table.rows)):  # depth and width of such networks are counts, no settings
        settings = {name: values for name, values in settings.items() if name not in ("depth", "width")}
    varied = [name for name, values in settings.items() if len(values) > 1]
    constants = {name: values[0] for name, values in settings.items() if len(values) == 1}
    names = list(chosen) or telling_columns(table, varied, constants)
    shown = _cells(table, names)
    if not chosen:
        most = max(LEAST_WIDTH, int(console.width * WIDEST))
        shown = {
            name: cells if is_numeric(table.column(name)) else [_cut(cell, most) for cell in cells]
            for name, cells in shown.items()
        }
    widths = {name: max(map(cell_len, [name, *cells])) for name, cells in shown.items()}
    if not chosen:
        while len(names) > 1 and sum(widths[name] + 3 for name in names) + 1 > console.width:
            names.pop()
        order = [*(["sweep", "trial"] if varied else []), *varied, *table.names]
        names = [name for name in dict.fromkeys(order) if name in names]
    kept = [name for name in names if name in shown]
    _draw(table, {name: shown[name] for name in kept}, widths, console)
    if not chosen:
        _print_rest(table, kept, constants, console)
    _print_reasons(table, console)


def telling_columns(
    table: PlainTable, varied: Sequence[str] = (), constants: Collection[str] = ()
) -> list[str]:
    """The columns worth showing, the most telling first.

    Args:
        table: any table.
        varied: settings that differ from row to row.
        constants: columns that are told below the table.
    """
    if _is_grouped(table):  # a row is a group: its keys, n, accuracy, the rest
        names = [name for name in table.names if not name.endswith(DEVIATION)]
        keys = names[: names.index("n") + 1]
        return [name for name in dict.fromkeys([*keys, "val_acc", *FACTS, *names]) if name in names]
    several = ["sweep"] if len({row.get("sweep") for row in table.rows}) > 1 else []
    stuck = ["at_chance"] if any(row.get("at_chance") for row in table.rows) else []
    further = [name for name in table.names if name not in COLUMNS]
    dials = ["depth", "width"] if any(map(has_dials, table.rows)) else []
    names = [*several, "trial", "val_acc", *varied, *stuck, *dials, *further, *FACTS]
    return [name for name in dict.fromkeys(names) if name in table.names and name not in constants]


def different_settings(table: PlainTable) -> dict[str, list[Any]]:
    """The different values of each setting of several rows, in the order of the table; of one row nothing."""
    if len(table.rows) < 2:
        return {}
    settings = [name for name in table.names if is_setting(name)]
    return {name: values for name in settings if (values := _different(table, name))}


def _different(table: PlainTable, name: str) -> list[Any]:
    column = table.column(name)
    try:
        values = list(dict.fromkeys(column))
    except TypeError:  # lists
        values = list({plain_text(value) if value is not None else None: value for value in column}.values())
    # a failed trial may lack what every network has; a swept setting that a row lacks makes a difference
    return [value for value in values if value is not None] if name in COLUMNS else values


def _is_grouped(table: PlainTable) -> bool:
    return "n" in table.names and "trial" not in table.names


def _cut(text: str, most: int) -> str:
    return text if cell_len(text) <= most else chop_cells(text, most - 1)[0] + "…"


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


def _print_rest(
    table: PlainTable, shown: Sequence[str], constants: Mapping[str, Any], console: Console
) -> None:
    """What every row shares, and how much is not to be seen here."""
    shared = [f"{name} {visible(_cell(name, value))}" for name, value in constants.items()]
    if shared:
        console.print(Text(f"in every row: {', '.join(shared)}", style="dim"))
    known = {*shown, *constants, *(["sweep"] if len({row.get("sweep") for row in table.rows}) < 2 else [])}
    left_out = [name for name in table.names if name not in known and not is_deviation(name, table.names)]
    if left_out:
        count = "1 column" if len(left_out) == 1 else f"{len(left_out)} columns"
        names = f": {visible(', '.join(left_out))}" if console.width >= WIDE else ""
        console.print(Text(f"{count} left out (--columns NAMES, --csv){names}", style="dim"))


def _print_reasons(table: PlainTable, console: Console) -> None:
    """Why trials failed or came to nothing, below the table: a reason is a sentence and fits no column."""
    failed = [
        (row, f"failed: {row['reason']}")
        for row in table.rows
        if row.get("state") == "FAIL" and row.get("reason")
    ]
    stuck = [
        (row, f"stayed at chance: it learned nothing (val_acc {_cell('val_acc', row.get('val_acc'))})")
        for row in table.rows
        if row.get("at_chance")
    ]
    for rows, more in ((failed, "--columns trial,state,reason"), (stuck, "--where at_chance")):
        for row, words in rows[:MOST_REASONS]:
            text = visible(f"trial {row.get('trial')} of {row.get('sweep')} {words}")
            console.print(text, markup=False, soft_wrap=True)
        if len(rows) > MOST_REASONS:
            print(f"and {len(rows) - MOST_REASONS} more: {more}", file=console.file)
