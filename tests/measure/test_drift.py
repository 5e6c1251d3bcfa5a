"""A session is believed where the machine stayed the same, and refused where it did not."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.measure.drift import Session, judge, median_interval
from vggsweep.measure.rounds import take_rounds

TRUTH = (1.0, 1.3, 2.0, 0.7, 5.0)


def session(
    speed: Callable[[int, random.Random], float], own: Callable[[random.Random], float] = lambda draw: 1.0
) -> Session:
    """Five networks on a machine whose calls take ``speed`` times as long at each moment.

    Args:
        speed: of the moment, from 0, and a source of chance; a session of 21 rounds has 231 moments.
        own: what else lengthens a call of a network, and of no reference.
    """
    draw, moment = random.Random(0), iter(range(10**6))

    def timer(seconds: float, further: Callable[[random.Random], float]) -> Callable[[], float]:
        return lambda: seconds * speed(next(moment), draw) * further(draw)

    networks = [timer(seconds, own) for seconds in TRUTH]
    return judge(take_rounds(networks, timer(1.5, lambda draw: 1.0), 21, random.Random(1)), 0.05)


def test_a_quiet_machine_gives_the_latencies_and_is_believed() -> None:
    found = session(lambda moment, draw: draw.uniform(1.0, 1.02))

    assert found.refusal is None
    assert found.drift < 0.01
    for timing, seconds in zip(found.timings, TRUTH, strict=True):
        assert timing.latency_ms == pytest.approx(1e3 * seconds, rel=0.02)
        assert timing.low_ms <= timing.latency_ms <= timing.high_ms


def test_short_disturbances_move_nothing() -> None:
    """A tenth of all visits takes three times as long."""
    found = session(lambda moment, draw: 3.0 if draw.random() < 0.1 else 1.0)

    assert found.refusal is None
    assert [timing.relative for timing in found.timings] == pytest.approx([one / 1.5 for one in TRUTH])


@pytest.mark.parametrize(
    "slows",
    [
        pytest.param(lambda moment: moment > 150, id="for the rest of the session"),
        pytest.param(lambda moment: 80 < moment < 150, id="in its middle"),
        pytest.param(lambda moment: moment < 60, id="at its start"),
    ],
)
def test_a_machine_that_is_slower_for_a_third_of_the_time_is_refused(slows: Callable[[int], bool]) -> None:
    found = session(lambda moment, draw: 1.2 if slows(moment) else 1.0)

    assert found.refusal is not None
    assert "thirds of the session, up to 20.0% from its median, more than 5.0%" in found.refusal


def test_networks_that_vary_more_than_the_reference_are_refused() -> None:
    found = session(lambda moment, draw: 1.0, own=lambda draw: draw.choice((1.0, 1.6)))

    assert found.drift == 0
    assert found.refusal is not None
    assert found.refusal.startswith("even and odd rounds of a network differ by 60.0%")


def test_the_share_decides() -> None:
    taken = take_rounds([lambda: 1.0], iter([1.0] * 14 + [1.1] * 7).__next__, rounds=10)
    strict, lenient = (judge(taken, share) for share in (0.05, 0.2))

    assert strict.refusal is not None
    assert lenient.refusal is None
    assert strict.drift == lenient.drift == pytest.approx(0.1)


@given(st.lists(st.floats(0.1, 10.0), min_size=6, max_size=60))
def test_the_interval_holds_the_median(values: list[float]) -> None:
    low, high = median_interval(values)
    assert low <= statistics.median(values) <= high


@pytest.mark.parametrize("count", [6, 7, 11, 21, 40])
def test_the_interval_holds_the_truth_in_95_of_100_sessions(count: int) -> None:
    draw = random.Random(count)
    held = sum(
        low <= 0.0 <= high
        for low, high in (median_interval([draw.gauss(0, 1) for _ in range(count)]) for _ in range(4000))
    )
    assert 0.94 < held / 4000 < 0.99
