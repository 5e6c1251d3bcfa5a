"""The training loop: one page, and it never waits for the device except once an epoch.

A step (`vggsweep.training.step`) only queues work: losses and hits are summed on the device, the learning
rate is a pure function of time, and a loss that is not finite leaves its step number behind for the end of
the epoch.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vggsweep.device import ResolvedPrecision, autocast, random_states, restore_random_states
from vggsweep.errors import NonFiniteLoss
from vggsweep.training.averaging import MovingAverage
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.class_balance import ClassCounts
from vggsweep.training.cuda_graph import Capture, CudaCapture, GraphStep
from vggsweep.training.custom import build_loss
from vggsweep.training.interruption import StopRequest
from vggsweep.training.optimizers import build_optimizer
from vggsweep.training.schedule_settings import SchedulerSettings
from vggsweep.training.schedules import Rates, learning_rates
from vggsweep.training.settings import (
    CROSS_ENTROPY,
    LossSettings,
    OptimizerSettings,
    TrainSettings,
)
from vggsweep.training.step import EagerStep

if TYPE_CHECKING:
    from vggsweep.training.distributed import Ranks


class Batches(Protocol):
    """What the loop needs of a data source; x is (N, C, H, W) float, y is (N,) int64, on the device."""

    @property
    def num_images(self) -> int: ...

    @property
    def steps_per_epoch(self) -> int: ...

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]: ...


@dataclass(frozen=True)
class EpochResult:
    """One row of ``history.csv``.

    Args:
        epoch: from 1.
        lr: learning rate of the epoch's last step.
        train_loss, train_acc: mean over the epoch's images, as trained (augmented, weights moving).
        val_loss, val_acc: cross-entropy and accuracy over the validation images after the epoch.
        train_seconds: wall time of the training steps, data included, evaluation excluded.
        images_per_second: training images ÷ train_seconds.
        val_top5: share of validation images whose class is among the five likeliest; from 100 classes.
        averaged_val_acc: validation accuracy of averaged weights, the score that a pruner compares; None at
            epochs at which none looks.
    """

    epoch: int
    lr: float
    train_loss: float
    train_acc: float
    val_loss: float
    val_acc: float
    train_seconds: float
    images_per_second: float
    val_top5: float | None = None
    averaged_val_acc: float | None = None


# Top-5 accuracy says something from so many classes on; with ten a guess reaches one half.
TOP5_CLASSES = 100


@dataclass(frozen=True)
class Score:
    """Mean cross-entropy and share of hits over a set of images.

    Args:
        loss, acc: over all images.
        top5: share of images whose class is among the five likeliest; None below `TOP5_CLASSES` classes.
        class_hits, class_images: of each class in the order of the labels; empty where nobody counted.
        answers: 1 for each image that was guessed right, uint8 [images] in the source's order, in the CPU's
            memory; None where nobody asked for them.
    """

    loss: float
    acc: float
    top5: float | None = None
    class_hits: tuple[int, ...] = ()
    class_images: tuple[int, ...] = ()
    answers: Tensor | None = field(default=None, compare=False)


class Listener(Protocol):
    """Who watches a training; `epoch_ended` may raise `TrialPruned`."""

    def step_ended(self, epoch: int, step: int, images: int) -> None: ...

    def epoch_ended(self, result: EpochResult) -> None: ...


class Training:
    """A network on its way through its epochs; everything that a checkpoint must hold.

    Args:
        network: on its device, in its memory format.
        optimizer, scheduler, train: settings.
        precision: what ``train.precision`` means on this device.
        capture: of the step, as one graph of the device; None launches its operations one by one.
        rungs: epochs whose weights are averaged for `EpochResult.averaged_val_acc`. The training itself is
            the same with and without.
        loss: what the steps make smaller; validation is told its cross-entropy whatever it is.
        ranks: this process among those that train the network together; None trains alone.
        class_counts: training images of each class, from which a loss may weigh them.

    Attributes:
        validated: the last finished epoch's hits and images of each class; empty before the first.
        answers: that epoch's answer to each validation image, see `Score`; None before the first.
    """

    def __init__(
        self,
        network: nn.Module,
        optimizer: OptimizerSettings,
        scheduler: SchedulerSettings,
        train: TrainSettings,
        precision: ResolvedPrecision,
        capture: Capture | None = None,
        rungs: Collection[int] = (),
        loss: LossSettings = CROSS_ENTROPY,
        ranks: Ranks | None = None,
        class_counts: Sequence[int] = (),
    ) -> None:
        self.ranks = ranks
        self.network = network
        self.device = next(network.parameters()).device
        self.settings = train
        self.schedule = scheduler
        self.base_lr = optimizer.lr
        self.precision = precision
        self.optimizer = build_optimizer(optimizer, network, capturable=isinstance(capture, CudaCapture))
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "fp16")
        self.ema = MovingAverage(network, train.ema) if train.ema is not None else None
        self.rungs = rungs
        self.average = MovingAverage(network, 0.0, is_warmed_up=True) if rungs else None
        forward: Callable[[Tensor], Tensor] = torch.compile(network) if train.compile else network
        self.loss = build_loss(loss, train.label_smoothing, self.device, class_counts)
        if ranks is not None:
            forward = ranks.averaging(network)
        self.eager = EagerStep(
            network, forward, self.optimizer, self.scaler, self.loss, train, precision, ranks
        )
        self.graph: GraphStep | None = None
        if capture is not None:
            self.graph = GraphStep(self.eager, capture, is_required=train.cuda_graph == "always")
        self.history: list[EpochResult] = []
        self.validated: tuple[Sequence[int], Sequence[int]] = ((), ())
        self.answers: Tensor | None = None

    @property
    def evaluated_network(self) -> nn.Module:
        """The network whose accuracy counts: the averaged one where averaging is on."""
        return self.ema.module if self.ema is not None else self.network

    def run(
        self,
        train: Batches,
        validation: Batches,
        *,
        listener: Listener,
        stop: StopRequest,
        checkpoint: CheckpointFile | None = None,
        check_images: Callable[[], None] = lambda: None,
    ) -> None:
        """Train from the last finished epoch to the last one.

        Args:
            train: shuffled, augmented.
            validation: in order, unchanged.
            listener: told of steps and epochs.
            stop: asked at each step.
            checkpoint: where each epoch is kept, or None.
            check_images: raises where the images of an epoch were not those that were meant; nothing of that
                epoch is kept.

        Raises:
            NonFiniteLoss: the loss became NaN or infinite.
            Interrupted: a signal arrived; the last finished epoch is in the checkpoint.
            TimedOut: the time limit has passed.
            Superseded: another worker owns the trial.
            TrialPruned: the listener said so.
        """
        if self.average is not None:  # over half an epoch
            self.average.decay = max(0.0, 1.0 - 2.0 / train.steps_per_epoch)
        if self.ranks is not None:
            self.ranks.agree(self)
        epochs, steps = self.settings.epochs, train.steps_per_epoch
        rates = learning_rates(self.schedule, self.base_lr, epochs, steps)
        for epoch in range(len(self.history), epochs):
            trained, seconds, lr = self._train_epoch(train, epoch, rates, listener, stop)
            scored = self._evaluate(self.evaluated_network, validation)
            if not math.isfinite(scored.loss):  # the last step's update shows in no training loss
                raise NonFiniteLoss(epoch + 1, train.steps_per_epoch)
            check_images()
            result = EpochResult(
                epoch=epoch + 1,
                lr=lr,
                train_loss=trained.loss,
                train_acc=trained.acc,
                val_loss=scored.loss,
                val_acc=scored.acc,
                train_seconds=seconds,
                images_per_second=train.num_images / seconds,
                val_top5=scored.top5,
                averaged_val_acc=self._score_average(train, validation, epoch),
            )
            self.history.append(result)
            self.validated, self.answers = (scored.class_hits, scored.class_images), scored.answers
            stop.check_owner()
            if checkpoint is not None:
                checkpoint.save(self.state_dict())
            listener.epoch_ended(result)
            if epoch + 1 < epochs:
                stop.check()

    def _train_epoch(
        self, batches: Batches, epoch: int, rates: Rates, listener: Listener, stop: StopRequest
    ) -> tuple[Score, float, float]:
        sums, train_step = self.eager, self.graph or self.eager
        sums.begin_epoch()
        images = 0
        lr = self.base_lr
        wants_average = self.average is not None and epoch < max(self.rungs)
        averages = [one for one in (self.ema, self.average if wants_average else None) if one is not None]
        self.network.train()
        started = time.perf_counter()
        for step, (x_NCHW, y_N) in enumerate(batches.epoch(epoch)):
            lr = rates(epoch, step, self.history)
            train_step(x_NCHW, y_N, lr)
            for average in averages:
                average.update_parameters(self.network)
            images += len(y_N) if self.ranks is None else self.ranks.share.size
            listener.step_ended(epoch + 1, step + 1, images)
            stop.check()
        if self.ranks is not None:
            self.ranks.join(sums)
        mean_loss, acc = sums.loss_sum.item() / images, sums.hits.item() / images  # the epoch's only wait
        seconds = time.perf_counter() - started
        if (bad_step := int(sums.first_bad_step.item())) > 0:
            raise NonFiniteLoss(epoch + 1, bad_step)
        return Score(mean_loss, acc), seconds, lr

    def _score_average(self, train: Batches, validation: Batches, epoch: int) -> float | None:
        """Validation accuracy of the averaged weights at a rung.

        While the learning rate is high the weights jump about, and what they reach at an epoch's end says
        little of where they settle; their average over half an epoch does (docs/search.md).
        """
        if self.average is None or epoch + 1 not in self.rungs:
            return None
        self.average.refresh_batch_norm(train.epoch(epoch), self.settings.batch_size, self.precision)
        return self._evaluate(self.average.module, validation).acc

    def _evaluate(self, network: nn.Module, validation: Batches) -> Score:
        return evaluate(network, validation, self.device, self.precision, self.ranks)

    def state_dict(self) -> dict[str, Any]:
        """Everything that decides the rest of the training."""
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": self.ema.state_dict() if self.ema is not None else None,
            "average": self.average.state_dict() if self.average is not None else None,
            "loss": self.loss.state_dict() if isinstance(self.loss, nn.Module) else None,
            "random": random_states(self.device),
            "threads": torch.get_num_threads(),
            "history": [asdict(result) for result in self.history],
            "validated": [list(counts) for counts in self.validated],
            "answers": self.answers,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly where `state_dict` was taken."""
        self.network.load_state_dict(state["network"])
        for saved, own in zip(state["optimizer"]["param_groups"], self.optimizer.param_groups, strict=True):
            if "capturable" in own:  # of this device and its graph, not of the ones before
                saved["capturable"] = own["capturable"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        if self.average is not None and state.get("average") is not None:  # older checkpoints have none
            self.average.load_state_dict(state["average"])
        if isinstance(self.loss, nn.Module):
            self.loss.load_state_dict(state["loss"])
        restore_random_states(state["random"], self.device)
        self.history = [EpochResult(**row) for row in state["history"]]
        hits, images = state.get("validated", ((), ()))  # older checkpoints have none
        self.validated = tuple(hits), tuple(images)
        self.answers = state.get("answers")


def evaluate(
    network: nn.Module,
    batches: Batches,
    device: torch.device,
    precision: ResolvedPrecision,
    ranks: Ranks | None = None,
) -> Score:
    """Loss and accuracy over all images of a source, and of each class, in evaluation mode.

    Args:
        network: on the device.
        batches: in which each of several processes has its share.
        device, precision: of the forward pass.
        ranks: this process among those; None evaluates alone.
    """
    loss_sum = torch.zeros((), device=device)
    top5_hits = torch.zeros((), dtype=torch.int64, device=device)
    answers = torch.zeros(batches.num_images, dtype=torch.uint8, device=device)
    num_classes = images = 0
    counts = ClassCounts(0, device)
    network.eval()
    with torch.no_grad():
        for x_NCHW, y_N in batches.epoch(0):
            with autocast(device, precision):
                scores_NK = network(x_NCHW)
            loss_sum += F.cross_entropy(scores_NK.float(), y_N, reduction="sum")
            if scores_NK.shape[1] != num_classes:  # known from the first batch on
                num_classes = scores_NK.shape[1]
                counts = ClassCounts(num_classes, device)
            guesses_N = scores_NK.argmax(dim=1)
            counts.add(y_N, guesses_N)
            rows = slice(0, len(y_N)) if ranks is None else ranks.share.rows
            answers[images + rows.start : images + rows.stop] = guesses_N == y_N
            if num_classes >= TOP5_CLASSES:
                top5_hits += (scores_NK.topk(5).indices == y_N[:, None]).sum()
            images += len(y_N) if ranks is None else ranks.share.size
    if ranks is not None:
        ranks.add_up(loss_sum, counts.cells, top5_hits, answers)  # each process has its images, 0 elsewhere
    top5 = top5_hits.item() / images if num_classes >= TOP5_CLASSES else None
    of_class = counts.hits_and_images()
    return Score(loss_sum.item() / images, sum(of_class[0]) / images, top5, *of_class, answers.cpu())
