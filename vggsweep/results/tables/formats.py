"""The table as CSV, JSON, Markdown, LaTeX, HTML or Parquet.

CSV, JSON and Parquet are for programs: every column, exact numbers. Markdown, LaTeX and HTML are for
readers: numbers have a few significant digits, and a mean stands with its standard deviation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from vggsweep.errors import ConfigError
from vggsweep.results.columns import DEVIATING
from vggsweep.results.disk.record import finite
from vggsweep.results.plain import DEVIATION, PlainTable, is_deviation, is_number, is_numeric
from vggsweep.results.units import DIGITS, deviation_text, number_text, plain_text, short_text
from vggsweep.visible import visible

SUFFIXES = {
    ".csv": "csv",
    ".parquet": "parquet",
    ".md": "markdown",
    ".tex": "latex",
    ".html": "html",
    ".json": "json",
    ".txt": "rich",
}
FORMATS = tuple(SUFFIXES.values())


def format_table(table: PlainTable, form: str, digits: int = DIGITS) -> str:
    """The table as text.

    Args:
        table: any table.
        form: csv, json, markdown, latex or html.
        digits: significant digits of what is not a whole number, for readers.
    """
    if form == "csv":
        return csv_text(table)
    return json_text(table) if form == "json" else READERS[form](readable(table, digits))


# --- for programs


def csv_text(table: PlainTable) -> str:
    """Comma-separated values with a header; a missing value is an empty cell."""
    lines = [",".join(map(_csv_cell, table.names))]
    lines += [",".join([_csv_cell(row.get(name)) for name in table.names]) for row in table.rows]
    return "\n".join(lines) + "\n"


# The csv module leaves a lone carriage return bare, where most readers begin a new row; a semicolon separates
# cells in half of Europe, and what stands after it must not become a formula either.
CSV_QUOTED = re.compile('[,;"\t\r\n]')


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    if is_number(value):
        return repr(value)
    return _csv_text_cell(plain_text(value))


@lru_cache(4096)  # names of families, devices and data sets stand in every row
def _csv_text_cell(text: str) -> str:
    text = guard_formula(text)
    return '"{}"'.format(text.replace('"', '""')) if CSV_QUOTED.search(text) else text


# https://owasp.org/www-community/attacks/CSV_Injection; the full-width forms count too.
FORMULA_START = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")  # noqa: RUF001


def guard_formula(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe goes before what looks like one.

    >>> guard_formula("=1+1"), guard_formula("vgg16"), guard_formula("'=1")
    ("'=1+1", 'vgg16', "''=1")
    """
    return f"'{text}" if FORMULA_START.match(text) else text


def unguard_formula(text: str) -> str:
    """What `guard_formula` was given.

    >>> unguard_formula("'=1+1"), unguard_formula("''=1"), unguard_formula("'vgg16")
    ('=1+1', "'=1", "'vgg16")
    """
    return text[1:] if text.startswith("'") and FORMULA_START.match(text) else text


def json_text(table: PlainTable) -> str:
    """A list of rows, one a line, each with every column; what is missing or not finite is null."""
    lines = []
    for row in table.rows:
        plain = {name: row.get(name) for name in table.names}
        try:
            lines.append(json.dumps(plain, allow_nan=False))
        except ValueError:
            lines.append(json.dumps(finite(plain), allow_nan=False))
    return "[\n" + ",\n".join(lines) + "\n]\n" if lines else "[]\n"


def write_parquet(table: PlainTable, path: Path) -> None:
    """Write a Parquet file; a column of mixed kinds, lists or mappings becomes text.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ConfigError(
            "Parquet needs pyarrow, which is not installed: pip install 'vggsweep[parquet]', "
            "or take --format csv, which pandas reads as well."
        ) from None
    columns = {name: _parquet_column(table.column(name)) for name in table.names}
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


def _parquet_column(values: Sequence[Any]) -> Any:
    import pyarrow

    kind: Callable[[Any], Any] = plain_text
    if is_numeric(values) or all(value is None or isinstance(value, bool) for value in values):
        kind = float
        if not any(isinstance(value, float) for value in values):
            with suppress(OverflowError, pyarrow.ArrowInvalid):  # an integer beyond 64 bits
                return pyarrow.array(values)
    return pyarrow.array([None if value is None else kind(value) for value in values])


# --- for readers


def readable(table: PlainTable, digits: int = DIGITS) -> PlainTable:
    """The table with texts for cells: rounded numbers, means with their deviations, nothing for None."""
    deviated = {name for name in table.names if name + DEVIATION in table.names}
    names = tuple(name for name in table.names if not is_deviation(name, table.names))
    rows = []
    for row in table.rows:
        cells = {}
        for name in names:
            value = row.get(name)
            is_measured = name in DEVIATING or name in deviated
            text = number_text(value, digits) if is_measured else short_text(value, digits)
            deviation = row.get(name + DEVIATION) if name in deviated else None
            cells[name] = text if deviation is None else f"{text} ± {deviation_text(deviation, text)}"
        rows.append(cells)
    return PlainTable(names, rows)


def right_aligned(table: PlainTable) -> list[bool]:
    """For each column of a readable table whether it holds numbers.

    >>> right_aligned(PlainTable(("a", "b"), [{"a": "0.8 ± 0.1", "b": "gap"}, {"a": "", "b": "3"}]))
    [True, False]
    """
    number = re.compile(r"-?\d[\d,]*(\.\d+)?(e[+-]?\d+)?( ± .*)?|")
    return [all(number.fullmatch(text) for text in table.column(name)) for name in table.names]


def markdown_text(table: PlainTable) -> str:
    """A table of GitHub Flavored Markdown."""
    rules = ["---:" if is_right else "---" for is_right in right_aligned(table)]
    lines = [map(_markdown_cell, table.names), rules]
    lines += [[_markdown_cell(row[name]) for name in table.names] for row in table.rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _markdown_cell(text: str) -> str:
    # `vgg_scaled` stays readable: an underscore within a word is no emphasis.
    escaped = re.sub(r"([\\`*\[\]<>|~&!$])|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", visible(text))
    # Outer blanks are the table's own, unless written as entities.
    return re.sub(r"^\s|\s$", lambda blank: f"&#{ord(blank[0])};", escaped)


LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\char34{}",
    "`": r"\char96{}",
    "±": r"$\pm$",
    "[": "{[}",  # after `\\` a bracket would be an argument
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def latex_text(table: PlainTable) -> str:
    r"""A tabular for ``\usepackage{booktabs}``."""
    columns = "".join("r" if is_right else "l" for is_right in right_aligned(table))
    head = " & ".join(map(_latex_cell, table.names))
    rows = [" & ".join(_latex_cell(row[name]) for name in table.names) + r" \\" for row in table.rows]
    start = ["% needs \\usepackage{booktabs}", f"\\begin{{tabular}}{{{columns}}}", r"\toprule"]
    end = [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join([*start, rf"{head} \\", r"\midrule", *rows, *end])


def _latex_cell(text: str) -> str:
    if re.fullmatch(r"-\d[\d.]*", text):
        return f"${text}$"  # a minus, not a hyphen
    escaped = "".join(LATEX.get(character, character) for character in visible(text))
    return escaped.replace("--", "-{}-").replace("--", "-{}-")  # two hyphens would be a dash


def html_text(table: PlainTable) -> str:
    """A page of its own with nothing but the table."""
    import jinja2  # no other format needs it

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        finalize=visible,
    )
    numbers = {name for name, is_right in zip(table.names, right_aligned(table), strict=True) if is_right}
    return environment.get_template("table.html.j2").render(table=table, numbers=numbers)


READERS: dict[str, Callable[[PlainTable], str]] = {
    "markdown": markdown_text,
    "latex": latex_text,
    "html": html_text,
}
