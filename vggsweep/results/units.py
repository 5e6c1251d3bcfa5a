"""Values as people read them: every rule by which a number becomes text.

number_text, short_text   so many significant digits, for files that people read
cell_text                 as the terminal's table has it, counts to the last digit
report_text               as the page has it, costs in k, M and G
short_count               in k, M and G, for sentences and axes
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from vggsweep.results.columns import COLUMNS, COSTS
from vggsweep.results.plain import is_number

# Significant digits of what is not a whole number.
DIGITS = 4
COUNT_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def number_text(value: Any, digits: int = DIGITS) -> str:
    """A measured value for a reader; whole numbers stay whole.

    >>> [number_text(value) for value in (0.89, 12.3456, 12345.6, 7, None, "gap", 0.0)]
    ['0.8900', '12.35', '12346', '7', '', 'gap', '0.000']
    """
    if value is None:
        return ""
    if not isinstance(value, float):
        return plain_text(value)
    if not math.isfinite(value) or digits >= 17:
        return repr(value)
    exponent = math.floor(math.log10(abs(value))) if value else 0
    if not -6 <= exponent < 15:
        return f"{value:.{digits - 1}e}"
    return f"{value:.{max(0, digits - 1 - exponent)}f}"


def short_text(value: Any, digits: int = DIGITS) -> str:
    """A setting for a reader: as it was written, unless that has more digits.

    >>> short_text(0.1), short_text(0.0123456)
    ('0.1', '0.01235')
    """
    written, rounded = plain_text(value) if value is not None else "", number_text(value, digits)
    return min(written, rounded, key=len)


def deviation_text(value: Any, like: str) -> str:
    """A standard deviation with the decimals of its mean."""
    if "e" in like or not is_number(value):
        return number_text(value)
    return f"{value:.{len(like.partition('.')[2])}f}"


def plain_text(value: Any) -> str:
    """A value as one text: lists and mappings as JSON."""
    if isinstance(value, str):
        # JSON can hold half a surrogate pair, UTF-8 cannot.
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def cell_text(name: str, value: Any) -> str:
    """A value for the terminal: by its column's form, else rounded.

    >>> cell_text("val_acc", 0.9), cell_text("macs", 1234567), cell_text("train_seconds", 1234.56)
    ('0.9000', '1,234,567', '1,235')
    """
    if value is None:
        return ""
    if not is_number(value):
        return plain_text(value)
    form = COLUMNS[name].form if name in COLUMNS else "," if name == "n" else ""
    if isinstance(value, float) and form != ".4f":
        return f"{value:,.0f}" if form else _rounded(value)
    return f"{value:{form}}"


def report_text(name: str, value: float) -> str:
    """A number for the report's table.

    >>> report_text("val_acc", 0.9), report_text("macs", 1234567.0), report_text("width", 16.0)
    ('0.9000', '1.23M', '16')
    """
    column = COLUMNS.get(name)
    if column is not None and column.is_share:
        return f"{value:.4f}"
    if name in COSTS:
        return short_count(value)
    return f"{value:,.0f}" if value.is_integer() and abs(value) < 1e6 else _rounded(value)


def _rounded(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"


def short_count(value: float) -> str:
    """A number with the unit prefix that people use.

    >>> short_count(13_124_864), short_count(960), short_count(0.91)
    ('13.1M', '960', '0.91')
    """
    for size, prefix in COUNT_UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:.3g}"


def setting_text(value: object) -> str:
    """A swept value: reals with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def swept_words(swept: Mapping[str, object]) -> str:
    """Swept parameters in a few words: the last part of each key and its value.

    >>> swept_words({"arch.depth": 8, "optimizer.lr": 0.01605191133358762})
    'depth 8 lr 0.01605'
    """
    return " ".join(f"{key.rpartition('.')[2]} {setting_text(value)}" for key, value in swept.items())


def duration_text(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration_text(0.42), duration_text(75), duration_text(9000)
    ('0.4 s', '1 min 15 s', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
