"""Work on many files with several threads: reading and decoding let go of the interpreter."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from vggsweep.machine import usable_cores

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_THREADS = 16


def map_in_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """What the function makes of each item, in their order; the first error ends the rest."""
    pool = ThreadPoolExecutor(min(MOST_THREADS, usable_cores()))
    try:
        return list(pool.map(function, items))
    finally:
        pool.shutdown(cancel_futures=True)
