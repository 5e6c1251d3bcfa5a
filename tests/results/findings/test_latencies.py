"""Whether a sweep's own latencies say what its networks timed anew say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from tests.results.made_measurements import measurement
from tests.results.made_tables import results
from vggsweep.results.findings.latencies import Agreement, FrontChange, compare_latencies, latest

OBJECTIVE = ("val_acc", "latency_ms_p50")


def agreement(
    seen: list[float | None], new: dict[Any, float], objective: tuple[str, ...] = (), **changes: Any
) -> Agreement:
    rows = [
        {"trial": at, "latency_ms_p50": value, "val_acc": 0.5 + at / 100, "depth": 4 + at, **changes}
        for at, value in enumerate(seen)
    ]
    return compare_latencies(measurement(new), results(*rows), objective)


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=3, max_size=12))
def test_ranks_are_scipys(pairs: list[tuple[int, int]]) -> None:
    seen, new = zip(*pairs, strict=True)
    found = agreement([float(one) for one in seen], {at: float(one) for at, one in enumerate(new)})

    assert found.networks == len(pairs)
    if len(set(seen)) > 1 and len(set(new)) > 1:
        assert found.spearman == pytest.approx(spearmanr(seen, new).statistic)
    else:
        assert found.spearman is None
    if len(set(seen)) == len(set(new)) == len(pairs):
        assert 1 - 2 * found.swapped / found.pairs == pytest.approx(kendalltau(seen, new).statistic)


def test_trials_of_one_network_count_as_one_and_those_without_a_latency_not_at_all() -> None:
    found = agreement([1.0, 5.0, 1.2, None, 2.0], {(0, 1, 2): 1.1, 3: 1.5, 4: 2.2})

    assert (found.networks, found.pairs, found.swapped) == (2, 1, 0)
    assert found.spearman is None
    assert found.macs_spearman == 1.0


def test_the_front_says_which_trials_it_gains_and_loses() -> None:
    # in the sweep trial 1 seemed slower than the more accurate trial 2; anew it is faster
    found = agreement([1.0, 3.0, 2.0, 4.0], {0: 1.0, 1: 1.5, 2: 2.0, 3: 4.0}, OBJECTIVE)
    assert found.front == FrontChange(4, joins=(1,), leaves=())
    assert str(found) == (
        "Spearman with MACs 1.000; in-sweep latencies order 1 of 6 pairs otherwise, Spearman 0.800; "
        "with the new ones their front gains trial 1"
    )
    same = agreement([1.0, 2.0, 3.0], {0: 1.1, 1: 2.1, 2: 3.1}, OBJECTIVE)
    assert str(same).endswith("; their front has the same trials with either")
    assert agreement([1.0, 2.0], {0: 1.0, 1: 2.0}, ("val_acc", "macs")).front is None


def test_another_device_or_precision_of_the_sweep_is_said() -> None:
    found = agreement([1.0, 2.0], {0: 1.0, 1: 2.0}, device="a GPU", precision="bf16")
    assert "in-sweep latencies on a GPU in bf16 order 0 of 1 pairs" in str(found)
    assert agreement([1.0, 2.0], {0: 1.0, 1: 2.0}, device="a CPU", precision="fp32").elsewhere == ""


def test_a_sweep_that_measured_nothing_is_no_error() -> None:
    found = agreement([None, None, None], {0: 1.0, 1: 3.0, 2: 2.0}, OBJECTIVE)
    assert (found.networks, found.pairs) == (0, 0)
    assert str(found) == "Spearman with MACs 0.500; no two networks have a latency in the sweep"


def test_a_report_quotes_the_newest_eager_session_of_most_networks() -> None:
    whole, again, part = measurement({0: 1.0, 1: 2.0}), measurement({0: 1.1, 1: 2.0}), measurement({0: 1.0})
    compiled = measurement({0: 1.0, 1: 2.0, 2: 3.0}, engine="compile")

    assert latest([whole, again, part, compiled]) is again
    assert latest([compiled]) is compiled
    assert latest([]) is None
