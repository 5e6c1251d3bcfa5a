from __future__ import annotations

import pytest

from tests.sweep.conftest import spec_of
from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import resolved
from vggsweep.errors import ConfigError
from vggsweep.sweep.spec.composer import Composer

LINES = [
    ["arch.depth=6", "optimizer.lr=0.02"],
    ["arch=vgg11", "arch.batch_norm=true", "head=gap"],
    ["optimizer=adamw", "optimizer.betas=[0.8,0.99]"],
    ["arch.stages=[[1,8],[2,16]]", "train.ema=null"],
    ["dataset=cifar10", "+sweep.enqueue=[]"],
]


@pytest.mark.parametrize("words", LINES)
def test_fast_composition_equals_hydras(words: list[str]) -> None:
    fixed = ["seed=3", "train.epochs=2"]
    composer = Composer(tuple(fixed))
    assert composer.compose(words) == resolved(compose([*fixed, *words]))
    assert composer.compose(words) == resolved(compose([*fixed, *words]))


def test_composition_leaves_the_next_one_alone() -> None:
    composer = Composer(())
    composer.compose(["arch.depth=6"])
    assert composer.compose(["arch.width=4"])["arch"]["depth"] == 8


@pytest.mark.parametrize(
    "words",
    [
        ("arch.depth=4,5", "optimizer=adamw", "sweep.name=mine"),
        ("arch=vgg11,vgg13", "n_trials=3"),
        ("experiment=quickstart", "optimizer.lr=0.02"),
    ],
)
def test_trials_of_a_line_are_what_its_words_compose_to(words: tuple[str, ...]) -> None:
    spec = spec_of(*words)

    assert spec.composer.compose([]) == resolved(compose(spec.fixed))


def test_field_that_the_choice_lacks_is_refused() -> None:
    with pytest.raises(ConfigError, match="arch.depth"):
        Composer(()).compose(["arch=vgg11", "arch.depth=6"])
