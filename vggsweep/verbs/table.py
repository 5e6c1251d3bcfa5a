"""``vggsweep table [SWEEP ...]``: the results of one or several sweeps as a table."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from vggsweep.results.layout import find_sweep
from vggsweep.results.table import load_table

HELP = "the results of a sweep as a table"
EXAMPLE = """\
examples:
  vggsweep table                        the newest sweep under outputs/
  vggsweep table quickstart --json
  vggsweep table runs d2l_vgg --csv > results.csv
"""
# The most telling columns first: a narrow terminal shows as many as fit; csv and json hold every column.
BY_IMPORTANCE = (
    "sweep trial depth width val_acc macs params train_acc epochs_run state arch images_per_second "
    "train_seconds latency_ms_p50 test_acc head resolution optimizer lr seed"
).split()
# Without a terminal behind it the table is as wide as it needs to be.
FILE_WIDTH = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help="directory or name under outputs/")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of rows with every column")
    form.add_argument("--csv", action="store_true", help="comma-separated values with every column")


def run(arguments: argparse.Namespace) -> int:
    """Print the table; damaged records are named on standard error."""
    sweeps = [find_sweep(word) for word in arguments.sweeps or [None]]
    table, damaged = load_table([sweep.path for sweep in sweeps])
    for error in damaged:
        print(f"damaged: {error}", file=sys.stderr)
    if arguments.json:
        print(json.dumps(plain_rows(table), indent=2))
    elif arguments.csv:
        table.to_csv(sys.stdout, index=False, lineterminator="\n")
    else:
        console = Console(highlight=False, width=None if sys.stdout.isatty() else FILE_WIDTH)
        print_table(table, console)
    return 0


def plain_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows for JSON: NumPy numbers become Python's, missing values null."""
    rows: list[dict[str, Any]] = json.loads(table.to_json(orient="records", double_precision=15))
    return rows


def print_table(table: pd.DataFrame, console: Console) -> None:
    """As many of the most telling columns as the console is wide, in the order of the table."""
    names = [name for name in BY_IMPORTANCE if name in table.columns]
    if "sweep" in names and table["sweep"].nunique() <= 1:
        names.remove("sweep")
    while len(names) > 1 and _width(table, names, console) > console.width:
        names.pop()
    console.print(rich_table(table, [name for name in table.columns if name in names]))


def _width(table: pd.DataFrame, names: list[str], console: Console) -> int:
    options = console.options.update(width=FILE_WIDTH)
    return console.measure(rich_table(table, names), options=options).maximum


def rich_table(table: pd.DataFrame, names: list[str]) -> Table:
    """The named columns, numbers aligned right."""
    view = Table()
    for name in names:
        is_number = pd.api.types.is_numeric_dtype(table[name])
        view.add_column(name, justify="right" if is_number else "left", no_wrap=True)
    for _, values in table[names].iterrows():
        # Text, for rich would take the brackets of [[1,16]] for its own markup.
        view.add_row(*(Text(_cell(name, values[name])) for name in names))
    return view


def _cell(name: str, value: Any) -> str:
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return ""
    if isinstance(value, (str, list, dict)):
        return str(value)
    if name.endswith("_acc"):
        return f"{value:.4f}"
    if name in ("params", "macs", "trial", "depth", "width", "epochs_run"):
        return f"{int(float(value)):,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)
