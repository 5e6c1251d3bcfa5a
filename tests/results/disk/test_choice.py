"""Which sweeps and trials words name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.errors import ConfigError
from vggsweep.results.disk.choice import choose, find_whole_sweep, names_trial
from vggsweep.results.disk.layout import SweepDirectory

Write = Callable[..., Path]


@pytest.fixture
def outputs(own_folder: Path, write: Write) -> Path:
    """``outputs/one`` with trials 0 to 2, of which 1 is best; ``outputs/two`` with trial 0."""
    for number, accuracy in enumerate((0.5, 0.9, 0.7)):
        own = {"arch": {"depth": number}, "seed": 0}
        write(own_folder / "outputs" / "one", number, metrics={"val_acc": accuracy}, configuration=own)
    write(own_folder / "outputs" / "two", 0)
    return own_folder / "outputs"


def rows(*places: Path) -> list[dict[str, str]]:
    return [{"dir": str(place / "trials" / f"{number:05d}")} for place in places for number in range(3)]


def test_words_name_sweeps_and_trials_of_them(outputs: Path) -> None:
    choice = choose(["one/2", "two", "one/best", str(outputs / "one" / "trials" / "00002")])
    assert [sweep.name for sweep in choice.sweeps] == ["one", "two"]
    assert choice.numbers(choice.sweeps[0]) == [1, 2]
    assert choice.numbers(choice.sweeps[1]) == [0]
    kept = [choice.keeps(row) for row in rows(outputs / "one", outputs / "two")]
    assert kept == [False, True, True, True, True, True]
    assert choice.single is None


def test_a_sweep_and_one_of_its_trials_is_the_sweep(outputs: Path) -> None:
    choice = choose(["one/1", "one"])
    assert choice.numbers(choice.sweeps[0]) == [0, 1, 2]
    assert not choice.trials


def test_one_trial_is_known_as_one(outputs: Path) -> None:
    single = choose(["one/best"]).single
    assert single is not None
    assert single.path == outputs / "one" / "trials" / "00001"


def test_a_sweep_whose_name_looks_like_a_number_is_a_sweep(outputs: Path, write: Write) -> None:
    write(outputs / "7", 0)
    assert not names_trial("7")
    assert not names_trial("outputs/7")
    assert names_trial("7/0")
    assert [sweep.name for sweep in choose(["outputs/7"]).sweeps] == ["7"]


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("one/9", "one has no trial 9. It has 0 to 2."),
        ("onne/1", "No sweep 'onne'"),
        ("onne", "Did you mean 'one'?"),
    ],
)
def test_what_is_not_there_is_told_with_what_is(outputs: Path, word: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        choose([word])


def test_a_verb_for_whole_sweeps_says_why_a_trial_will_not_do(outputs: Path) -> None:
    assert find_whole_sweep("one", "…") == SweepDirectory(outputs / "one")
    with pytest.raises(ConfigError, match="one/1 is one trial. Name its sweep."):
        find_whole_sweep("one/1", "Name its sweep.")
