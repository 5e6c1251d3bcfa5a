from __future__ import annotations

from typing import Any

import pytest
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from vggsweep.sweep.search.observations import observe
from vggsweep.sweep.storage.trial_attrs import DUPLICATE_OF, ENQUEUED, INFEASIBLE, RUNG, TrialAttrs

SPACE = {"arch.depth": IntDistribution(1, 99)}


def trial(
    number: int, depth: int, accuracy: float | None = None, score: float | None = None, **attrs: Any
) -> FrozenTrial:
    ours = TrialAttrs(f"hash {depth}", first=attrs.pop("first", None)).attributes()
    state = attrs.pop("state", TrialState.COMPLETE if accuracy is not None else TrialState.PRUNED)
    made = create_trial(
        state=state,
        values=[accuracy, depth * 1000.0] if accuracy is not None else None,
        params={"arch.depth": depth},
        distributions=SPACE,
        user_attrs={**ours, **attrs, **({f"{RUNG}2": {"score": score}} if score is not None else {})},
    )
    made.number = number
    return made


def test_finished_trials_are_observed_with_their_cost() -> None:
    (one,) = observe([trial(0, 8, 0.9)], ["arch.depth"])
    assert (one.point, one.accuracy, one.variance, one.cost) == ({"arch.depth": 8}, 0.9, 0.0, 8000.0)


@pytest.mark.parametrize(
    "attrs",
    [
        {DUPLICATE_OF: 0},
        {INFEASIBLE: "no such network"},
        {ENQUEUED: {"index": 0, "outside": {"optimizer.lr": 3}}},
        {"first": 0},  # the second seed of a configuration whose first one speaks for both
    ],
)
def test_what_tells_nothing_of_a_point_is_left_out(attrs: dict[str, Any]) -> None:
    assert observe([trial(1, 8, 0.9, **attrs)], ["arch.depth"]) == []


def test_a_stopped_trial_counts_through_the_finished_ones_at_its_rung() -> None:
    finished = [trial(n, n + 4, 0.80 + 0.01 * n, score=0.60 + 0.02 * n) for n in range(5)]
    stopped = trial(9, 30, score=0.70)
    *_, estimate = observe([*finished, stopped], ["arch.depth"])
    assert estimate.accuracy == pytest.approx(0.85)
    assert estimate.cost is None
    assert 0 < estimate.variance < 0.01**2


def test_a_stopped_trial_is_unknown_while_hardly_any_has_finished() -> None:
    finished = [trial(n, n + 4, 0.8, score=0.6) for n in range(2)]
    assert len(observe([*finished, trial(9, 30, score=0.5)], ["arch.depth"])) == 2


def test_scores_that_say_nothing_leave_the_mean_and_a_wide_doubt() -> None:
    finals = [0.80, 0.90, 0.80, 0.90]
    finished = [
        trial(n, n + 4, final, score=score)
        for n, (final, score) in enumerate(zip(finals, [0.6, 0.6, 0.7, 0.7], strict=True))
    ]
    *_, estimate = observe([*finished, trial(9, 30, score=0.9)], ["arch.depth"])
    assert estimate.accuracy == pytest.approx(0.85)
    assert estimate.variance > 0.04**2


def test_rungs_of_an_earlier_release_that_compared_something_else_are_not_read() -> None:
    finished = [trial(n, n + 4, 0.8 + n / 100, score=0.6 + n / 100) for n in range(5)]
    old = trial(9, 30)
    old.user_attrs[f"{RUNG}2"] = {"val_acc": 0.5, "at": 0}
    assert len(observe([*finished, old], ["arch.depth"])) == 5
