"""A sampler of a person's own, by its dotted name and with permission."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.errors import ConfigError, SweepError
from vggsweep.sweep.recovery.continuation import check_same_sweep
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment

OWN = """
import optuna

class Widest(optuna.samplers.BaseSampler):
    \"\"\"The widest networks first, with what the study says.\"\"\"

    def __init__(self, seed, step=1):
        self.seed, self.step = seed, step

    def infer_relative_search_space(self, study, trial):
        return {}

    def sample_relative(self, study, trial, search_space):
        return {}

    def sample_independent(self, study, trial, name, distribution):
        return distribution.high - self.step * trial.number * distribution.step

class TPENoSeed(Widest):
    def __init__(self):
        super().__init__(0)

def made(**options):
    return Widest(0, **options)

def random(seed: int):
    return optuna.samplers.RandomSampler(seed=seed)

def no_sampler():
    return 8

def broken(seed):
    raise RuntimeError("a slip of mine")

class Late(Widest):
    def sample_independent(self, study, trial, name, distribution):
        raise RuntimeError("too late")

class Outside(Widest):
    def sample_independent(self, study, trial, name, distribution):
        return 400
"""
SPACE = ("arch.depth=4,5", "arch.width=range(4,33,4)", "measure=none")
WIDTH = ("arch.width=range(4,33,4)", "measure=none", "n_trials=3")


@pytest.fixture(autouse=True)
def _own_code(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own_folder / "own_samplers.py").write_text(OWN)
    monkeypatch.syspath_prepend(own_folder)


def words_for(name: str) -> tuple[str, str]:
    return f"hydra.sweeper.sampler._target_=own_samplers.{name}", f"sweep.allow_sampler=own_samplers.{name}"


def refusal(*words: str) -> str:
    with pytest.raises(ConfigError) as refused:
        spec_of(*WIDTH, *words)
    return str(refused.value)


def widths(*words: str) -> list[int]:
    tasks, _ = drain(scheduler_of(spec_of(*WIDTH, *words)))
    return [one.plain["arch"]["width"] for one in tasks]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (words_for("Widest"), [32, 28, 24]),
        ((*words_for("Widest"), "+hydra.sweeper.sampler.step=2"), [32, 24, 16]),
        ((*words_for("made"), "+hydra.sweeper.sampler.step=3"), [32, 20, 8]),
        # a name that sounds like Optuna's, and no seed
        (words_for("TPENoSeed"), [32, 28, 24]),
        # beside another's fields, which it does not take
        ((*words_for("Widest"), "hydra/sweeper/sampler=tpe", "objective=acc_vs_macs"), [32, 28, 24]),
    ],
)
def test_it_proposes_with_the_arguments_that_it_takes(words: tuple[str, ...], expected: list[int]) -> None:
    assert widths(*words) == expected


def test_a_function_that_returns_one_draws_after_a_stop_what_it_would_have_drawn() -> None:
    words = ("arch.width=range(4,33)", "measure=none", *words_for("random"))
    whole, _ = drain(scheduler_of(spec_of(*words, "n_trials=5", "sweep.name=whole")))
    parts = [
        one
        for n_trials in (2, 5)
        for one in drain(scheduler_of(spec_of(*words, f"n_trials={n_trials}", "sweep.name=parts")))[0]
    ]
    assert [one.attrs.words for one in parts] == [one.attrs.words for one in whole]


def test_an_enqueued_baseline_leaves_the_rest_to_it() -> None:
    spec = spec_of(*SPACE, *words_for("random"), "sweep.enqueue=[{arch.depth: 5}]")
    step = scheduler_of(spec).next()
    assert isinstance(step, Assignment)
    assert step.plain["arch"]["depth"] == 5


def test_without_permission_nothing_of_it_is_imported(own_folder: Path) -> None:
    (own_folder / "bad_sampler.py").write_text("import pathlib\npathlib.Path('ran').touch()\n")
    target = "hydra.sweeper.sampler._target_=bad_sampler.Sampler"
    said = refusal(target)
    assert "nothing permits it" in said
    assert said.endswith("type sweep.allow_sampler=bad_sampler.Sampler.")
    assert "what is permitted is own_samplers.made" in refusal(
        target, "sweep.allow_sampler=own_samplers.made"
    )
    assert not Path("ran").exists()
    assert not Path("outputs").exists()


def test_a_file_cannot_permit_what_it_names(own_folder: Path) -> None:
    from tests.orders import read_spec

    options = own_folder / "options" / "experiment"
    options.mkdir(parents=True)
    (options / "theirs.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {sampler: {_target_: own_samplers.Widest}}}\n"
        "sweep: {allow_sampler: own_samplers.Widest}\n"
    )
    words = (*WIDTH, "experiment=theirs")
    with pytest.raises(ConfigError, match="a file cannot permit it"):
        read_spec(words, extra_dir=options.parent)
    typed = (*words, "sweep.allow_sampler=own_samplers.Widest")
    read_spec(typed, extra_dir=options.parent)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no_sampler", "made a int; it should be an optuna.samplers.BaseSampler"),
        ("broken", "raised RuntimeError: a slip of mine (own_samplers.py, line"),
        ("Missing", "cannot be loaded"),
    ],
)
def test_what_is_no_sampler_is_refused_before_anything_is_written(name: str, why: str) -> None:
    assert why in refusal(*words_for(name))
    assert not Path("outputs").exists()


def test_an_argument_that_it_does_not_take_is_refused() -> None:
    assert "takes no argument stpe. It takes: seed, step" in refusal(
        *words_for("Widest"), "+hydra.sweeper.sampler.stpe=2"
    )


def test_a_permission_that_nothing_uses_is_refused() -> None:
    assert "permits a sampler that this sweep does not have" in refusal(
        "sweep.allow_sampler=own_samplers.made"
    )


@pytest.mark.parametrize(
    ("name", "why"),
    [("Late", "raised RuntimeError: too late"), ("Outside", "drew arch.width=400, which lies")],
)
def test_what_goes_wrong_while_it_draws_ends_the_sweep_with_a_sentence(name: str, why: str) -> None:
    with pytest.raises(SweepError) as raised:
        scheduler_of(spec_of(*WIDTH, *words_for(name))).next()
    assert why in str(raised.value)


def test_a_sweep_goes_on_with_its_sampler_only_under_permission() -> None:
    spec = spec_of(*WIDTH, *words_for("Widest"), "sweep.name=mine")
    spec.directory.trials.mkdir(parents=True)
    save_spec(spec)
    assert "nothing permits it" in refusal("sweep.name=mine")  # sweep.yaml alone names it
    check_same_sweep(spec_of(*WIDTH, "sweep.name=mine", "sweep.allow_sampler=own_samplers.Widest"))
