"""Networks take turns, and a timing stands beside the reference of its own moment."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import chain

import pytest
import torch

from vggsweep.measure import rounds
from vggsweep.measure.rounds import take_rounds, visit


@pytest.fixture
def logged() -> Callable[[str, float], Callable[[], float]]:
    """``logged("a", 2.0)``: a visit of that many seconds, which leaves its name in ``logged.names``."""
    names: list[str] = []

    def build(name: str, seconds: float) -> Callable[[], float]:
        def call() -> float:
            names.append(name)
            return seconds

        return call

    build.names = names  # type: ignore[attr-defined]
    return build


def test_each_network_is_visited_once_a_round_between_two_references(logged: Callable[..., object]) -> None:
    networks = [logged(name, 1.0) for name in "abcde"]
    take_rounds(networks, logged("-", 1.0), rounds=20, order=random.Random(0))  # type: ignore[arg-type]

    said = "".join(logged.names)  # type: ignore[attr-defined]
    orders = [said[start : start + 11] for start in range(0, len(said), 11)]
    assert len(orders) == 20
    for order in orders:
        assert order[::2] == "------"
        assert sorted(order[1::2]) == list("abcde")
    assert len(set(orders)) > 10, "the order is drawn anew"


def test_what_slows_the_machine_leaves_ratios_as_they_are() -> None:
    moment = iter(range(10**6))

    def slower_and_slower(seconds: float) -> Callable[[], float]:
        return lambda: seconds * (1 + next(moment) / 1000)

    found = take_rounds([slower_and_slower(1.0), slower_and_slower(3.0)], slower_and_slower(2.0), rounds=50)

    assert max(chain.from_iterable(found.reference)) > 1.2 * found.reference[0][0]
    for half, one_and_a_half in found.relative:
        assert half == pytest.approx(0.5, rel=1e-5)
        assert one_and_a_half == pytest.approx(1.5, rel=1e-5)


def test_a_visit_takes_the_fastest_call_after_one_that_is_not_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = iter([0.1, 5.0, 3.0, 4.0, 9.0, 3.5])
    monkeypatch.setattr("vggsweep.measure.speed.timed", lambda call, device: next(clock))
    monkeypatch.setattr(rounds, "VISIT", replace(rounds.VISIT, min_seconds=0.0))

    assert visit(lambda: None, torch.device("cpu")) == 3.0
    assert list(clock) == []
