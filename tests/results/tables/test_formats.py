"""Every form survives a round trip through a reader that is not ours."""

from __future__ import annotations

import html.parser
import io
import json
import math
import re
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from vggsweep.errors import ConfigError
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.formats import (
    csv_text,
    format_table,
    guard_formula,
    html_text,
    json_text,
    latex_text,
    markdown_text,
    readable,
    unguard_formula,
    write_parquet,
)
from vggsweep.results.units import number_text

# Whatever a record can hold: JSON has every character, the awkward ones often.
AWKWARD = st.sampled_from(
    list("|\\`*_~<>[]&$%#{}^=+-@'\",; \t\r\n!.0a±é=\uff1d") + ["\\\\", "vgg_scaled", "--", "&amp;"]
)
TEXTS = st.lists(st.one_of(AWKWARD, st.characters(exclude_categories=["Cs"])), max_size=8).map("".join)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
COLUMNS = {
    "trial": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    "val_acc": st.one_of(st.none(), FLOATS),
    "arch": st.one_of(st.none(), TEXTS),
    "pareto": st.one_of(st.none(), st.booleans()),
}
NAMES = tuple(COLUMNS)
TABLES = st.lists(st.fixed_dictionaries(COLUMNS), max_size=5).map(lambda rows: PlainTable(NAMES, rows))


def as_text(value: Any) -> str:
    """What a cell of text holds; no form but JSON tells a missing value from an empty text."""
    return "" if value is None else value if isinstance(value, str) else repr(value)


def texts_of(table: PlainTable) -> list[list[str]]:
    return [list(table.names)] + [[as_text(row[name]) for name in table.names] for row in table.rows]


def without_controls(table: PlainTable) -> PlainTable:
    """What readers are shown has escapes for control characters, tested by itself."""
    rows = [
        {**row, "arch": row["arch"] and "".join(c for c in row["arch"] if c.isprintable())}
        for row in table.rows
    ]
    return PlainTable(table.names, rows)


# --- for programs: exact


@given(TABLES)
@example(PlainTable(NAMES, [{"trial": 2**62 + 1, "val_acc": 0.1 + 0.2, "arch": "\r", "pareto": None}]))
def test_csv_is_read_back_by_pandas(table: PlainTable) -> None:
    frame = pd.read_csv(
        io.StringIO(csv_text(table)), dtype=str, keep_default_na=False, na_values=[], lineterminator="\n"
    )

    read = [[unguard_formula(name) for name in frame.columns]]
    # a text may look as if it were guarded, a number never is
    read += [
        [unguard_formula(cell) if name == "arch" else cell for name, cell in zip(NAMES, row, strict=True)]
        for row in frame.itertuples(index=False)
    ]
    assert read == texts_of(table)


@given(TABLES)
def test_json_is_read_back_exactly(table: PlainTable) -> None:
    assert json.loads(json_text(table)) == [dict(row) for row in table.rows]


@given(table=TABLES)
def test_parquet_is_read_back_by_pandas_with_its_types(table: PlainTable, tmp_path_factory: Any) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path_factory.getbasetemp() / "table.parquet"
    write_parquet(table, path)

    frame = pd.read_parquet(path, dtype_backend="numpy_nullable")

    assert list(frame.columns) == list(NAMES)
    read = [
        {name: None if pd.isna(row[name]) else row[name] for name in NAMES}
        for row in frame.to_dict("records")
    ]
    assert read == [dict(row) for row in table.rows]
    assert all(row["trial"] is None or isinstance(row["trial"], int) for row in read)


def test_json_has_null_for_what_it_cannot_say() -> None:
    table = PlainTable(("a",), [{"a": math.inf}, {"a": [1, math.nan]}, {"a": {"b": -math.inf}}, {}])

    assert json.loads(json_text(table)) == [{"a": None}, {"a": [1, None]}, {"a": {"b": None}}, {"a": None}]


def test_parquet_takes_columns_of_mixed_kinds_lists_and_huge_numbers(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    values: list[Any] = ["sgd", 3, None, [1, 2], {"a": 1}, True, "\ud800"]
    table = PlainTable(("mixed", "huge"), [{"mixed": value, "huge": 10**30} for value in values])
    write_parquet(table, tmp_path / "t.parquet")

    frame = pd.read_parquet(tmp_path / "t.parquet")

    assert frame["mixed"].tolist()[:2] + frame["mixed"].tolist()[3:6] == [
        "sgd",
        "3",
        "[1, 2]",
        '{"a": 1}',
        "True",
    ]
    assert frame["huge"].tolist() == [1e30] * 7


def test_parquet_without_pyarrow_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(ConfigError, match=r"pip install 'vggsweep\[parquet\]'"):
        write_parquet(PlainTable(("a",), []), tmp_path / "t.parquet")


@pytest.mark.parametrize(
    "start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'=", "''+"]
)
def test_no_text_cell_and_no_header_of_a_csv_is_a_formula(start: str) -> None:
    name = f"{start}cmd|' /C calc'!A0"
    frame = pd.read_csv(
        io.StringIO(csv_text(PlainTable((name,), [{name: name}]))), dtype=str, lineterminator="\n"
    )

    for cell in (frame.columns[0], frame.iloc[0, 0]):
        assert cell == f"'{name}"
        assert unguard_formula(cell) == name


def test_numbers_of_a_csv_stay_numbers() -> None:
    table = PlainTable(("a", "b"), [{"a": -0.5, "b": -3}, {"a": "-0.5", "b": "'-"}])

    assert csv_text(table) == "a,b\n-0.5,-3\n'-0.5,''-\n"


def test_semicolons_are_quoted_for_spreadsheets_that_separate_by_them() -> None:
    assert csv_text(PlainTable(("a",), [{"a": "x;=1+1"}])) == 'a\n"x;=1+1"\n'


@given(TEXTS)
def test_guarding_can_be_undone(text: str) -> None:
    assert unguard_formula(guard_formula(text)) == text
    assert guard_formula(text)[:1] not in tuple("=+-@\t\r\n")


# --- for readers: what is shown is read back, and 17 digits are exact


class Cells(html.parser.HTMLParser):
    """The rows of the first table of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.is_inside = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append("")
            self.is_inside = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("th", "td"):
            self.is_inside = False

    def handle_data(self, data: str) -> None:
        if self.is_inside:
            self.rows[-1][-1] += data


def read_html(page: str) -> list[list[str]]:
    cells = Cells()
    cells.feed(page)
    return cells.rows


def read_markdown(text: str) -> list[list[str]]:
    return read_html(MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(text))


LATEX = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\char34{}": '"',
    r"\char96{}": "`",
    r"$\pm$": "±",
    "{[}": "[",
    "-{}": "-",
    **{f"\\{character}": character for character in "&%$#_{}"},
}


def read_latex(text: str) -> list[list[str]]:
    """What TeX would typeset, for the commands that we use."""
    body = text.split("\\toprule\n")[1].split("\\bottomrule")[0].replace("\\midrule\n", "")
    token = re.compile(
        "|".join(map(re.escape, [r" \\" + "\n", " & ", *LATEX])) + r"|\$(-[\d.e+-]+)\$|.", re.DOTALL
    )
    rows = [[""]]
    for match in token.finditer(body):
        if match[0] == " \\\\\n":
            rows.append([""])
        elif match[0] == " & ":
            rows[-1].append("")
        else:
            rows[-1][-1] += match[1] or LATEX.get(match[0], match[0])
    return rows[:-1]


READERS = {"html": read_html, "markdown": read_markdown, "latex": read_latex}


@pytest.mark.parametrize("form", READERS)
@given(table=TABLES.map(without_controls))
@example(
    table=PlainTable(
        NAMES,
        [
            {"trial": 1, "val_acc": -0.5, "arch": "[[1,16]]|a--b---c", "pareto": None},
            {"trial": None, "val_acc": 1e-7, "arch": " __init__ _x_ <b> &lt; `y` \\| ", "pareto": True},
        ],
    )
)
def test_readers_form_is_read_back(form: str, table: PlainTable) -> None:
    assert READERS[form](format_table(table, form, digits=17)) == texts_of(table)


@pytest.mark.parametrize("form", READERS)
def test_controls_and_newlines_break_no_row(form: str) -> None:
    table = PlainTable(("arch", "b"), [{"arch": "a\nb\r\t\x1b[2J\x00\ud800", "b": 1}])

    assert READERS[form](format_table(table, form)) == [
        ["arch", "b"],
        [r"a\nb\r\t\x1b[2J\x00\ud800", "1"],
    ]


@given(st.floats(1e-5, 1e14), st.integers(1, 16))
def test_rounded_numbers_are_within_half_a_unit_of_the_last_digit(value: float, digits: int) -> None:
    shown = float(number_text(value, digits))

    assert shown == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


@pytest.mark.parametrize("form", READERS)
def test_mean_stands_with_its_deviation_at_the_same_decimals(form: str) -> None:
    table = PlainTable(
        ("depth", "val_acc", "val_acc_sd"),
        [
            {"depth": 8, "val_acc": 0.89123, "val_acc_sd": 0.0031},
            {"depth": 9, "val_acc": 0.9, "val_acc_sd": None},
        ],
    )

    assert READERS[form](format_table(table, form)) == [
        ["depth", "val_acc"],
        ["8", "0.8912 ± 0.0031"],
        ["9", "0.9000"],
    ]


def test_numbers_are_aligned_right_and_text_left() -> None:
    table = readable(PlainTable(("a", "b"), [{"a": -1.5, "b": "x"}, {"a": None, "b": "1"}]))

    assert markdown_text(table).splitlines()[1] == "| ---: | --- |"
    assert r"\begin{tabular}{rl}" in latex_text(table)
    assert html_text(table).count('class="number"') == 3


def test_html_page_runs_nothing_and_asks_nobody() -> None:
    page = format_table(PlainTable(("<script>",), [{"<script>": "<img src=x onerror=alert(1)>"}]), "html")

    assert "<script" not in page
    assert "<img" not in page
    assert "http" not in page
