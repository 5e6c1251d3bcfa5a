"""Training on mixed images: loss, hits and every kind of loss, a checkpoint, processes that share a batch."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vggsweep.training.averaging import MovingAverage
from vggsweep.training.settings import TrainSettings
from vggsweep.training.step import EagerStep

Prepare = Callable[..., Any]


def focal(scores: Tensor, labels: Tensor) -> Tensor:
    """A loss of one's own that knows labels only."""
    assert labels.dtype == torch.int64
    chosen = F.log_softmax(scores, dim=1).gather(1, labels[:, None])
    return -((1 - chosen.exp()) ** 2 * chosen).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_hits_are_those_of_the_mixed_probabilities(prepare: Prepare, smoothing: float) -> None:
    step: EagerStep = prepare(f"train.label_smoothing={smoothing}").training.eager
    settings: TrainSettings = step.settings
    assert settings.label_smoothing == smoothing
    images = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    first, second, share = torch.arange(6), torch.arange(6).roll(1), 0.7
    step.network.train()
    with torch.no_grad():
        scores = copy.deepcopy(step.network)(images)
    probabilities = share * F.one_hot(first, scores.shape[1]) + (1 - share) * F.one_hot(
        second, scores.shape[1]
    )
    expected = F.cross_entropy(scores, probabilities, label_smoothing=smoothing)
    guesses = scores.argmax(1)
    hits = share * (guesses == first).sum() + (1 - share) * (guesses == second).sum()

    y = torch.stack((first.float(), second.float(), torch.full((6,), share)), dim=1)
    step.begin_epoch()
    step(images, y, 0.1)

    assert float(step.loss_sum) / 6 == pytest.approx(float(expected), rel=1e-5)
    assert float(step.hits) == pytest.approx(float(hits))


def test_gradients_are_those_of_the_mixed_probabilities(prepare: Prepare) -> None:
    run = prepare("optimizer=sgd", "optimizer.lr=1", "arch.batch_norm=false")
    step, other = run.training.eager, copy.deepcopy(run.training.network)
    images, first = torch.rand(4, 1, 32, 32), torch.arange(4)
    y = torch.stack((first.float(), first.roll(1).float(), torch.full((4,), 0.25)), dim=1)
    step.begin_epoch()
    step(images, y, 1.0)
    scores = other(images)
    classes = scores.shape[1]
    probabilities = 0.25 * F.one_hot(first, classes) + 0.75 * F.one_hot(first.roll(1), classes)
    F.cross_entropy(scores, probabilities).backward()
    for one, same in zip(step.network.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(one, same - same.grad)


@pytest.mark.parametrize("option", ["mixup", "cutmix", "randaugment", "trivialaugment"])
def test_a_training_continues_bit_for_bit(prepare: Prepare, option: str) -> None:
    words = (f"augment={option}", "train.epochs=3", "train.label_smoothing=0.1")
    whole, broken = prepare(*words)(), prepare(*words)
    saved: dict[str, Any] = {}
    broken.on_epoch = lambda result: saved or saved.update(copy.deepcopy(broken.training.state_dict()))
    broken()
    continued = prepare(*words)
    continued.training.load_state_dict(saved)
    assert continued().metrics == whole.metrics
    plain = prepare("augment=crop_flip", *words[1:])()
    assert plain.metrics[0] != whole.metrics[0]
    assert all(0 <= result.train_acc <= 1 for result in whole.training.history)


def test_a_loss_of_ones_own_is_given_labels(prepare: Prepare) -> None:
    run = prepare("augment=mixup", "loss=custom", f"loss.target={__name__}.focal", "train.epochs=1")()
    assert run.training.history[0].train_loss > 0


def test_averaged_weights_at_a_rung_see_the_mixed_images(prepare: Prepare) -> None:
    run = prepare("augment=cutmix", "train.epochs=2")
    run.training.rungs = [1]
    run.training.average = MovingAverage(run.training.network, 0.0, is_warmed_up=True)
    run()
    first, second = run.training.history
    assert first.averaged_val_acc is not None
    assert second.averaged_val_acc is None
