"""What the training tests share: a training that is built and not yet run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from vggsweep.arch.build import build_network
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import Configuration, read_configuration
from vggsweep.data.loading import LoadedData, load_data
from vggsweep.device import configure_kernels, resolve_precision
from vggsweep.training.checkpoint import CheckpointFile
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult, Training

METRICS = ("epoch", "lr", "train_loss", "train_acc", "val_loss", "val_acc")
CPU = torch.device("cpu")


@dataclass
class Run:
    """A training with its data and a listener that only remembers."""

    configuration: Configuration
    training: Training
    data: LoadedData
    stop: StopRequest = field(default_factory=StopRequest)
    on_step: Callable[[int, int], None] | None = None
    on_epoch: Callable[[EpochResult], None] | None = None
    images: list[int] = field(default_factory=list)

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        self.images.append(images)
        if self.on_step is not None:
            self.on_step(epoch, step)

    def epoch_ended(self, result: EpochResult) -> None:
        if self.on_epoch is not None:
            self.on_epoch(result)

    def __call__(self, checkpoint: CheckpointFile | None = None) -> Run:
        """Train to the end."""
        self.training.run(
            self.data.train, self.data.validation, listener=self, stop=self.stop, checkpoint=checkpoint
        )
        return self

    @property
    def metrics(self) -> list[tuple[float, ...]]:
        """What must be equal in equal trainings: everything but times."""
        return [tuple(getattr(result, name) for name in METRICS) for result in self.training.history]

    @property
    def losses(self) -> list[float]:
        return [loss for row in self.training.history for loss in (row.train_loss, row.val_loss)]


@pytest.fixture
def prepare(tiny: Callable[..., dict[str, Any]]) -> Iterator[Callable[..., Run]]:
    """``prepare("train.ema=0.9")``: that training, ready to run."""
    opened: list[LoadedData] = []

    def build(*words: str, device: torch.device = CPU) -> Run:
        configuration = read_configuration(tiny(*words))
        train = configuration.train
        configure_kernels(device, "fp32", deterministic=train.deterministic, threads=train.threads)
        torch.manual_seed(configuration.seed)
        network = build_network(configuration.arch, configuration.head, input_shape(configuration))
        memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
        data = load_data(
            configuration.dataset,
            configuration.augment,
            batch_size=train.batch_size,
            eval_batch_size=train.eval_batch_size,
            seed=configuration.seed,
            device=device,
            channels_last=train.channels_last,
        )
        opened.append(data)
        training = Training(
            network.to(device, memory_format=memory_format),  # type: ignore[call-overload]
            configuration.optimizer,
            configuration.scheduler,
            train,
            resolve_precision(train.precision, device),
            loss=configuration.loss,
            class_counts=data.class_counts,
        )
        return Run(configuration, training, data)

    yield build
    for data in opened:
        data.close()
