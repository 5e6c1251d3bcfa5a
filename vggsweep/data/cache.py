"""The last few raw arrays of this process, so that the trials of a sweep read each file once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Value = TypeVar("Value")


class RecentCache:
    """Keeps what was used last and forgets the rest.

    A key holds the size and time of the files that were read: a changed file is read again.

    Args:
        capacity: values kept. Training and test split of one set, or training, validation and test
            part of a picture folder, is what one trial needs.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: OrderedDict[Hashable, Any] = OrderedDict()
        # held while loading: two threads that want the same file read it once
        self._lock = threading.Lock()

    def get(self, key: Hashable, load: Callable[[], Value]) -> Value:
        """The value of this key, loaded if it is not there. Nobody may change it in place."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            else:
                while len(self._values) >= self._capacity:
                    self._values.popitem(last=False)  # before loading: the two need not fit together
                self._values[key] = load()
            value: Value = self._values[key]
            return value

    def __len__(self) -> int:
        return len(self._values)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()


RECENT = RecentCache(capacity=3)
