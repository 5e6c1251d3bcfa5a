"""What a session of timings says, and whether it may be believed."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from vggsweep.measure.rounds import Rounds

# The reference is compared part by part of a session. What slows less than half of a part moves no median;
# what lasts longer, a sixth of the session or more, moves one and is seen.
PARTS = 3
# Fewer rounds give no 95 % interval of a median: 2 / 2 ** 6 = .031.
LEAST_ROUNDS = 6
LEVEL = 0.95


@dataclass(frozen=True)
class Timing:
    """One network's latency in one session.

    Args:
        latency_ms: median over the rounds of its ratio to the reference beside it, times the median of the
            reference over the whole session.
        low_ms, high_ms: 95 % interval of that median, free of any distribution's form.
        relative: the ratio itself.
        spread: by what share its two halves, even rounds and odd ones, differ.
    """

    latency_ms: float
    low_ms: float
    high_ms: float
    relative: float
    spread: float


@dataclass(frozen=True)
class Session:
    """All networks of a session.

    Args:
        timings: in the order of the networks.
        reference_ms: the reference's median.
        drift: by what share the reference's median in a third of the rounds lies from that of all rounds.
        rounds: how many it had.
        refusal: why the figures must not be used, in a sentence; None where they may.
        contended: whether other work used the device; None where that cannot be known.
    """

    timings: tuple[Timing, ...]
    reference_ms: float
    drift: float
    rounds: int
    refusal: str | None
    contended: bool | None = None

    @property
    def spread(self) -> float:
        """The largest of the networks'."""
        return max(timing.spread for timing in self.timings)


def judge(rounds: Rounds, max_drift: float) -> Session:
    """Summarise a session, and refuse it where the machine was not the same throughout.

    Two things are held to the same share. The reference must not have drifted: ratios cancel what slows all
    networks alike, but what takes caches or memory bandwidth slows some more than others. And each network's
    even rounds must agree with its odd ones, so that networks which lie further apart than that keep their
    order in another session.

    Args:
        rounds: at least six.
        max_drift: the share.

    >>> quiet = Rounds(((4.0, 4.0),) * 6, ((2.0,),) * 6, ((0.5,),) * 6)
    >>> judge(quiet, 0.05).timings[0].latency_ms, judge(quiet, 0.05).refusal
    (2000.0, None)
    """
    whole = statistics.median(chain.from_iterable(rounds.reference))
    count = len(rounds.reference)
    edges = [count * part // PARTS for part in range(PARTS + 1)]
    parts = [
        statistics.median(chain.from_iterable(rounds.reference[start:end])) for start, end in pairwise(edges)
    ]
    drift = max(_apart(part, whole) for part in parts)
    timings = tuple(_timing(ratios, whole) for ratios in zip(*rounds.relative, strict=True))
    refusal = None
    worst = max(timing.spread for timing in timings)
    if drift > max_drift:
        shown = ", ".join(f"{1e3 * part:.3g}" for part in parts)
        refusal = (
            f"the reference took {shown} ms in the thirds of the session, up to {drift:.1%} from its median, "
            f"more than {max_drift:.1%}"
        )
    elif worst > max_drift:
        refusal = (
            f"even and odd rounds of a network differ by {worst:.1%}, more than {max_drift:.1%}, and the "
            f"reference drifted by {drift:.1%}"
        )
    return Session(timings, 1e3 * whole, drift, count, refusal)


def _timing(ratios: Sequence[float], reference: float) -> Timing:
    relative = statistics.median(ratios)
    low, high = median_interval(ratios)
    scale = 1e3 * reference
    halves = [statistics.median(ratios[start::2]) for start in (0, 1)]
    return Timing(scale * relative, scale * low, scale * high, relative, _apart(*halves))


def _apart(a: float, b: float) -> float:
    """By what share the larger exceeds the smaller."""
    return max(a, b) / min(a, b) - 1


def median_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % interval of a median, from the order of the values alone (Hoefler & Belli 2015, rule 6).

    Args:
        values: at least six, drawn independently.

    >>> median_interval([3, 1, 2, 6, 5, 4])
    (1, 6)
    >>> median_interval(range(21))
    (5, 15)
    """
    count = len(values)
    assert count >= LEAST_ROUNDS
    below, rank = 0.0, 0
    # one more value may be left out at each end while that is rarer than the level allows
    while 2 * (below := below + math.comb(count, rank) / 2**count) <= 1 - LEVEL:
        rank += 1
    ordered = sorted(values)
    return ordered[rank - 1], ordered[count - rank]
