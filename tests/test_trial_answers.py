"""What a trial keeps of single validation images: which its network got right."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.alone import Trial, interrupted_after
from tests.alone import trial as trial
from vggsweep.configuration.schema import read_configuration
from vggsweep.data.loading import validation_part
from vggsweep.errors import Interrupted, TrialPruned
from vggsweep.model import load_model
from vggsweep.results.disk.answers import read_answers
from vggsweep.training.loop import EpochResult


def test_the_answers_are_those_of_the_network_to_each_validation_image(trial: Callable[..., Trial]) -> None:
    done = trial("train.keep_weights=true", "train.eval_batch_size=7")
    record = done()
    answers = read_answers(done.directory.path)
    assert answers is not None
    assert answers.accuracy == record.metrics["val_acc"]

    model = load_model(done.directory.path)
    part = validation_part(read_configuration(done.plain).dataset)
    pixels, labels = part.images.read(part.indices), part.images.labels[part.indices]
    with torch.no_grad():
        guesses = model(torch.from_numpy(pixels)).argmax(dim=1).numpy()
    assert (answers.right == (guesses == labels)).all()


def test_the_split_names_images_order_and_labels_and_no_seed(trial: Callable[..., Trial]) -> None:
    splits = []
    for words in ((), ("seed=1", "arch.width=6"), ("dataset.split_seed=1",), ("dataset.val_fraction=0.3",)):
        done = trial("train.epochs=1", *words)
        done()
        answers = read_answers(done.directory.path)
        assert answers is not None
        splits.append(answers.split)
    assert splits[0] == splits[1]
    assert len(set(splits)) == 3
    assert len(list(done.directory.path.glob("foreign*-answers.json"))) == 3


def test_a_pruned_trial_keeps_its_answers_and_a_continued_one_has_them(trial: Callable[..., Trial]) -> None:
    done = trial("train.epochs=3")

    def prune(result: EpochResult, _val_images: int) -> None:
        raise TrialPruned("enough")

    assert (pruned := done(prune)).state == "PRUNED"
    answers = read_answers(done.directory.path)
    assert answers is not None
    assert answers.accuracy == pruned.metrics["val_acc"]

    done.directory.record.unlink()
    with pytest.raises(Interrupted):
        done(interrupted_after(3))
    assert not done.directory.answers.exists(), "the last epoch is in the checkpoint alone"
    complete = done()
    answers = read_answers(done.directory.path)
    assert answers is not None
    assert answers.accuracy == complete.metrics["val_acc"]
