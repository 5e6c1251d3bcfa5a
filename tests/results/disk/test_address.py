"""How a person names a trial, and what is said where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.errors import ConfigError
from vggsweep.results.disk.address import find_trial

Write = Callable[..., Path]


@pytest.fixture
def mine(own_folder: Path, write: Write) -> Path:
    """A sweep of six trials; 4 has the highest accuracy of those that are COMPLETE, at the fewest MACs."""
    sweep = own_folder / "outputs" / "mine"
    for number, (accuracy, macs) in {0: (0.7, 9), 1: (0.8, 9), 2: (0.8, 8), 4: (0.8, 7), 5: (0.9, 1)}.items():
        state = "PRUNED" if number == 5 else "COMPLETE"
        own = {"arch": {"depth": number}, "seed": 0}
        write(
            sweep, number, metrics={"val_acc": accuracy}, costs={"macs": macs}, state=state, configuration=own
        )
    return sweep


@pytest.mark.parametrize(
    "address",
    [
        "mine/4",
        "mine/00004",
        "mine/4/",
        "outputs/mine/4",
        "mine/trials/4",
        "outputs/mine/trials/00004",
        "mine/best",
    ],
)
def test_a_trial_is_found_by_sweep_and_number_by_rank_or_by_its_directory(mine: Path, address: str) -> None:
    assert find_trial(address).path == mine / "trials" / "00004"


def test_a_trial_that_was_copied_elsewhere_is_found_by_its_directory(mine: Path, own_folder: Path) -> None:
    shutil.copytree(mine / "trials" / "00001", own_folder / "winner")

    assert find_trial("winner").path == own_folder / "winner"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("mnie/4", "No sweep 'mnie' here or under .* Did you mean 'mine'? Valid: mine."),
        ("mine/3", "mine has no trial 3. It has 0 to 2, 4, 5."),
        ("mine/four", "'four' is no trial of mine: trials are named by number, or as best. It has 0 to"),
        ("mine", "'mine' is a whole sweep. Name one of its trials, such as mine/best."),
        ("outputs/mine/", "is a whole sweep"),
        ("4", "'4' names no trial. A trial is written SWEEP/NUMBER or SWEEP/best, such as mine/best."),
    ],
)
def test_what_names_no_trial_is_refused_with_those_there_are(mine: Path, address: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        find_trial(address)


def test_nothing_is_the_best_before_a_trial_is_complete(own_folder: Path, write: Write) -> None:
    write(own_folder / "outputs" / "mine", 0, state="FAIL")

    with pytest.raises(ConfigError, match="No trial of mine is COMPLETE yet, so none is the best."):
        find_trial("mine/best")
