"""Classes of unequal number: what evaluation counts of each, and what a weighted loss is."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggsweep.data.batches import Share
from vggsweep.training.class_balance import balanced_accuracy, balanced_weights, weighted_cross_entropy
from vggsweep.training.distributed import Ranks
from vggsweep.training.loop import evaluate

Prepare = Callable[..., Any]
CPU = torch.device("cpu")
# Of 10 images 6 are of class 0, 3 of class 1, 1 of class 3; class 2 has none.
LABELS = torch.tensor([0, 0, 0, 0, 0, 0, 1, 1, 1, 3])
GUESSES = torch.tensor([0, 0, 0, 0, 0, 1, 1, 0, 2, 3])


class Fixed:
    """Batches of 4 that an identity network passes through."""

    num_images, steps_per_epoch = 10, 3

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(F.one_hot(GUESSES, 4).float().split(4), LABELS.split(4), strict=True)


def test_hits_are_counted_by_class() -> None:
    score = evaluate(nn.Identity(), Fixed(), CPU, "fp32")

    assert score.class_images == (6, 3, 0, 1)
    assert score.class_hits == (5, 1, 0, 1)
    assert score.acc == 7 / 10
    assert balanced_accuracy(score.class_hits, score.class_images) == (5 / 6 + 1 / 3 + 1) / 3


def test_nothing_has_no_balanced_accuracy() -> None:
    assert balanced_accuracy((), ()) is None
    assert balanced_accuracy((0, 0), (0, 0)) is None


def test_balanced_weights_let_all_classes_count_the_same() -> None:
    assert balanced_weights((6, 3, 0, 1)) == (10 / 18, 10 / 9, 0.0, 10 / 3)
    assert balanced_weights((5, 5)) == (1.0, 1.0)


def test_each_image_counts_with_the_weight_of_its_class() -> None:
    scores = torch.tensor([[math.log(3), 0.0], [0.0, 0.0], [0.0, 0.0]])
    loss = weighted_cross_entropy(scores, torch.tensor([0, 1, 0]), torch.tensor([0.75, 1.5]), 0.0)

    by_hand = (0.75 * math.log(4 / 3) + 1.5 * math.log(2) + 0.75 * math.log(2)) / 3
    assert float(loss) == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_it_is_torchs_loss_of_probabilities(smoothing: float) -> None:
    scores = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    weight = torch.tensor([0.5, 1.0, 0.0, 3.0])
    expected = F.cross_entropy(scores, F.one_hot(LABELS, 4).float(), weight, label_smoothing=smoothing)

    torch.testing.assert_close(weighted_cross_entropy(scores, LABELS, weight, smoothing), expected)


def test_shares_of_a_batch_add_up_to_the_whole() -> None:
    scores = torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    weight = torch.tensor(balanced_weights((6, 3, 0, 1)))
    parts = []
    for rank in range(3):  # 3, 3 and 4 images, of other classes each
        ranks = Ranks(Share(rank, 3).begin(10), CPU)
        rows = ranks.share.rows
        own = weighted_cross_entropy(scores[rows], LABELS[rows], weight, 0.1)
        parts.append(ranks.weighed(own, rows.stop - rows.start))

    torch.testing.assert_close(sum(parts) / 3, weighted_cross_entropy(scores, LABELS, weight, 0.1))


@pytest.fixture
def uneven(tmp_path: Path) -> tuple[str, ...]:
    """Words of a set with 12, 6 and 2 training images of three classes, and as many that validate."""
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [12, 6, 2])
    pixels = random.integers(0, 256, (20, 8, 8), dtype=np.uint8)
    path = tmp_path / "uneven.npz"
    np.savez(path, x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
    return (
        *("dataset=arrays", f"dataset.path={path}", "dataset.channels=1", "dataset.resolution=32"),
        *("dataset.num_classes=null", "dataset.validation=test", "dataset.limit=null"),
        *("loss.class_weights=balanced", "train.batch_size=20"),
    )


@pytest.mark.parametrize("loader", ["resident", "streaming"])
def test_weights_are_those_of_the_training_images(
    prepare: Prepare, uneven: tuple[str, ...], loader: str
) -> None:
    run = prepare(*uneven, f"dataset.loader={loader}", "dataset.workers=0", "train.epochs=1")
    assert run.data.class_counts == (12, 6, 2)
    run.training.network.train()
    x_NCHW, y_N = next(iter(run.data.train.epoch(0)))
    with torch.no_grad():
        losses = F.cross_entropy(copy.deepcopy(run.training.network)(x_NCHW), y_N, reduction="none")
    mean = sum(float(losses[y_N == label].mean()) for label in range(3)) / 3  # each class counts the same

    run()

    assert run.training.history[0].train_loss == pytest.approx(mean, rel=1e-5)
    assert run.training.validated[1] == (12, 6, 2)


def test_mixed_images_count_with_the_weights_of_both_labels(
    prepare: Prepare, uneven: tuple[str, ...]
) -> None:
    step = prepare(*uneven, "train.label_smoothing=0.1").training.eager
    images = torch.rand(6, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    first, second, share = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([2, 0, 0, 1, 1, 2]), 0.7
    step.network.train()
    with torch.no_grad():
        scores = copy.deepcopy(step.network)(images)
    probabilities = share * F.one_hot(first, 3) + (1 - share) * F.one_hot(second, 3)
    weight = torch.tensor([20 / 36, 20 / 18, 20 / 6])
    expected = F.cross_entropy(scores, probabilities, weight, label_smoothing=0.1)

    step.begin_epoch()
    step(images, torch.stack((first.float(), second.float(), torch.full((6,), share)), dim=1), 0.1)

    assert float(step.loss_sum) / 6 == pytest.approx(float(expected), rel=1e-5)


def test_a_checkpoint_keeps_what_was_counted(prepare: Prepare) -> None:
    run, other = prepare("train.epochs=1")(), prepare("train.epochs=1")
    state = run.training.state_dict()
    other.training.load_state_dict(state)
    assert other.training.validated == run.training.validated
    assert sum(run.training.validated[1]) == run.data.validation.num_images
    assert run.training.answers is not None
    assert int(run.training.answers.sum()) == sum(run.training.validated[0])
    assert other.training.answers is not None
    assert torch.equal(other.training.answers, run.training.answers)

    del state["validated"], state["answers"]  # as earlier releases wrote it
    other.training.load_state_dict(state)
    assert other.training.validated == ((), ())
    assert other.training.answers is None
