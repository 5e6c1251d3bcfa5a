"""``--where``: a condition on the columns of a table, read as Python reads it and never executed.

Only comparisons, ``and or not``, ``in``, column names and literals are known; everything else is refused
by its node type. A column of which the name is no Python name stands in backticks.
By hand, as `DataFrame.query` needs pandas, whose import takes as long as all else that the command does.

A missing value makes a comparison unknown, as in SQL: neither it nor its negation selects the row.
``x is None`` asks for missing values.
"""

from __future__ import annotations

import ast
import contextlib
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

from vggsweep.errors import ConfigError
from vggsweep.results.columns import near_column
from vggsweep.results.plain import PlainTable, is_number

Row = Mapping[str, Any]
MAX_LENGTH = 10_000
MAX_DEPTH = 50
KNOWN = "comparisons, and, or, not, in, column names, numbers, 'text' and lists of these"


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    return isinstance(container, list) and item in container


LISTS = ast.List | ast.Tuple | ast.Set
NAMES = ast.Name | ast.Attribute
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: _contains,
    ast.NotIn: lambda item, container: not _contains(item, container),
}


def select_where(table: PlainTable, text: str) -> PlainTable:
    """The rows for which a condition is true.

    Args:
        table: whose columns the condition names.
        text: such as ``val_acc > 0.9 and depth <= 8``.

    Raises:
        ConfigError: the condition cannot be understood, or compares text with numbers.

    >>> table = PlainTable(("depth", "val_acc"), [{"depth": 5, "val_acc": 0.8}, {"depth": 9}])
    >>> [row["depth"] for row in select_where(table, "val_acc < 0.9").rows]
    [5]
    >>> [row["depth"] for row in select_where(table, "not depth == 5 or val_acc is None").rows]
    [9]
    """
    condition = Condition(text, table.names)
    rows = [row for row in table.rows if condition(row) is True]
    condition.check_kinds()
    return PlainTable(table.names, rows)


class Condition:
    """A condition that can be asked of rows.

    Args:
        text: as a person wrote it.
        names: the columns that there are.
    """

    def __init__(self, text: str, names: tuple[str, ...]) -> None:
        self.text = text
        self.names = names
        self.quoted: dict[str, str] = {}
        self.columns: dict[ast.expr, str] = {}
        # by their right-hand side: comparisons that had two values, and the first two that have no order
        self.compared: set[ast.expr] = set()
        self.clashes: dict[ast.expr, tuple[Any, Any]] = {}
        self.tree = self._parse(text)
        self({})  # refuses what is not understood, even where there are no rows

    def __call__(self, row: Row) -> bool | None:
        """Whether it holds for a row; None where a missing value leaves that open."""
        return self._truth(self.tree, row)

    def compared_columns(self) -> set[str]:
        """The columns whose values decide; not those of which it only asks whether they are missing."""
        asked = {
            node.left
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Compare) and all(isinstance(op, ast.Is | ast.IsNot) for op in node.ops)
        }
        return {name for node, name in self.columns.items() if node not in asked}

    def check_kinds(self) -> None:
        """Refuse an ordering that could compare nothing in any row.

        A single edited record with text for a number leaves its own row unknown; a column of text is refused.
        """
        for comparison, (left, right) in self.clashes.items():
            if comparison not in self.compared:
                raise self._error(f"{left!r} and {right!r} have no order: one is text, the other a number.")

    def _parse(self, text: str) -> ast.expr:
        if len(text) > MAX_LENGTH:
            raise ConfigError(f"--where takes at most {MAX_LENGTH:,} characters, not {len(text):,}.")
        plain = re.sub(r"""("[^"]*"|'[^']*')|`([^`]*)`""", self._unquote, text.strip())
        try:
            tree = ast.parse(plain, mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            hint = ""
            if re.search(r"[^<>=!]=(?!=)", text):
                hint = " Compare with ==."
            elif "&&" in text or "||" in text:
                hint = " Write and, or."
            reason = self._place(error, plain) if isinstance(error, SyntaxError) else type(error).__name__
            raise self._error(f"it cannot be read: {reason}.{hint}") from None
        if _depth(tree) > MAX_DEPTH:
            raise self._error(f"it cannot be read (nested more than {MAX_DEPTH} deep).")
        return tree

    def _place(self, error: SyntaxError, plain: str) -> str:
        """Where a condition stops to make sense, in the person's own words."""
        if not plain:
            return "it is empty; write one such as val_acc > 0.9"
        at = len(plain) if error.offset is None else error.offset - 1
        before, after = (self._as_written(part.strip()) for part in (plain[:at], plain[at:]))
        if error.msg != "invalid syntax":
            return f"{error.msg}, near {after or before!r}"
        with contextlib.suppress(SyntaxError):
            ast.parse(f"{plain} 1", mode="eval")
            return f"it breaks off after {self._as_written(plain)!r}, where a value should follow"
        return f"{after!r} cannot follow {before!r}" if before else f"{after!r} has nothing before it"

    def _unquote(self, match: re.Match[str]) -> str:
        """A name in backticks becomes a Python name that stands for it; text in quotes stays."""
        if match[1] is not None:
            return match[1]
        stand_in = f"_column_{len(self.quoted)}_"
        self.quoted[stand_in] = match[2]
        return stand_in

    def _error(self, words: str) -> ConfigError:
        return ConfigError(f"--where {self.text!r}: {words}")

    def _source(self, node: ast.AST) -> str:
        return self._as_written(ast.unparse(node))

    def _as_written(self, text: str) -> str:
        """A piece of the condition with its backticks."""
        for stand_in, name in self.quoted.items():
            text = text.replace(stand_in, f"`{name}`")
        return text

    def _truth(self, node: ast.expr, row: Row) -> bool | None:
        match node:
            case ast.BoolOp(op=op, values=values):
                return _joined([self._truth(value, row) for value in values], isinstance(op, ast.Or))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                truth = self._truth(operand, row)
                return None if truth is None else not truth
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                pairs = zip(ops, [left, *comparators], comparators, strict=False)
                return _joined([self._comparison(*pair, row) for pair in pairs], False)
            case ast.Constant(value=bool(value)):
                return value
            case ast.Name() | ast.Attribute():  # a column that is true or false by itself, such as `pareto`
                found = self._value(node, row)
                if found is None or isinstance(found, bool):
                    return found
                wrong = f"{self._source(node)} is {found!r}, neither true nor false"
                raise self._error(f"{wrong}; compare it with something.")
        raise self._unknown(node, f"{self._source(node)!r} is neither true nor false.")

    def _comparison(self, op: ast.cmpop, first: ast.expr, second: ast.expr, row: Row) -> bool | None:
        constant = second.value if isinstance(second, ast.Constant) else ...
        if isinstance(op, ast.Is | ast.IsNot):
            if constant is not None:
                raise self._error("`is` asks only for None; compare with ==.")
            return (self._value(first, row) is None) is isinstance(op, ast.Is)
        left, right = self._value(first, row), self._value(second, row)
        holds_others = isinstance(second, LISTS | NAMES) or isinstance(constant, str)
        if isinstance(op, ast.In | ast.NotIn) and not holds_others:
            raise self._unknown(second, "`in` wants a list or a text after it.")
        if left is None or right is None:
            return None
        try:
            truth = COMPARISONS[type(op)](left, right)
        except TypeError:
            self.clashes.setdefault(second, (left, right))
            return None
        self.compared.add(second)
        return truth

    def _value(self, node: ast.expr, row: Row) -> Any:
        match node:
            case ast.Name() | ast.Attribute():
                return row.get(self.columns.get(node) or self._name(node))
            case ast.Constant(value=value) if value is None or isinstance(value, str | bool | int | float):
                return value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if is_number(value):
                return -value
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self._value(item, row) for item in items]
        raise self._unknown(node)

    def _name(self, node: ast.expr) -> str:
        """The column of a plain, dotted or backticked name."""
        written = ast.unparse(node)
        name = self.quoted.get(written, written)
        if not re.fullmatch(r"[^\W\d]\w*(\.[^\W\d]\w*)*", written):
            raise self._unknown(node)
        if name not in self.names:
            raise self._error(
                f"the table has no column {name!r}; text stands in quotes, '{name}'. "
                f"{near_column(name, self.names)}"
            )
        self.columns[node] = name
        return name

    def _unknown(self, node: ast.AST, words: str | None = None) -> ConfigError:
        return self._error(f"{words or f'{self._source(node)!r} is not understood.'} It may hold {KNOWN}.")


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _joined(truths: list[bool | None], decisive: bool) -> bool | None:
    """Parts of an ``or`` (of which one true one decides) or an ``and`` (one false one)."""
    return decisive if decisive in truths else None if None in truths else not decisive
