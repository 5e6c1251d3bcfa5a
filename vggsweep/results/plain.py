"""A results table as plain rows.

What the command prints needs no pandas, whose import takes as long as all else that the command does.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from vggsweep.errors import ConfigError
from vggsweep.results.columns import near_column

# A column of this ending holds the standard deviations of the one without it.
DEVIATION = "_sd"


@dataclass(frozen=True)
class PlainTable:
    """Rows with named columns.

    Args:
        names: the columns in their order.
        rows: one mapping a row; a name that it lacks is a missing value, and so is None.
    """

    names: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]

    def column(self, name: str) -> list[Any]:
        return [row.get(name) for row in self.rows]

    def check_columns(self, names: Iterable[str], flag: str) -> None:
        """Refuse a name that is no column.

        Args:
            names: what a person asked for.
            flag: where they did.

        Raises:
            ConfigError: names the nearest column.
        """
        for name in names:
            if name not in self.names:
                raise ConfigError(
                    f"{flag}: the table has no column {name!r}. {near_column(name, self.names)}"
                )


def is_number(value: Any) -> TypeGuard[int | float]:
    """Whether a value counts or measures something; True and False do not.

    >>> is_number(0.5), is_number(3), is_number(True), is_number("3")
    (True, True, False, False)
    """
    # a tuple: `int | float` is made anew at each of a table's 200,000 calls
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_numeric(values: Iterable[Any]) -> bool:
    """Whether a column holds numbers and missing values only."""
    return all(value is None or is_number(value) for value in values)


def union_of_names(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """All column names in the order in which they first appear."""
    names: dict[str, None] = {}
    length = None
    for row in rows:
        # Most rows repeat the columns of the row before; comparing counts first saves most of the work.
        if len(row) != length or not row.keys() <= names.keys():
            names.update(dict.fromkeys(row))
            length = len(row)
    return tuple(names)


def is_deviation(name: str, names: Collection[str]) -> bool:
    """Whether a column is the standard deviation of another one that is there.

    >>> is_deviation("val_acc_sd", ["val_acc", "val_acc_sd"]), is_deviation("arch.x_sd", ["arch.x_sd"])
    (True, False)
    """
    return name.endswith(DEVIATION) and name.removesuffix(DEVIATION) in names
