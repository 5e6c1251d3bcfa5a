"""``vggsweep table [SWEEP ...]``: the results of sweeps, or of single trials, as a table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console

from vggsweep.errors import ConfigError, near_match
from vggsweep.files import replacing, write_atomically
from vggsweep.results.disk.choice import CHOICE_HELP, Choice, choose
from vggsweep.results.disk.sweep_file import read_infeasible
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.condition import Condition, select_where
from vggsweep.results.tables.formats import (
    FORMATS,
    READERS,
    SUFFIXES,
    format_table,
    readable,
    write_parquet,
)
from vggsweep.results.tables.groups import group_rows
from vggsweep.results.tables.held_out import refuse_to_choose_by
from vggsweep.results.tables.paper import paper_columns
from vggsweep.results.tables.selection import best_rows, choose_columns, sort_rows, split_names
from vggsweep.results.tables.table import KEYS, damages, load_plain, without_empty
from vggsweep.results.tables.terminal import output_console, print_row, print_table
from vggsweep.results.units import DIGITS
from vggsweep.visible import show, visible_lines

HELP = "the results of a sweep as a table"
EXAMPLE = """\
examples:
  vggsweep table                        the newest sweep under outputs/
  vggsweep table quickstart/7           everything that is known of one trial
  vggsweep table quickstart --json
  vggsweep table runs d2l_vgg --csv > results.csv
  vggsweep table --where "val_acc > 0.85 and depth <= 8" --sort=-val_acc,macs
  vggsweep table --where "state == 'COMPLETE' and optimizer.momentum in (0.8, 0.9)"
  vggsweep table --group-by depth,width --best-per depth --out best.md
  vggsweep table --group-by depth,width --latex
  vggsweep table --compare              a row for each configuration: how far below the best, how sure
  vggsweep table --columns trial,depth,width,val_acc,reason

The order of work: --where, --group-by, --best-per, --sort, --columns. --group-by, --compare and --best-per
read the COMPLETE trials; `pareto` is the front of val_acc against macs over all rows that were loaded.
"""
# Without a terminal behind it the table is as wide as it needs to be.
FILE_WIDTH = 400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument("sweeps", nargs="*", metavar="SWEEP", help=CHOICE_HELP)
    parser.add_argument("--where", metavar="CONDITION", help="only rows for which it is true; see below")
    parser.add_argument(
        "--group-by", action="append", metavar="COLUMNS", help="mean, standard deviation and n of replicates"
    )
    parser.add_argument(
        "--compare", action="store_true", help="each configuration against the best, with intervals"
    )
    parser.add_argument(
        "--best-per", action="append", metavar="COLUMNS", help="the row with the best val_acc for each value"
    )
    parser.add_argument(
        "--sort", action="append", metavar="COLUMNS", help="the weightiest first; -column is descending"
    )
    parser.add_argument("--columns", action="append", metavar="COLUMNS", help="these, in this order")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--format", metavar="FORMAT", help=f"{', '.join(FORMATS)}; default rich, or by --out")
    form.add_argument("--json", action="store_const", const="json", dest="format", help="--format json")
    form.add_argument("--csv", action="store_const", const="csv", dest="format", help="--format csv")
    form.add_argument("--latex", action="store_const", const="latex", dest="format", help="--format latex")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write here; its suffix tells the format")
    parser.add_argument(
        "--digits",
        type=int,
        default=DIGITS,
        metavar="N",
        help=f"significant digits in markdown, latex and html (default {DIGITS}); 17 are exact",
    )


def prepare_words(words: Sequence[str]) -> list[str]:
    """``--sort -val_acc`` as ``--sort=-val_acc``: argparse would take the column for a flag.

    >>> prepare_words(["mine", "--sort", "-val_acc", "--json"])
    ['mine', '--sort=-val_acc', '--json']
    """
    prepared: list[str] = []
    for word in words:
        if prepared and prepared[-1] == "--sort" and not word.startswith("--"):
            prepared[-1] = f"--sort={word}"
        else:
            prepared.append(word)
    return prepared


def run(arguments: argparse.Namespace) -> int:
    """Print or write the table; damaged records are named on standard error, whatever is selected."""
    form = chosen_format(arguments.format, arguments.out)
    if not 1 <= arguments.digits <= 17:
        raise ConfigError(f"--digits {arguments.digits}: between 1 and 17 significant digits make sense.")
    if form == "parquet" and arguments.out is None:
        raise ConfigError("Parquet is no text: name a file with --out, such as --out table.parquet.")
    choice = choose(arguments.sweeps)
    loaded = load_plain(sweep.path for sweep in choice.sweeps)
    loaded = PlainTable(loaded.names, [row for row in loaded.rows if choice.keeps(row)])
    for error in damages(loaded):
        show(f"damaged: {error}", sys.stderr)
    columns = split_names(arguments.columns)
    if not all(sweep.confirmation.is_file() for sweep in choice.sweeps):  # there others have chosen
        check_choice(loaded, arguments)
    table, said = (
        compare(choice, arguments, columns) if arguments.compare else (select(loaded, arguments, columns), "")
    )
    if form == "latex" and not (columns or arguments.compare):
        table = choose_columns(table, paper_columns(table))
    if arguments.out is not None:
        width = write_table(table, arguments.out, form, arguments.digits, columns)
        show(f"{arguments.out}: {_counted(len(table.rows), 'row')}, {_counted(width, 'column')}")
        if not table.rows:
            show(nothing_found(loaded, arguments, choice))
    elif form == "rich" and not table.rows:
        show(nothing_found(loaded, arguments, choice))
    elif form == "rich" and choice.single is not None and len(table.rows) == 1 and not columns:
        print_row(table, output_console(FILE_WIDTH))
    elif form == "rich":
        shown = columns or (table.names if arguments.compare else ())
        print_table(table, output_console(FILE_WIDTH), chosen=shown)
        if said:
            show(said)
        untold = () if choice.trials else choice.sweeps
        for line in [line for sweep in untold for line in read_infeasible(sweep.best)]:
            show(f"not in the table: {line}")
    else:
        text = format_table(table, form, arguments.digits)
        # a file gets every character, a person's terminal what it can show
        sys.stdout.write(visible_lines(text) if sys.stdout.isatty() else text)
    return 0


def chosen_format(form: str | None, out: Path | None) -> str:
    """The format that was named, else that of the file's suffix, else the terminal's.

    Raises:
        ConfigError: there is no such format.
    """
    if form is None:
        if out is None:
            return "rich"
        if out.suffix not in SUFFIXES:
            raise ConfigError(f"--out {out}: its suffix tells no format. {near_match(out.suffix, SUFFIXES)}")
        return SUFFIXES[out.suffix]
    if form not in FORMATS:
        raise ConfigError(f"--format {form}: no such format. {near_match(form, FORMATS)}")
    return form


def check_choice(table: PlainTable, arguments: argparse.Namespace) -> None:
    """Refuse to choose rows by what the test set said, or to rank them.

    Raises:
        ConfigError: a flag does.
    """
    where = arguments.where
    compared = Condition(where, table.names).compared_columns() if where is not None else set()
    sorted_by = (name.removeprefix("-") for name in split_names(arguments.sort))
    refuse_to_choose_by([*sorted(compared), *sorted_by])


def select(table: PlainTable, arguments: argparse.Namespace, columns: Sequence[str]) -> PlainTable:
    """What the flags ask of a table."""
    kept: list[str] = [name for name in KEYS if name in table.names]
    if arguments.where is not None:
        table = select_where(table, arguments.where)
    if keys := split_names(arguments.group_by):
        table = group_rows(
            without_empty(table, [*KEYS, *(name for name in keys if name in table.names)]), keys
        )
        kept = list(table.names)
    if keys := split_names(arguments.best_per):
        table = best_rows(table, keys)
    table = sort_rows(table, split_names(arguments.sort))
    return choose_columns(table, columns) if columns else without_empty(table, kept)


def compare(choice: Choice, arguments: argparse.Namespace, columns: Sequence[str]) -> tuple[PlainTable, str]:
    """The configurations, each against the best of its group, and where the intervals come from."""
    if arguments.group_by or arguments.best_per:
        raise ConfigError(
            "--compare already has a row for each configuration, seeds averaged: leave out --group-by and "
            "--best-per."
        )
    # pandas and the simulation of differences, which no other table needs
    from vggsweep.results.findings.evidence import load_evidence
    from vggsweep.results.findings.judgement import judge
    from vggsweep.results.findings.ranking import ranking

    found = judge(load_evidence(choice.sweeps, arguments.where, choice))
    rows = ranking(found.verdict, found.cost, found.accuracy)
    table = sort_rows(rows, split_names(arguments.sort))
    said = "\n".join([found.verdict.uncertainty, *(f"note: {one}" for one in found.verdict.cautions)])
    return (choose_columns(table, columns) if columns else table), said


def write_table(table: PlainTable, out: Path, form: str, digits: int, columns: Sequence[str]) -> int:
    """Write a file whole or not at all.

    Returns:
        How many columns it has: a file for readers shows a mean and its deviation as one.

    Raises:
        ConfigError: it cannot be written there.
    """
    try:
        if form == "parquet":
            with replacing(out) as temporary:
                write_parquet(table, temporary)
        elif form == "rich":
            text = StringIO()
            width = print_table(table, Console(file=text, width=FILE_WIDTH, highlight=False), chosen=columns)
            write_atomically(out, text.getvalue())
            return width
        else:
            write_atomically(out, format_table(table, form, digits))
    except OSError as error:
        raise ConfigError(f"--out {error}") from None
    return len(readable(table).names if form in READERS else table.names)


def nothing_found(loaded: PlainTable, arguments: argparse.Namespace, choice: Choice) -> str:
    """Why no row is left, in a sentence."""
    of = ", ".join(dict.fromkeys(sweep.name for sweep in choice.sweeps))
    if not loaded.rows and choice.trials:
        return f"No trial of {of} that was named has a record yet; `vggsweep status` shows how far it is."
    if not loaded.rows:
        return f"No trial of {of} has a record yet."
    condition = arguments.where
    left = select_where(loaded, condition).rows if condition is not None else loaded.rows
    if not left:
        return f"No trial of {of} satisfies {condition} ({_counted(len(loaded.rows), 'trial')} read)."
    what = f" that satisfies {condition}" if condition is not None else ""
    return f"No trial of {of}{what} is COMPLETE with a val_acc: --group-by and --best-per read no others."


def _counted(count: int, thing: str) -> str:
    """A number of things.

    >>> _counted(1, "row"), _counted(31, "column")
    ('1 row', '31 columns')
    """
    return f"{count} {thing}{'' if count == 1 else 's'}"
