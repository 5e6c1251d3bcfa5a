"""``--where``: what it selects, and that nothing but a condition gets through."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.errors import ConfigError
from vggsweep.results.plain import PlainTable
from vggsweep.results.tables.condition import select_where

NAMES = (
    "trial",
    "depth",
    "val_acc",
    "test_acc",
    "arch",
    "optimizer",
    "optimizer.momentum",
    "my-key",
    "pareto",
)
ROWS: list[dict[str, Any]] = [
    {"trial": 0, "depth": 5, "val_acc": 0.8, "arch": "vgg_scaled", "optimizer": "sgd", "pareto": False},
    {"trial": 1, "depth": 8, "val_acc": 0.95, "arch": "vgg16", "optimizer.momentum": 0.9, "pareto": True},
    {"trial": 2, "depth": 9, "val_acc": 0.92, "test_acc": 0.9, "my-key": "a`b", "pareto": True},
    {"trial": 3, "depth": None, "val_acc": "high", "arch": "lenet", "pareto": False},
]
TABLE = PlainTable(NAMES, ROWS)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("val_acc > 0.9 and depth <= 8", [1]),
        ("0.8 < val_acc <= 0.92", [2]),
        ("depth == 5 or depth == 9", [0, 2]),
        ("depth in (5, 9)", [0, 2]),
        ("depth not in [5, 9]", [1]),
        ("not depth == 5", [1, 2]),
        ("depth != 5", [1, 2]),
        ("depth is None", [3]),
        ("depth is not None and not pareto", [0]),
        ("pareto", [1, 2]),
        ("pareto == True", [1, 2]),
        ("optimizer.momentum > 0.5", [1]),
        ("`optimizer.momentum` > 0.5", [1]),
        ("`my-key` is not None", [2]),
        ("'vgg' in arch", [0, 1]),
        ("arch == 'vgg16'", [1]),
        ('arch == "`depth`"', []),
        ("depth > -1", [0, 1, 2]),
        ("test_acc < val_acc", [2]),
        ("val_acc < 1", [0, 1, 2]),
        ("  depth == 8  ", [1]),
        ("True", [0, 1, 2, 3]),
    ],
)
def test_condition_selects(condition: str, expected: list[int]) -> None:
    assert select_where(TABLE, condition).column("trial") == expected


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("dept > 3", "no column 'dept'; text stands in quotes, 'dept'. Did you mean 'depth'?"),
        ("optimizer == sgd", "no column 'sgd'; text stands in quotes, 'sgd'"),
        ("`optimizer.momentun`", "no column 'optimizer.momentun'"),
        ("depth = 3", "Compare with ==."),
        ("depth > 3 && width > 2", "Write and, or."),
        ("depth >", "cannot be read"),
        ("", "cannot be read"),
        ("depth", "depth is 5, neither true nor false"),
        ("depth + 1", "neither true nor false"),
        ("depth + 1 > 3", "'depth + 1' is not understood"),
        ("arch > 3", "'vgg_scaled' and 3 have no order"),
        ("depth in 5", "`in` wants a list or a text"),
        ("depth is 5", "`is` asks only for None"),
        ("(depth > 3) & (depth < 5)", "neither true nor false"),
        ("x" * 10_001, "at most 10,000 characters"),
        ("(" * 5_000, "cannot be read"),
        ("not " * 2_400 + "pareto", "cannot be read"),
        ("depth > 3\x00", "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_one_paragraph(condition: str, words: str) -> None:
    with pytest.raises(ConfigError, match="--where") as caught:
        select_where(TABLE, condition)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "condition",
    [
        "open('hit', 'w')",
        "__import__('os').system('touch hit') == 0",
        "(lambda: open('hit', 'w'))() is None",
        "[open('hit', 'w') for x in (1,)] == 1",
        "depth.__class__ == 1",
        "depth[0] == 1",
        "f'{open(\"hit\", \"w\")}' == 'x'",
        "(hit := 3) == 3",
        "depth == 2 ** 10 ** 10",
        "depth == b'x'",
        "depth == 3j",
        "depth == ...",
        "{**depth} == 1",
        "(yield) == 1",
        "`depth`.__class__ == 1",
    ],
)
def test_nothing_is_ever_executed(condition: str, own_folder: Path) -> None:
    with pytest.raises(ConfigError, match="--where"):
        select_where(TABLE, condition)
    assert list(own_folder.iterdir()) == []


@given(st.text(max_size=60))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    with contextlib.suppress(ConfigError):
        select_where(TABLE, text)


NUMBERS = st.integers(-3, 3)
COMPARISONS = st.tuples(
    st.sampled_from(["a", "b"]), st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS
).map(lambda parts: "({} {} {})".format(*parts))
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda parts: "({} {} {})".format(*parts)
        ),
        inner.map(lambda text: f"(not {text})"),
    ),
    max_leaves=8,
)


@given(CONDITIONS, st.lists(st.tuples(NUMBERS, NUMBERS), max_size=8))
def test_where_nothing_is_missing_it_selects_what_python_would(
    text: str, pairs: list[tuple[int, int]]
) -> None:
    table = PlainTable(("a", "b"), [{"a": a, "b": b} for a, b in pairs])

    selected = [(row["a"], row["b"]) for row in select_where(table, text).rows]

    assert selected == [(a, b) for a, b in pairs if eval(text, {"a": a, "b": b})]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("val_acc > ", "it breaks off after 'val_acc >', where a value should follow"),
        ("depth == 8 and", "it breaks off after 'depth == 8 and', where a value should follow"),
        ("`my-key` ==", "it breaks off after '`my-key` ==', where a value should follow"),
        ("depth 8", "'8' cannot follow 'depth'"),
        ("> 8", "'> 8' has nothing before it"),
        ("(depth > 8", "'(' was never closed"),
        ("", "it is empty"),
    ],
)
def test_a_condition_that_cannot_be_read_says_where_it_broke_off(condition: str, told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        select_where(TABLE, condition)

    assert told in str(refusal.value)


def test_what_people_call_accuracy_is_offered_as_the_column() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'val_acc'"):
        select_where(PlainTable(("depth", "val_acc"), [{"val_acc": 0.5}]), "accuracy > 0.3")
