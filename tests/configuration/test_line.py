"""A whole command line, checked before Hydra acts on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vggsweep.configuration.line import (
    check_run,
    check_sweep,
    choices,
    experiment_name,
    read_line,
    sweep_name,
)
from vggsweep.configuration.words import parse
from vggsweep.errors import ConfigError


def checked_run(*words: str, extra_dir: Path | None = None) -> list[str]:
    return check_run(words, extra_dir, "config")


def checked_sweep(*words: str, extra_dir: Path | None = None) -> list[str]:
    line = read_line(words, extra_dir=extra_dir, config_name="config")
    return check_sweep(line, extra_dir, "config")


def test_run_takes_its_name_from_the_line_else_from_the_experiment_else_leaves_it_open() -> None:
    assert checked_run("seed=1") == []
    assert checked_run("experiment=quickstart") == ["sweep.name=quickstart-runs"]
    assert checked_run("experiment=quickstart", "sweep.name=mine") == []


def test_sweep_without_a_name_is_called_by_its_experiment_or_its_words() -> None:
    words = ["arch.depth=4,8", "train.epochs=1"]

    assert checked_sweep("experiment=quickstart", "seed=0,1") == ["sweep.name=quickstart"]
    assert checked_sweep("sweep.name=mine", *words) == []
    assert checked_sweep(*words) == [f"sweep.name={sweep_name(words, ['arch.depth'])}"]


@given(st.permutations(["arch.depth=4,8", "seed=1", "optimizer=adam", "train.epochs=2"]))
def test_same_words_in_any_order_find_the_same_sweep(words: list[str]) -> None:
    keys = ["arch.depth"]
    name = sweep_name(words, keys)

    assert name == sweep_name(sorted(words), keys)
    assert name != sweep_name(words[1:], keys)
    prefix, _, digits = name.partition("-")
    assert prefix == "depth"
    assert len(digits) == 8
    assert set(digits) <= set("0123456789abcdef")


def test_last_experiment_of_the_line_counts() -> None:
    assert experiment_name(["seed=1"]) is None
    assert experiment_name(["experiment=d2l_vgg", "experiment=quickstart"]) == "quickstart"
    assert experiment_name(["experiment=null"]) is None
    assert experiment_name(["+experiment=d2l_vgg"]) == "d2l_vgg"


def test_sweeper_is_found_on_the_line_and_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "basic.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /hydra/sweeper: basic\n"
    )

    def sweeper(*words: str) -> str:
        return read_line(words, extra_dir=tmp_path, config_name="config").sweeper

    assert sweeper("hydra/sweeper=optuna", "arch.depth=4,6") == "optuna"
    assert sweeper("experiment=basic", "arch.depth=4,6") == "basic"
    assert sweeper("arch.depth=4,6") == "vggsweep"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("arch.depth=4,8,12", ["4", "8", "12"]),
        ("arch.depth=range(4,7)", ["4", "5", "6"]),
        ("optimizer.lr=interval(0.01,0.5)", ["0.01", "0.5"]),
        ("optimizer=choice(sgd,adam)", ["sgd", "adam"]),
        ("arch.depth=range(1,1000)", ["1", "999"]),
        ("optimizer.lr=tag(log,interval(0.001,0.1))", ["0.001", "0.1"]),
    ],
)
def test_choices_of_a_sweep_are_all_of_a_short_list_and_both_ends_of_a_long_one(
    word: str, expected: list[str]
) -> None:
    assert choices(parse([word])[0]) == expected


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["arch.depth=4,abc"], "arch.depth=abc should be a whole number"),
        (["optimizer=sgd,adma"], "optimizer=adma: no such option. Did you mean 'adam'?"),
        (
            ["arch.depth=4,8", "arch.depth=3"],
            "arch.depth is given twice: 'arch.depth=3' and 'arch.depth=4,8'",
        ),
        (["arch.depth=4,8", "train.epochs=0"], "train.epochs=0 is too small"),
        (["optimizer.lr=interval(-1,1)"], "optimizer.lr=-1"),
        (["arch.depth=4,8", "sweep.name=a/b"], "sweep.name='a/b' is not usable"),
        (["arch.dept=4,8"], "Did you mean 'arch.depth'?"),
        (["arch.depth=4,8", "depth"], "'depth' does not read as an override"),
    ],
)
def test_sweep_in_which_any_choice_is_wrong_is_refused(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        checked_sweep(*words)

    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_sweep_may_hold_combinations_that_no_network_can_have() -> None:
    assert len(checked_sweep("arch.depth=2,8", "arch.num_blocks=2,4")) == 1


def test_run_that_holds_several_values_is_refused() -> None:
    with pytest.raises(ConfigError, match="holds several values: add -m"):
        checked_run("arch.depth=4,8")


def test_device_and_precision_of_this_machine_are_checked_last() -> None:
    with pytest.raises(ConfigError, match="device=cuda:99: torch finds"):
        checked_run("device=cuda:99")
    with pytest.raises(ConfigError, match="train.precision=fp16 needs a CUDA device"):
        checked_run("device=cpu", "train.precision=fp16")


def test_own_options_of_config_dir_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "mine.yaml").write_text("defaults: [sgd]\nlr: -1\n")

    with pytest.raises(ConfigError, match="optimizer.lr=-1"):
        checked_run("optimizer=mine", extra_dir=tmp_path)
    with pytest.raises(ConfigError, match="optimizer.lr=-1"):
        checked_sweep("optimizer=sgd,mine", extra_dir=tmp_path)
