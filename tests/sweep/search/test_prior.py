"""A person's guess: a right one helps, a wrong one does not spoil the search."""

from __future__ import annotations

import math

import pytest

from tests.sweep.conftest import scheduler_of, spec_of
from tests.sweep.search.conftest import Point, Search
from vggsweep.errors import ConfigError
from vggsweep.sweep.recovery.continuation import check_same_sweep
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment

SPACE = ("arch.depth=range(4,13)", "arch.width=range(4,33,4)", "measure=none", "objective=acc_vs_macs")
KNOWN_COST = "hydra/sweeper/sampler=known_cost"
# By so many trials a wrong guess may come later at the same share.
LATER_AT_MOST = 4


def nine_is_best(point: Point) -> float:
    return 0.7 + 0.06 * math.log2(point["arch.width"]) - 0.03 * abs(point["arch.depth"] - 9)


def trials_to_share(prior: Point | None, noise: float, seed: int) -> int:
    """Trials until the front has .95 of the strict hypervolume."""
    search = Search(nine_is_best, noise=noise, seed=seed, prior=prior)
    for number in range(1, 41):
        search.run(1)
        if search.share() >= 0.95:
            return number
    raise AssertionError("not within 40 trials")


@pytest.mark.parametrize(("noise", "seed"), [(0.0, 0), (0.005, 1), (0.005, 2)])
def test_a_right_guess_finds_the_front_sooner_and_a_wrong_one_hardly_later(noise: float, seed: int) -> None:
    without = trials_to_share(None, noise, seed)
    assert trials_to_share({"arch.depth": 9}, noise, seed) <= without
    for wrong in ({"arch.depth": 4}, {"arch.depth": 12, "arch.width": 4}):
        assert trials_to_share(wrong, noise, seed) <= without + LATER_AT_MOST


def test_the_guess_is_tried_first_with_the_cheapest_of_what_it_leaves_open() -> None:
    scheduler = scheduler_of(spec_of(*SPACE, KNOWN_COST, "sweep.prior={arch.depth: 8}"))
    step = scheduler.next()
    assert isinstance(step, Assignment)
    assert (step.plain["arch"]["depth"], step.plain["arch"]["width"]) == (8, 4)


def test_a_category_may_be_guessed() -> None:
    spec = spec_of(*SPACE, KNOWN_COST, "optimizer=adamw,sgd", "sweep.prior={optimizer: sgd}")
    step = scheduler_of(spec).next()
    assert isinstance(step, Assignment)
    assert step.plain["optimizer"]["name"] == "sgd"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("sweep.prior={arch.depth: 40}",), "arch.depth=40 lies outside the space (whole numbers from 4"),
        (("sweep.prior={arch.dpth: 8}",), "arch.dpth is not swept. Did you mean 'arch.depth'"),
        (("sweep.prior=8",), "should be values of swept parameters"),
        (("sweep.prior={arch.depth: 8}", "hydra/sweeper/sampler=random"), "this sweep's sampler is random"),
        (("sweep.prior={arch.depth: 8}", "objective=val_acc"), "sampler is tpe (it weighs accuracy"),
    ],
)
def test_a_guess_that_would_not_be_used_is_refused(words: tuple[str, ...], why: str) -> None:
    with pytest.raises(ConfigError) as refused:
        spec_of(*SPACE, KNOWN_COST, *words)
    assert why in str(refused.value)


def test_a_guess_may_change_when_the_sweep_continues() -> None:
    spec = spec_of(*SPACE, KNOWN_COST, "sweep.name=mine", "sweep.prior={arch.depth: 8}")
    spec.directory.trials.mkdir(parents=True)
    save_spec(spec)
    for words in (("sweep.prior={arch.depth: 9, arch.width: 8}",), ()):
        check_same_sweep(spec_of(*SPACE, KNOWN_COST, "sweep.name=mine", *words))
