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

# A row's value, or the truth of a condition: True, False or None for unknown.
Reader = Callable[[Mapping[str, Any]], Any]
MAX_LENGTH = 10_000
MAX_DEPTH = 50
KNOWN = "comparisons, and, or, not, in, column names, numbers, 'text' and lists of these"
ORDERINGS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
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
        self.orderings: list[_Ordering] = []
        self.quoted: dict[str, str] = {}
        self.read = self._truth(self._parse(text))

    def __call__(self, row: Mapping[str, Any]) -> bool | None:
        """Whether it holds for a row; None where a missing value leaves that open."""
        truth: bool | None = self.read(row)
        return truth

    def check_kinds(self) -> None:
        """Refuse an ordering that could compare nothing in any row."""
        for ordering in self.orderings:
            if ordering.clash is not None and not ordering.has_compared:
                left, right = ordering.clash
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

    # --- truth

    def _truth(self, node: ast.expr) -> Reader:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return _all([self._truth(value) for value in values])
            case ast.BoolOp(values=values):
                return _any([self._truth(value) for value in values])
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return _negation(self._truth(operand))
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                operands = [left, *comparators]
                return _all(
                    [
                        self._comparison(op, first, second)
                        for op, first, second in zip(ops, operands, comparators, strict=False)
                    ]
                )
            case ast.Constant(value=bool(value)):
                return lambda row: value
            case ast.Name() | ast.Attribute():
                return self._flag(node)
        raise self._unknown(node, f"{self._source(node)!r} is neither true nor false.")

    def _flag(self, node: ast.expr) -> Reader:
        """A column that is true or false by itself, such as ``pareto``."""
        value, text = self._value(node), self._source(node)

        def read(row: Mapping[str, Any]) -> bool | None:
            found = value(row)
            if found is not None and not isinstance(found, bool):
                raise self._error(f"{text} is {found!r}, neither true nor false; compare it with something.")
            return found

        return read

    def _comparison(self, op: ast.cmpop, first: ast.expr, second: ast.expr) -> Reader:
        if isinstance(op, ast.Is | ast.IsNot):
            if not (isinstance(second, ast.Constant) and second.value is None):
                raise self._error("`is` asks only for None; compare with ==.")
            value, wanted = self._value(first), isinstance(op, ast.Is)
            return lambda row: (value(row) is None) is wanted
        left, right = self._value(first), self._value(second)
        if isinstance(op, ast.Eq):
            return _known(left, right, operator.eq)
        if isinstance(op, ast.NotEq):
            return _known(left, right, operator.ne)
        if isinstance(op, ast.In | ast.NotIn):
            is_text = isinstance(second, ast.Constant) and isinstance(second.value, str)
            if not is_text and not isinstance(
                second, ast.List | ast.Tuple | ast.Set | ast.Name | ast.Attribute
            ):
                raise self._unknown(second, "`in` wants a list or a text after it.")
            contained = _known(left, right, _contains)
            return contained if isinstance(op, ast.In) else _negation(contained)
        ordering = _Ordering(left, right, ORDERINGS[type(op)])
        self.orderings.append(ordering)
        return ordering

    # --- values

    def _value(self, node: ast.expr) -> Reader:
        match node:
            case ast.Constant(value=value) if value is None or isinstance(value, str | bool | int | float):
                return lambda row: value
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=value)) if is_number(value):
                negative = -value
                return lambda row: negative
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                readers = [self._value(item) for item in items]
                return lambda row: [read(row) for read in readers]
            case ast.Name() | ast.Attribute():
                name = self._name(node)
                return lambda row: row.get(name)
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
        return name

    def _unknown(self, node: ast.AST, words: str | None = None) -> ConfigError:
        return self._error(f"{words or f'{self._source(node)!r} is not understood.'} It may hold {KNOWN}.")


class _Ordering:
    """``<``, ``<=``, ``>`` or ``>=``, and whether it could ever compare what it was given.

    A single edited record with text for a number leaves its own row unknown; a column of text is refused.
    """

    def __init__(self, left: Reader, right: Reader, compare: Callable[[Any, Any], bool]) -> None:
        self.left, self.right, self.compare = left, right, compare
        self.has_compared = False
        self.clash: tuple[Any, Any] | None = None

    def __call__(self, row: Mapping[str, Any]) -> bool | None:
        left, right = self.left(row), self.right(row)
        if left is None or right is None:
            return None
        try:
            truth = self.compare(left, right)
        except TypeError:
            self.clash = self.clash or (left, right)
            return None
        self.has_compared = True
        return truth


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in ast.iter_child_nodes(node)], depth + 1
    return depth


def _known(left: Reader, right: Reader, compare: Callable[[Any, Any], bool]) -> Reader:
    def read(row: Mapping[str, Any]) -> bool | None:
        first, second = left(row), right(row)
        return None if first is None or second is None else compare(first, second)

    return read


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, str):
        return isinstance(item, str) and item in container
    return isinstance(container, list) and item in container


def _negation(inner: Reader) -> Reader:
    def read(row: Mapping[str, Any]) -> bool | None:
        truth = inner(row)
        return None if truth is None else not truth

    return read


def _all(parts: list[Reader]) -> Reader:
    def read(row: Mapping[str, Any]) -> bool | None:
        truths = [part(row) for part in parts]
        return False if False in truths else None if None in truths else True

    return read


def _any(parts: list[Reader]) -> Reader:
    def read(row: Mapping[str, Any]) -> bool | None:
        truths = [part(row) for part in parts]
        return True if True in truths else None if None in truths else False

    return read
