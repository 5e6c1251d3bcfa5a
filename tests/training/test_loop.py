from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggsweep.errors import Interrupted, NonFiniteLoss, TrialPruned
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import Batches, EpochResult, evaluate

if TYPE_CHECKING:
    from tests.training.conftest import Run

    Prepare = Callable[..., Run]

CPU = torch.device("cpu")
# One step of plain gradient descent over all images.
ONE_STEP = (
    "train.epochs=1",
    "train.batch_size=256",
    "scheduler=constant",
    "optimizer=sgd",
    "optimizer.lr=0.1",
)


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    theirs = weights_of(other)
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in weights_of(one).items())


# --- what a training reports


def test_a_network_learns_and_every_epoch_is_reported(prepare: Prepare) -> None:
    seen: list[EpochResult] = []
    run = prepare("train.epochs=4", "arch.width=8", "dataset.limit=600")
    run.on_epoch = seen.append
    run()
    assert seen == run.training.history
    assert [result.epoch for result in seen] == [1, 2, 3, 4]
    assert seen[-1].train_loss < seen[0].train_loss
    assert seen[-1].val_acc > 0.2, "twice as good as a guess"
    for result in seen:
        assert result.images_per_second == pytest.approx(600 / result.train_seconds)


def test_the_reported_loss_is_the_mean_over_images_not_over_batches(prepare: Prepare) -> None:
    # 256 images in batches of 100: the last has 56.
    run = prepare("train.batch_size=100", "train.epochs=1", "scheduler=constant", "optimizer.lr=1e-12")
    losses = []
    run.training.network.train()
    with torch.no_grad():
        for x_NCHW, y_N in run.data.train.epoch(0):
            losses += F.cross_entropy(run.training.network(x_NCHW), y_N, reduction="none").tolist()
    assert len(losses) == 256
    run()
    assert run.training.history[0].train_loss == pytest.approx(sum(losses) / 256, rel=1e-5)


def test_validation_is_the_evaluated_network_on_the_validation_images(prepare: Prepare) -> None:
    run = prepare()()
    hits, losses = [], []
    run.training.network.eval()
    with torch.no_grad():
        for x_NCHW, y_N in run.data.validation.epoch(0):
            scores_NK = run.training.network(x_NCHW)
            hits += (scores_NK.argmax(dim=1) == y_N).tolist()
            losses += F.cross_entropy(scores_NK, y_N, reduction="none").tolist()
    last = run.training.history[-1]
    assert last.val_acc == sum(hits) / len(hits)
    assert last.val_loss == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@dataclass(frozen=True)
class Fixed:
    """Batches of scores that an identity network passes through; 13 images, 5 a batch."""

    scores_NK: Tensor
    y_N: Tensor
    num_images: int = 13
    steps_per_epoch: int = 3

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        return zip(self.scores_NK.split(5), self.y_N.split(5), strict=True)


def test_top5_is_the_share_of_images_whose_class_is_among_the_five_likeliest() -> None:
    random = torch.Generator().manual_seed(0)
    scores_NK = torch.rand(13, 100, generator=random)
    y_N = scores_NK.argsort(dim=1, descending=True)[torch.arange(13), torch.arange(13) // 2]
    score = evaluate(nn.Identity(), Fixed(scores_NK, y_N), CPU, "fp32")
    assert score.acc == 2 / 13
    assert score.top5 == 10 / 13


def test_top5_is_left_out_below_a_hundred_classes(prepare: Prepare) -> None:
    scores_NK = torch.rand(13, 99, generator=torch.Generator().manual_seed(0))
    assert (
        evaluate(nn.Identity(), Fixed(scores_NK, torch.zeros(13, dtype=torch.int64)), CPU, "fp32").top5
        is None
    )
    assert [result.val_top5 for result in prepare()().training.history] == [None, None]


def test_steps_count_images_up_and_begin_again_each_epoch(prepare: Prepare) -> None:
    steps: list[tuple[int, int]] = []
    run = prepare("train.batch_size=100")
    run.on_step = lambda epoch, step: steps.append((epoch, step))
    run()
    assert steps == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)]
    assert run.images == [100, 200, 256] * 2


# --- what must not change results


def test_the_same_seed_gives_bit_equal_losses(prepare: Prepare) -> None:
    words = ("augment=crop_flip", "arch.dropout=0.1")
    assert prepare(*words)().metrics == prepare(*words)().metrics


def test_another_seed_gives_other_losses(prepare: Prepare) -> None:
    assert prepare("seed=1")().metrics != prepare("seed=2")().metrics


def test_the_streaming_loader_gives_the_losses_of_the_resident_one(prepare: Prepare) -> None:
    resident = prepare("dataset.loader=resident", "augment=crop_flip")()
    for workers in (0, 2):
        words = ("dataset.loader=streaming", f"dataset.workers={workers}", "augment=crop_flip")
        assert prepare(*words)().metrics == resident.metrics


def test_channels_last_gives_equal_losses(prepare: Prepare) -> None:
    # Other kernels add in another order: equal to fp32's rounding over eight steps.
    first, last = (prepare(f"train.channels_last={word}")().losses for word in ("false", "true"))
    assert last == pytest.approx(first, rel=1e-3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compile_gives_equal_losses(prepare: Prepare) -> None:
    plain, compiled = (prepare(f"train.compile={word}")().losses for word in ("false", "true"))
    assert compiled == pytest.approx(plain, rel=1e-3)


def test_writing_checkpoints_gives_bit_equal_losses(prepare: Prepare, tmp_path: Path) -> None:
    assert prepare()(CheckpointFile(tmp_path / "checkpoint.pt")).metrics == prepare()().metrics


def test_deterministic_kernels_give_equal_losses_without_a_warning(prepare: Prepare) -> None:
    plain, deterministic = (prepare(f"train.deterministic={word}")().losses for word in ("false", "true"))
    assert deterministic == pytest.approx(plain, rel=1e-4)


def test_bf16_stays_near_fp32(prepare: Prepare) -> None:
    # bf16 keeps 8 bits of a number; the losses of 8 steps agree within a few per cent.
    fp32, bf16 = (prepare(f"train.precision={word}")().losses for word in ("fp32", "bf16"))
    assert bf16 == pytest.approx(fp32, rel=0.05)


# --- continuing


@pytest.mark.parametrize(
    "words",
    [
        ("optimizer=sgd_nesterov", "train.ema=0.9"),
        ("optimizer=adamw", "augment=crop_flip"),
        ("optimizer=rmsprop", "arch.dropout=0.2"),
        ("optimizer=sgd_nesterov", "train.channels_last=false", "arch.batch_norm=false"),
    ],
)
def test_a_continued_training_equals_an_uninterrupted_one_bit_for_bit(
    prepare: Prepare, tmp_path: Path, words: tuple[str, ...]
) -> None:
    whole = prepare("train.epochs=3", *words)()
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    first = prepare("train.epochs=3", *words)

    def stop_in_the_third_epoch(epoch: int, step: int) -> None:
        if (epoch, step) == (3, 2):
            first.stop.handle(signal.SIGTERM, None)

    first.on_step = stop_in_the_third_epoch
    with pytest.raises(Interrupted):
        first(checkpoint)
    torch.manual_seed(99)  # another process begins with other random numbers
    second = prepare("train.epochs=3", *words)
    second.training.load_state_dict(checkpoint.load().state)
    assert second.metrics == whole.metrics[:2]
    second()
    assert second.metrics == whole.metrics
    assert_same_weights(second.training.evaluated_network, whole.training.evaluated_network)


def test_a_training_that_is_done_has_nothing_left_to_do(prepare: Prepare, tmp_path: Path) -> None:
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    done = prepare()(checkpoint)
    again = prepare()
    again.training.load_state_dict(checkpoint.load().state)
    again()
    assert again.images == []
    assert again.training.history == done.training.history
    assert_same_weights(again.training.network, done.training.network)


# --- stopping


def test_a_signal_stops_at_the_next_step(prepare: Prepare) -> None:
    run = prepare()
    run.stop.handle(signal.SIGINT, None)
    with pytest.raises(Interrupted):
        run()
    assert run.images == [64]
    assert run.training.history == []


@dataclass
class SignalledWhileRead:
    """A data source during whose first batch a signal arrives."""

    source: Batches
    stop: StopRequest

    @property
    def num_images(self) -> int:
        return self.source.num_images

    @property
    def steps_per_epoch(self) -> int:
        return self.source.steps_per_epoch

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        if not self.stop.is_set:
            self.stop.handle(signal.SIGINT, None)
        yield from self.source.epoch(epoch)


def test_a_signal_while_evaluating_keeps_the_epoch(prepare: Prepare, tmp_path: Path) -> None:
    run = prepare("train.epochs=3")
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")
    validation = SignalledWhileRead(run.data.validation, run.stop)
    with pytest.raises(Interrupted):
        run.training.run(run.data.train, validation, listener=run, stop=run.stop, checkpoint=checkpoint)
    assert len(checkpoint.load().state["history"]) == 1


def test_a_signal_in_the_last_evaluation_lets_the_training_end(prepare: Prepare) -> None:
    run = prepare("train.epochs=1")
    validation = SignalledWhileRead(run.data.validation, run.stop)
    run.training.run(run.data.train, validation, listener=run, stop=run.stop)
    assert len(run.training.history) == 1


def test_a_listener_may_prune(prepare: Prepare, tmp_path: Path) -> None:
    run = prepare("train.epochs=3")
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")

    def prune(result: EpochResult) -> None:
        if result.epoch == 2:
            raise TrialPruned(result.epoch)

    run.on_epoch = prune
    with pytest.raises(TrialPruned) as caught:
        run(checkpoint)
    assert caught.value.epoch == 2
    assert len(run.training.history) == len(checkpoint.load().state["history"]) == 2


# --- losses that are no numbers


def test_a_diverging_rate_is_reported_with_epoch_and_step(prepare: Prepare) -> None:
    run = prepare("optimizer.lr=1e30", "scheduler=constant")
    with pytest.raises(NonFiniteLoss, match="epoch 1, step 2.*smaller optimizer.lr") as caught:
        run()
    assert (caught.value.epoch, caught.value.step) == (1, 2)
    assert run.training.history == []


def test_divergence_in_a_later_epoch_names_that_epoch(prepare: Prepare) -> None:
    run = prepare("train.epochs=3")

    def explode(epoch: int, step: int) -> None:
        if (epoch, step) == (2, 3):
            with torch.no_grad():
                next(run.training.network.parameters()).fill_(float("inf"))

    run.on_step = explode
    with pytest.raises(NonFiniteLoss) as caught:
        run()
    assert (caught.value.epoch, caught.value.step) == (2, 4)
    assert len(run.training.history) == 1


def test_divergence_in_the_very_last_step_is_no_result(prepare: Prepare, tmp_path: Path) -> None:
    run = prepare(*ONE_STEP)
    checkpoint = CheckpointFile(tmp_path / "checkpoint.pt")

    def explode(epoch: int, step: int) -> None:
        with torch.no_grad():
            next(run.training.network.parameters()).fill_(float("nan"))

    run.on_step = explode
    with pytest.raises(NonFiniteLoss) as caught:
        run(checkpoint)
    assert (caught.value.epoch, caught.value.step) == (1, 1)
    assert not checkpoint.exists()


# --- options of the loop


def test_clipping_bounds_the_step_and_a_high_bound_changes_nothing(prepare: Prepare) -> None:
    def step_length(*words: str) -> float:
        run = prepare(*ONE_STEP, *words)
        before = [parameter.detach().clone() for parameter in run.training.network.parameters()]
        run()
        after = [parameter.detach() for parameter in run.training.network.parameters()]
        moved = [(new - old).flatten() for new, old in zip(after, before, strict=True)]
        return float(torch.cat(moved).norm())

    free = step_length()
    gradient_norm = free / 0.1
    bound = gradient_norm / 4
    assert step_length(f"train.clip_grad_norm={bound}") == pytest.approx(0.1 * bound, rel=1e-3)
    assert step_length(f"train.clip_grad_norm={10 * gradient_norm}") == free


def test_label_smoothing_spreads_the_target_in_training_only(prepare: Prepare) -> None:
    share = 0.3
    run = prepare(*ONE_STEP, f"train.label_smoothing={share}")
    run.training.network.train()
    with torch.no_grad():
        ((x_NCHW, y_N),) = run.data.train.epoch(0)
        log_shares_NK = run.training.network(x_NCHW).log_softmax(dim=1)
    hit = -log_shares_NK.gather(1, y_N[:, None]).mean()
    spread = -log_shares_NK.mean()
    run()
    (row,) = run.training.history
    assert row.train_loss == pytest.approx(float((1 - share) * hit + share * spread), rel=1e-5)
    plain = evaluate(run.training.network, run.data.validation, CPU, "fp32")
    assert row.val_loss == plain.loss


def test_ema_is_the_average_written_out_by_hand(prepare: Prepare) -> None:
    decay = 0.8
    run = prepare(f"train.ema={decay}", "train.epochs=2")
    average: dict[str, Tensor] = {}

    def follow(epoch: int, step: int) -> None:
        for name, tensor in weights_of(run.training.network).items():
            if tensor.is_floating_point():
                start = average.get(name, tensor)  # the average begins with the first step's weights
                average[name] = decay * start + (1 - decay) * tensor

    run.on_step = follow
    run()
    averaged = weights_of(run.training.evaluated_network)
    assert {"running_mean", "weight"} <= {name.rpartition(".")[2] for name in average}
    for name, expected in average.items():
        torch.testing.assert_close(averaged[name], expected, rtol=1e-4, atol=1e-6)
    score = evaluate(run.training.evaluated_network, run.data.validation, CPU, "fp32")
    last = run.training.history[-1]
    assert (last.val_loss, last.val_acc) == (score.loss, score.acc)
    raw = evaluate(run.training.network, run.data.validation, CPU, "fp32")
    assert raw.loss != score.loss


def test_ema_leaves_the_trained_weights_alone(prepare: Prepare) -> None:
    with_ema, without = prepare("train.ema=0.9")(), prepare()()
    assert_same_weights(with_ema.training.network, without.training.network)


def test_the_learning_rate_follows_its_schedule_from_step_to_step(prepare: Prepare) -> None:
    run = prepare("scheduler=cosine", "scheduler.warmup_epochs=1", "optimizer.lr=0.08")
    lrs: list[float] = []
    run.on_step = lambda epoch, step: lrs.append(run.training.optimizer.param_groups[0]["lr"])
    run()
    assert lrs[:4] == pytest.approx([0.01, 0.03, 0.05, 0.07])
    assert lrs[4:] == sorted(lrs[4:], reverse=True)
    assert [result.lr for result in run.training.history] == [lrs[3], lrs[7]]
