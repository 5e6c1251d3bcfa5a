"""The table on a terminal, as rich draws one.

rich's own Table takes 9 s for ten thousand rows of 17 columns (rich 15, one core of an AMD EPYC); here the
columns are measured once and each row is one line of text.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from rich.box import ASCII2, HEAVY_HEAD
from rich.cells import cell_len, chop_cells
from rich.console import Console
from rich.text import Text

from vggsweep.results.columns import COLUMNS, has_dials, is_setting
from vggsweep.results.plain import DEVIATION, PlainTable, is_deviation, is_numeric
from vggsweep.results.tables.formats import readable
from vggsweep.results.tables.reasons import shared_reasons, trial_words
from vggsweep.results.units import cell_text, plain_text
from vggsweep.visible import visible

# After what names a row and what varied, the most telling columns first: as many are shown as fit.
FACTS = (
    "macs params train_acc epochs_to_threshold epochs_run budget_residual state arch "
    "images_per_second train_seconds latency_ms_p50 test_acc head resolution optimizer lr seed"
).split()
MOST_REASONS = 10
# A text may take this share of the terminal; a longer one is cut, unless its column was asked for.
WIDEST = 0.3
LEAST_WIDTH = 12
# A reason is a paragraph: even where it was asked for it gets no more, and stands whole below the table.
WIDEST_REASON = 60
# From here on the columns that are left out are named.
WIDE = 80


def output_console(file_width: int) -> Console:
    """A console for standard output: as wide as ``COLUMNS`` or the terminal says, else as a file may be.

    Args:
        file_width: where neither says anything.
    """
    columns = os.environ.get("COLUMNS", "")
    is_said = columns.isdecimal() and int(columns) > 0
    width = int(columns) if is_said else None if sys.stdout.isatty() else file_width
    return Console(highlight=False, width=width)


def wrapped(parts: Iterable[str], width: int, between: str = "  ") -> str:
    """Parts in lines of a width, of which none is broken: a name keeps its number.

    >>> print(wrapped(["depth 8", "width 16", "MACs 9"], 18, ", "))
    depth 8, width 16,
    MACs 9
    """
    lines: list[str] = []
    end = between.rstrip()
    for part in parts:
        if lines and cell_len(f"{lines[-1]}{between}{part}{end}") <= width:
            lines[-1] += between + part
        else:
            lines[-1:] = [lines[-1] + end, part] if lines else [part]
    return "\n".join(lines)


def print_table(table: PlainTable, console: Console, *, chosen: Sequence[str] = ()) -> int:
    """As many of the most telling columns as the console is wide: what varied first, what is constant below.

    Args:
        table: any table.
        console: where to.
        chosen: columns that a person named, which are shown however wide; empty for none.

    Returns:
        How many columns were drawn.
    """
    settings = {} if chosen or _is_grouped(table) else different_settings(table)
    if not any(map(has_dials, table.rows)):  # depth and width of such networks are counts, no settings
        settings = {name: values for name, values in settings.items() if name not in ("depth", "width")}
    varied = [name for name, values in settings.items() if len(values) > 1]
    constants = {name: values[0] for name, values in settings.items() if len(values) == 1}
    names = list(chosen) or telling_columns(table, varied, constants)
    shown = _cells(table, names)
    most = max(LEAST_WIDTH, int(console.width * WIDEST))
    for name, cells in shown.items():
        if name == "reason":
            shown[name] = [_cut(cell, min(most, WIDEST_REASON)) for cell in cells]
        elif not chosen and not is_numeric(table.column(name)):
            shown[name] = [_cut(cell, most) for cell in cells]
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
    _print_reasons(table, shown["reason"] if "reason" in kept else [], console)
    return len(kept)


def print_row(table: PlainTable, console: Console) -> None:
    """Everything that is known of the first row, a line per column.

    Args:
        table: its columns without a value are left out.
        console: where to.
    """
    row = table.rows[0]
    names = [name for name in table.names if row.get(name) is not None]
    width = max(map(cell_len, map(visible, names)), default=0)
    for name in names:
        column = COLUMNS.get(name)
        unit = (
            column.unit
            if column is not None and column.is_number and column.unit not in ("count", "fraction")
            else ""
        )
        text = f"{_padded(visible(name), width, is_right=False)}  {visible(cell_text(name, row[name]))}"
        console.print(Text(f"{text} {unit}".rstrip()), soft_wrap=True)


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
    # a trial that was stopped early must not pass for a result
    unfinished = ["state"] if any(row.get("state") != "COMPLETE" for row in table.rows) else []
    names = [*several, "trial", "val_acc", *unfinished, *varied, *stuck, *dials, *further, *FACTS]
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
        else [visible(cell_text(name, value)) for value in table.column(name)]
        for name in names
        if not is_deviation(name, with_deviation)
    }


def _draw(table: PlainTable, shown: dict[str, list[str]], widths: dict[str, int], console: Console) -> None:
    box = HEAVY_HEAD if console.encoding.startswith("utf") else ASCII2
    bar, line = box.head_vertical, box.mid_vertical
    is_right = {name: is_numeric(table.column(name)) for name in shown}
    columns = [
        [_padded(cell, widths[name], is_right=is_right[name]) for cell in (visible(name), *cells)]
        for name, cells in shown.items()
    ]
    lines = [widths[name] + 2 for name in shown]
    console.file.write(f"{box.get_top(lines)}\n")
    names = f" {bar} ".join(column[0] for column in columns)
    console.print(Text.assemble(f"{bar} ", (names, "bold"), f" {bar}"), soft_wrap=True)
    between = f" {line} "
    rows = zip(*(column[1:] for column in columns), strict=True)
    body = [f"{line} {between.join(cells)} {line}" for cells in rows]
    console.file.write("\n".join([box.get_row(lines, "head"), *body, box.get_bottom(lines), ""]))


def _padded(text: str, width: int, *, is_right: bool) -> str:
    blanks = " " * (width - (len(text) if text.isascii() else cell_len(text)))
    return blanks + text if is_right else text + blanks


def _print_rest(
    table: PlainTable, shown: Sequence[str], constants: Mapping[str, Any], console: Console
) -> None:
    """What every row shares, and how much is not to be seen here."""
    shared = [f"{name} {visible(cell_text(name, value))}" for name, value in constants.items()]
    if shared:
        shared[0] = f"in every row: {shared[0]}"
        console.print(Text(wrapped(shared, console.width, ", "), style="dim"))
    known = {*shown, *constants, *(["sweep"] if len({row.get("sweep") for row in table.rows}) < 2 else [])}
    left_out = [name for name in table.names if name not in known and not is_deviation(name, table.names)]
    if left_out:
        count = "1 column" if len(left_out) == 1 else f"{len(left_out)} columns"
        names = f": {visible(', '.join(left_out))}" if console.width >= WIDE else ""
        console.print(Text(f"{count} left out (--columns NAMES, --csv){names}", style="dim"))


def _print_reasons(table: PlainTable, shown: Sequence[str], console: Console) -> None:
    """Why trials failed or came to nothing, below the table: a reason is a sentence and fits no column.

    Args:
        table: any table.
        shown: the cells of its reasons, where they have a column; what is cut there is told here.
        console: where to.
    """
    if _is_grouped(table):
        return
    told: dict[str, list[tuple[str, int, str]]] = {}
    for at, row in enumerate(table.rows):
        state, reason = str(row.get("state")), row.get("reason")
        is_cut = bool(shown) and reason is not None and shown[at] != visible(cell_text("reason", reason))
        if reason and (state == "FAIL" or is_cut):
            told.setdefault(state, []).append((str(row.get("sweep")), row["trial"], plain_text(reason)))
    for state, trials in sorted(told.items(), key=lambda entry: entry[0] != "FAIL"):
        found = shared_reasons(trials)
        does = " failed" if state == "FAIL" else f", {state}"
        for one in found[:MOST_REASONS]:
            text = visible(f"{trial_words(one.trials)}{does}: {one}")
            console.print(text, markup=False, soft_wrap=True)
        if more := sum(len(one.trials) for one in found[MOST_REASONS:]):
            print(f"and {more} more: --columns trial,state,reason --csv", file=console.file)
    stuck = [row for row in table.rows if row.get("at_chance")]
    if stuck:
        who = trial_words([(str(row.get("sweep")), row["trial"]) for row in stuck])
        values = sorted({cell_text("val_acc", row.get("val_acc")) for row in stuck})
        span = values[0] if len(values) == 1 else f"{values[0]} to {values[-1]}"
        text = visible(f"{who} stayed at chance: no better than guessing (val_acc {span})")
        console.print(text, markup=False, soft_wrap=True)
