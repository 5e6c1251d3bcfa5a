"""Numbers as people write them."""

from __future__ import annotations

from collections.abc import Mapping

COUNT_UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def short_count(value: float) -> str:
    """A number with the unit prefix that people use.

    >>> short_count(13_124_864), short_count(960), short_count(0.91)
    ('13.1M', '960', '0.91')
    """
    for size, prefix in COUNT_UNITS:
        if abs(value) >= size:
            return f"{value / size:.3g}{prefix}"
    return f"{value:.3g}"


def swept_words(swept: Mapping[str, object]) -> str:
    """Swept parameters in a few words: the last part of each key, reals with four digits.

    >>> swept_words({"arch.depth": 8, "optimizer.lr": 0.01605191133358762})
    'depth 8 lr 0.01605'
    """
    return " ".join(
        f"{key.rpartition('.')[2]} {f'{value:.4g}' if isinstance(value, float) else value}"
        for key, value in swept.items()
    )
