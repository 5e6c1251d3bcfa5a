"""The loops that `chapter_loop.py` compares, each a generator.

A contender warms up, says so with `WARM`, and then trains an epoch for each further `Outcome` that it is
asked for.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from vggsweep.arch.families.vgg import ScaledVgg, Vgg
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import configured_network, input_shape
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.data.reading import read_images
from vggsweep.data.settings import SplitName
from vggsweep.data.split import first_images
from vggsweep.device import autocast, resolve_device, resolve_precision
from vggsweep.preparation import prepare_data, prepare_device, prepare_network, prepare_training
from vggsweep.training.cuda_graph import WARM_STEPS
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import Batches, EpochResult
from vggsweep.training.settings import Precision

CHAPTER_WORKERS = 4  # the default of d2l's DataModule


@dataclass(frozen=True)
class Job:
    """What every contender trains.

    Args:
        overrides: words after ``experiment=d2l_vgg``; they decide network, data, batch size, learning rate.
        warmup_steps: steps of the same shape before the counted epoch.
        accuracy: evaluate the test images after each epoch.
    """

    overrides: tuple[str, ...]
    warmup_steps: int
    accuracy: bool = False

    def configuration(self) -> Configuration:
        config = compose(["experiment=d2l_vgg", *self.overrides])
        configuration = read_configuration(resolved(config))
        check_configuration(configuration)
        return configuration


@dataclass(frozen=True)
class Outcome:
    """One counted epoch.

    Args:
        images_per_second: training images ÷ wall seconds of the steps, data included.
        train_loss: mean over the epoch, to see that all contenders do the same work.
        precision: what the network computed in.
        test_acc: of the test images after the epoch, 0..1; None where it was not asked for.
    """

    images_per_second: float
    train_loss: float
    precision: str
    test_acc: float | None = None


# What a contender gives once, when it is warm and waits for its first turn.
WARM = Outcome(0.0, 0.0, "")


# --- vggsweep


class WarmedUp:
    """A batch source whose first epoch stops after a few steps."""

    def __init__(self, batches: Batches, warmup_steps: int) -> None:
        self.batches = batches
        self.warmup_steps = warmup_steps
        self.num_images = batches.num_images
        self.steps_per_epoch = batches.steps_per_epoch

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for step, batch in enumerate(self.batches.epoch(epoch)):
            if epoch == 0 and step == self.warmup_steps:
                return
            yield batch


class Silent:
    """A listener that shows nothing."""

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        pass

    def epoch_ended(self, result: EpochResult) -> None:
        pass


def vggsweep(job: Job) -> Iterator[Outcome]:
    """As `vggsweep.trial` does it, without record, checkpoint and a whole evaluation."""
    configuration = job.configuration()
    train = replace(configuration.train, eval_batch_size=configuration.train.batch_size)
    device, precision = prepare_device(configuration)
    configured = configured_network(configuration)
    network = prepare_network(configuration, configured, device)
    with prepare_data(replace(configuration, train=train), device) as data:
        training = prepare_training(configuration, network, precision, configured.costs.macs)
        capturing = 0 if training.graph is None else WARM_STEPS + 1
        batches = WarmedUp(data.train, max(job.warmup_steps, capturing))
        # `experiment=d2l_vgg` validates on the test images; one batch is enough where nobody asks.
        evaluated = data.validation if job.accuracy else WarmedUp(data.validation, 1)
        while True:
            training.settings = replace(train, epochs=len(training.history) + 1)
            training.run(batches, evaluated, listener=Silent(), stop=StopRequest())
            last = training.history[-1]
            if last.epoch > 1:
                test_acc = last.val_acc if job.accuracy else None
                yield Outcome(last.images_per_second, last.train_loss, precision, test_acc)
            else:
                yield WARM


def vggsweep_fp32(job: Job) -> Iterator[Outcome]:
    return vggsweep(replace(job, overrides=(*job.overrides, "train.precision=fp32")))


# --- the chapter


class PilImages(Dataset[tuple[Tensor, int]]):
    """Images as torchvision's FashionMNIST gives them: one by one, through PIL and transforms."""

    def __init__(self, pixels_NHW: Tensor, labels: Sequence[int], transform: Callable[..., Tensor]) -> None:
        self.pixels_NHW = pixels_NHW
        self.labels = labels
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        pixels_HW = self.pixels_NHW[index].numpy()
        image = Image.fromarray(pixels_HW if pixels_HW.ndim == 2 else pixels_HW.transpose(1, 2, 0))
        return self.transform(image), self.labels[index]


def vgg_block(num_convs: int, in_channels: int, out_channels: int, *, batch_norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(num_convs):
        layers.append(nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1))
        if batch_norm:
            layers.append(nn.BatchNorm2d(out_channels))
        layers.append(nn.ReLU())
        in_channels = out_channels
    layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def chapter_network(configuration: Configuration) -> nn.Sequential:
    """The chapter's class VGG, its lazy layers given their input sizes; batch norm and `gap` if asked."""
    arch, shape = configuration.arch, input_shape(configuration)
    assert isinstance(arch, (Vgg, ScaledVgg))
    blocks = []
    channels = shape.channels
    for block in arch.blocks():
        blocks.append(vgg_block(len(block.kernels), channels, block.channels, batch_norm=arch.batch_norm))
        channels = block.channels
    side = shape.resolution >> len(blocks)
    if configuration.head.name == "gap":
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, shape.num_classes)]
    else:
        head = [
            nn.Flatten(),
            nn.Linear(channels * side * side, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, shape.num_classes),
        ]
    network = nn.Sequential(*blocks, *head)
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
    return network


def raw_images(configuration: Configuration, split: SplitName = "train") -> tuple[Tensor, Tensor]:
    """The images that vggsweep trains on, or evaluates: uint8 (N, C, H, W) and labels (N,)."""
    dataset = configuration.dataset
    images = read_images(dataset, split)
    indices = first_images(images.labels, dataset.limit, dataset.split_seed)
    return torch.from_numpy(images.read_all(indices)), torch.from_numpy(images.labels[indices])


def pil_images(configuration: Configuration, split: SplitName) -> PilImages:
    """The same images with the chapter's transforms."""
    size = (configuration.dataset.resolution,) * 2
    pixels, labels = raw_images(configuration, split)
    transform = transforms.Compose([transforms.Resize(size), transforms.ToTensor()])
    return PilImages(pixels.squeeze(1), labels.tolist(), transform)


def chapter(job: Job) -> Iterator[Outcome]:
    """The loop as the chapter and its training framework have it."""
    configuration = job.configuration()
    device = resolve_device(configuration.device)
    # torch warns where workers outnumber CPUs; the chapter's four stay four
    warnings.filterwarnings("ignore", message="This DataLoader will create")

    def load(split: SplitName) -> DataLoader[tuple[Tensor, int]]:
        return DataLoader(
            pil_images(configuration, split),
            configuration.train.batch_size,
            shuffle=split == "train",
            num_workers=CHAPTER_WORKERS,
        )

    loader = load("train")
    torch.manual_seed(configuration.seed)
    network = chapter_network(configuration).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=configuration.optimizer.lr)
    loss_function = nn.CrossEntropyLoss()

    def epoch(most_steps: int | None) -> tuple[float, int]:
        loss_sum, images = 0.0, 0
        network.train()
        for step, (x_NCHW, y_N) in enumerate(loader):
            if step == most_steps:
                break
            x_NCHW, y_N = x_NCHW.to(device), y_N.to(device)
            scores_NK = network(x_NCHW)
            loss = loss_function(scores_NK, y_N)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.item() * len(y_N)
            (scores_NK.argmax(dim=1) == y_N).float().mean().item()  # the accuracy that is drawn
            images += len(y_N)
        return loss_sum, images

    @torch.no_grad()
    def evaluate() -> float:
        network.eval()
        correct = images = 0
        for x_NCHW, y_N in load("test"):
            correct += (network(x_NCHW.to(device)).argmax(dim=1) == y_N.to(device)).sum().item()
            images += len(y_N)
        return correct / images

    return _timed(epoch, job, "fp32", evaluate)


def published(job: Job) -> Iterator[Outcome]:
    """The chapter's notebook on the classes of the package `d2l`, except that the images are ours."""
    from d2l import torch as d2l

    configuration = job.configuration()
    device = resolve_device(configuration.device)
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    torch.manual_seed(configuration.seed)

    class Data(d2l.FashionMNIST):  # type: ignore[misc]
        def __init__(self) -> None:
            d2l.DataModule.__init__(self)
            self.batch_size = configuration.train.batch_size
            self.train = pil_images(configuration, "train")
            self.val = pil_images(configuration, "test")

    class Network(d2l.Classifier):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lr = configuration.optimizer.lr
            self.net = chapter_network(configuration)
            self.board.display = False
            self.loss_sum, self.images = torch.zeros((), device=device), 0

        def training_step(self, batch: Sequence[Tensor]) -> Tensor:
            loss: Tensor = super().training_step(batch)
            self.loss_sum += loss.detach() * len(batch[-1])
            self.images += len(batch[-1])
            return loss

    data, network = Data(), Network()
    trainer = d2l.Trainer(max_epochs=1, num_gpus=int(device.type == "cuda"))
    trainer.prepare_data(data)
    trainer.prepare_model(network)
    trainer.optim = network.configure_optimizers()
    trainer.epoch = trainer.train_batch_idx = trainer.val_batch_idx = 0
    trainer.val_dataloader = None  # an epoch of steps, without the evaluation
    loader = trainer.train_dataloader

    def epoch(most_steps: int | None) -> tuple[float, int]:
        trainer.train_dataloader = islice(loader, most_steps)
        network.loss_sum.zero_()
        network.images = 0
        trainer.fit_epoch()
        return network.loss_sum.item(), network.images

    @torch.no_grad()
    def evaluate() -> float:
        network.eval()
        correct = sum(
            network.accuracy(network(x_NCHW), y_N, averaged=False).sum().item()
            for x_NCHW, y_N in map(trainer.prepare_batch, data.val_dataloader())
        )
        return correct / len(data.val)

    return _timed(epoch, job, "fp32", evaluate)


def plain(job: Job, *, wanted: Precision = "auto") -> Iterator[Outcome]:
    """The chapter's loop by somebody who knows PyTorch, but not this project."""
    configuration = job.configuration()
    device = resolve_device(configuration.device)
    precision = resolve_precision(wanted, device)
    pixels, labels = (tensor.to(device) for tensor in raw_images(configuration))
    size = (configuration.dataset.resolution,) * 2
    torch.manual_seed(configuration.seed)
    network = chapter_network(configuration).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=configuration.optimizer.lr, fused=True)

    def prepared(pixels_NCHW: Tensor) -> Tensor:
        x_NCHW = F.interpolate(pixels_NCHW / 255, size, mode="bilinear")
        return x_NCHW.contiguous(memory_format=torch.channels_last)

    def epoch(most_steps: int | None) -> tuple[float, int]:
        loss_sum, images = torch.zeros((), device=device), 0
        network.train()
        batches = torch.randperm(len(labels), device=device).split(configuration.train.batch_size)
        for positions in batches[:most_steps]:
            x_NCHW, y_N = prepared(pixels[positions]), labels[positions]
            with autocast(device, precision):
                scores_NK = network(x_NCHW)
                loss = F.cross_entropy(scores_NK, y_N)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(y_N)
            images += len(y_N)
        return loss_sum.item(), images

    @torch.no_grad()
    def evaluate() -> float:
        network.eval()
        test_pixels, test_labels = (tensor.to(device) for tensor in raw_images(configuration, "test"))
        correct = 0
        for x_NCHW, y_N in zip(
            *(t.split(configuration.train.batch_size) for t in (test_pixels, test_labels)), strict=True
        ):
            with autocast(device, precision):
                correct += (network(prepared(x_NCHW)).argmax(dim=1) == y_N).sum().item()
        return correct / len(test_labels)

    return _timed(epoch, job, precision, evaluate)


def plain_fp32(job: Job) -> Iterator[Outcome]:
    return plain(job, wanted="fp32")


def _timed(
    epoch: Callable[[int | None], tuple[float, int]], job: Job, precision: str, evaluate: Callable[[], float]
) -> Iterator[Outcome]:
    """Warm up, then an epoch a turn; both loops end with an `.item()`, which waits for the device."""
    epoch(job.warmup_steps)
    yield WARM
    while True:
        started = time.perf_counter()
        loss_sum, images = epoch(None)
        seconds = time.perf_counter() - started
        yield Outcome(images / seconds, loss_sum / images, precision, evaluate() if job.accuracy else None)


CONTENDERS: dict[str, Callable[[Job], Iterator[Outcome]]] = {
    "vggsweep": vggsweep,
    "vggsweep fp32": vggsweep_fp32,
    "chapter": chapter,
    "plain": plain,
    "plain fp32": plain_fp32,
    "d2l": published,
}
# Contenders that a device without bf16 units does not need: the ones without "fp32" are fp32 there.
FP32 = ("vggsweep fp32", "plain fp32")
