"""Arithmetic that a YAML file may hold: numbers and names with + - * //, and nothing else."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping

from vggsweep.errors import ConfigError, near_match

OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
}
LONGEST = 200  # characters


def evaluate(text: str, names: Mapping[str, float], place: str) -> float:
    """The value of an expression.

    Args:
        text: such as ``width * 2``.
        names: what each name is worth.
        place: where it stands in the configuration, for error texts.

    Raises:
        ConfigError: it is no such expression, or holds another name.

    >>> evaluate("2 * (width + 1) // 3", {"width": 6.5}, "arch.layers[0].conv.out")
    5.0
    """

    def value(node: ast.expr) -> float:
        match node:
            case ast.Constant(int() | float() as number) if not isinstance(number, bool):
                return number
            case ast.Name(name) if name in names:
                return names[name]
            case ast.Name(name):
                raise ConfigError(f"{place}={text}: there is no {name!r} here. {near_match(name, names)}")
            case ast.UnaryOp(ast.USub(), operand):
                return -value(operand)
            case ast.BinOp(left, operation, right) if type(operation) in OPERATIONS:
                return OPERATIONS[type(operation)](value(left), value(right))
        raise _no_expression(text, place, names)

    try:
        return value(_parsed(text))
    except (SyntaxError, ValueError, RecursionError, OverflowError) as error:
        raise _no_expression(text, place, names) from error
    except ZeroDivisionError:
        raise ConfigError(f"{place}={text} divides by zero.") from None


def names_in(text: str) -> set[str]:
    """The names that an expression uses; of other words those that look like names.

    >>> sorted(names_in("width * 2 + i"))
    ['i', 'width']
    """
    try:
        return {node.id for node in ast.walk(_parsed(text)) if isinstance(node, ast.Name)}
    except (SyntaxError, ValueError, RecursionError):
        return set()


def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise ValueError(f"longer than {LONGEST} characters")
    return ast.parse(text.strip(), mode="eval").body


def _no_expression(text: str, place: str, names: Mapping[str, float]) -> ConfigError:
    return ConfigError(
        f"{place}={text} should be a number, or numbers and names with + - * // and parentheses, such as "
        f"{place}=2 * {next(iter(names))}; the names are {', '.join(names)}."
    )
