"""Fields that another one makes idle."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vggsweep.configuration.idle import idle_fields, warn_of_idle_words
from vggsweep.configuration.schema import Configuration
from vggsweep.configuration.words import parse

Configured = Callable[..., Configuration]


# Of augmentation everything at once.
MOST = ("augment=random_erasing", "augment.policy=randaugment", "augment.mixup=1")


@pytest.mark.parametrize(
    ("words", "idle"),
    [
        (["arch.stages=[[1,8],[1,16]]"], "arch.depth"),
        (["arch.stages=[[1,8],[1,16]]"], "arch.width"),
        (["measure=none"], "measure.min_runs"),
        (["optimizer=sgd"], "optimizer.decay_biases_and_norms"),
        (["scheduler=step", "train.epochs=2"], "scheduler.gamma"),
        (["augment=flip"], "augment.erase_max_area"),
        (["augment=flip"], "augment.policy_ops"),
        (["augment=trivialaugment"], "augment.policy_magnitude"),
        (["augment=flip"], "augment.mix_probability"),
        (["train.checkpoint=false"], "train.keep_checkpoint"),
        (["dataset=mnist", "dataset.validation=test"], "dataset.val_fraction"),
        (["dataset.loader=resident"], "dataset.workers"),
        (["arch=lenet"], "head.dropout"),
        ([], "dataset.root"),
    ],
)
def test_field_is_idle_under_these_words_and_not_without(
    configured: Configured, words: list[str], idle: str
) -> None:
    assert idle in idle_fields(configured(*words))
    if words:
        assert idle not in idle_fields(configured("dataset=mnist", *MOST))


def test_typed_word_that_changes_nothing_is_said_once(
    configured: Configured, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["arch.stages=[[1,8],[1,16]]", "arch.depth=6", "train.epochs=1"]

    warn_of_idle_words(configured(*words), parse(words))

    assert capsys.readouterr().err == (
        "note: arch.depth=6 changes nothing: arch.stages says every block's convolutions and channels.\n"
    )
