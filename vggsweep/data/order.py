"""Seeded orders and seeds that are the same on every machine and in every version."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.int64]

# First word of a key: two purposes with the same seed never share random numbers.
SPLIT, LIMIT, EPOCH_ORDER, AUGMENT, TEST_SPLIT, POLICY, MIXING = 1, 2, 3, 4, 5, 6, 7


def seeded(*key: int) -> np.random.RandomState:
    """A random stream that belongs to this key alone.

    numpy promises that `RandomState` never changes its numbers; `Generator`, the newer class, makes no
    such promise (NEP 19), and a split that moves with a numpy release would spoil old comparisons.
    """
    return np.random.RandomState(np.random.MT19937(np.random.SeedSequence(key)))


def permutation(count: int, *key: int) -> IndexArray:
    """The numbers 0 … count-1 in the order of this key.

    >>> bool((permutation(5, 1, 2) == permutation(5, 1, 2)).all())
    True
    """
    return seeded(*key).permutation(count).astype(np.int64)


def derived_seed(*key: int) -> int:
    """A seed of 63 bits for another library's generator."""
    return int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> np.uint64(1))
