"""Why trials failed: each reason once, with the trials that it is the reason of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MOST_NUMBERS = 10
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class SharedReason:
    """A reason that several trials have.

    Args:
        reason: that of the first trial.
        trials: the sweep and the number of each.
        is_same: whether all texts are equal; else they differ in their numbers.
    """

    reason: str
    trials: tuple[tuple[str, int], ...]
    is_same: bool

    def __str__(self) -> str:
        return self.reason if self.is_same else f"{self.reason} (the numbers differ)"


def shared_reasons(trials: Iterable[tuple[str, int, str]]) -> list[SharedReason]:
    """Gather trials by their reasons, the commonest first.

    Reasons that differ in nothing but numbers, such as a depth or a trial's folder, are one sentence.

    Args:
        trials: sweep, trial number and reason of each.

    >>> found = shared_reasons([("a", 1, "9 images"), ("a", 2, "no file"), ("b", 0, "8 images")])
    >>> [(str(one), trial_words(one.trials)) for one in found]
    [('9 images (the numbers differ)', 'trial 1 of a and trial 0 of b'), ('no file', 'trial 2 of a')]
    """
    groups: dict[str, list[tuple[str, int, str]]] = {}
    for sweep, trial, reason in trials:
        groups.setdefault(NUMBER.sub("#", reason), []).append((sweep, trial, reason))
    return [
        SharedReason(
            group[0][2],
            tuple((sweep, trial) for sweep, trial, _ in group),
            len({reason for *_, reason in group}) == 1,
        )
        for group in sorted(groups.values(), key=len, reverse=True)
    ]


def trial_words(trials: Sequence[tuple[str, int]]) -> str:
    """Trials by sweep and number.

    >>> trial_words([("mine", 3), ("mine", 5), ("other", 0)])
    'trials 3, 5 of mine and trial 0 of other'
    """
    numbers: dict[str, list[int]] = {}
    for sweep, trial in trials:
        numbers.setdefault(sweep, []).append(trial)
    return " and ".join(f"{number_words(found)} of {sweep}" for sweep, found in numbers.items())


def number_words(numbers: Sequence[int]) -> str:
    """The numbers of trials, the first ten of them.

    >>> number_words([7]), number_words(range(12))
    ('trial 7', 'trials 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    shown = ", ".join(map(str, numbers[:MOST_NUMBERS]))
    more = f" and {len(numbers) - MOST_NUMBERS} more" if len(numbers) > MOST_NUMBERS else ""
    return f"{'trial' if len(numbers) == 1 else 'trials'} {shown}{more}"
