"""Time several networks side by side: rounds in random order, a reference before and after each visit."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from vggsweep.measure.settings import MeasureSettings
from vggsweep.measure.speed import time_calls

# Times one network for a while and returns the seconds of one call.
Visit = Callable[[], float]
# One call brings weights back into the caches that the network before took; then so many, at least so long.
# A visit is short, so that the machine hardly changes between a network and the references beside it.
VISIT = MeasureSettings(
    name="default",
    latency_batch_size=1,
    throughput_batch_size=1,
    warmup_runs=1,
    min_runs=5,
    min_seconds=0.02,
)


@dataclass(frozen=True)
class Rounds:
    """What the visits of one session took, in seconds a call.

    Args:
        reference: (R, K + 1), in the order of time: before a round's first network, between, after its last.
        networks: (R, K), in the order in which the networks were given.
        relative: (R, K), each network ÷ the mean of the reference just before and just after it.
    """

    reference: tuple[tuple[float, ...], ...]
    networks: tuple[tuple[float, ...], ...]
    relative: tuple[tuple[float, ...], ...]


def visit(call: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest of some calls in a row.

    What else the machine does only ever adds time (Chen & Revels 2016, arXiv:1608.04295). On two cores with
    seven times as much to do, the median call of a network of 1.8 ms took 10 ms, the fastest 1.80 to 1.85.
    """
    return min(time_calls(call, VISIT, device))


def take_rounds(
    networks: Sequence[Visit], reference: Visit, rounds: int, order: random.Random | None = None
) -> Rounds:
    """Visit every network once a round, in an order drawn anew each round.

    Interleaved in random order, no network is favoured by when it was timed (Abedi & Brecht 2017,
    doi:10.1145/3030207.3030229); a ratio to a neighbour in time cancels what slows both (duet benchmarking,
    Bulej et al. 2020, arXiv:2001.05811).

    Args:
        networks: K of them, warmed up.
        reference: a network that is timed between them.
        rounds: R.
        order: draws the orders; None for one of its own.

    >>> found = take_rounds([lambda: 2.0, lambda: 6.0], lambda: 4.0, rounds=1)
    >>> found.relative, found.reference
    (((0.5, 1.5),), ((4.0, 4.0, 4.0),))
    """
    order = order or random.Random()
    references, seconds, ratios = [], [], []
    for _ in range(rounds):
        places = list(range(len(networks)))
        order.shuffle(places)
        seen, own, relative = [reference()], dict[int, float](), dict[int, float]()
        for place in places:
            own[place] = networks[place]()
            seen.append(reference())
            relative[place] = own[place] / statistics.fmean(seen[-2:])
        references.append(tuple(seen))
        seconds.append(tuple(own[place] for place in sorted(own)))
        ratios.append(tuple(relative[place] for place in sorted(own)))
    return Rounds(tuple(references), tuple(seconds), tuple(ratios))
