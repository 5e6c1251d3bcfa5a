"""Errors: the tree, the exit codes, and the sentence after a misspelt word."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep import errors
from vggsweep.errors import ConfigError, InfeasibleConfig, Interrupted, TrialPruned, VggsweepError, near_match


def test_what_is_wrong_with_the_line_exits_with_2_and_what_failed_with_1() -> None:
    assert ConfigError.exit_code == InfeasibleConfig.exit_code == 2
    others = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, VggsweepError) and not issubclass(value, ConfigError)
    }
    assert {error.exit_code for error in others} == {1}


def test_interruption_and_pruning_are_no_errors_of_ours() -> None:
    assert not issubclass(Interrupted, Exception)
    assert not issubclass(TrialPruned, VggsweepError)


def test_every_error_stands_in_the_tree_that_the_module_draws() -> None:
    drawn = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and issubclass(value, BaseException):
            assert name in drawn


@pytest.mark.parametrize(
    ("word", "choices", "near"),
    [
        ("vgg61", ["vgg11", "vgg13", "vgg16", "vgg19"], "vgg16"),
        ("resnet81", ["resnet18", "resnet101"], "resnet18"),
        ("adma", ["adam", "adamw", "sgd"], "adam"),
        ("tabel", ["summary", "table"], "table"),
        ("cifar", ["cifar10", "mnist"], "cifar10"),
    ],
)
def test_near_match_is_what_was_meant(word: str, choices: list[str], near: str) -> None:
    assert near_match(word, choices).startswith(f"Did you mean '{near}'? Valid: ")


@given(word=st.text(max_size=8), choices=st.lists(st.text(max_size=8), max_size=8))
def test_every_choice_is_named_once_whatever_was_typed(word: str, choices: list[str]) -> None:
    assert near_match(word, choices).endswith(f"Valid: {', '.join(sorted(set(choices)))}.")
