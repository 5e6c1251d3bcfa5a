"""Training images a second: vggsweep against the d2l.ai chapter's loop, side by side.

    python benchmarks/chapter_loop.py --json result.json

Three contenders train the same network on the same Fashion-MNIST images, each in a process of its own
(vggsweep's advice to the allocator is process-wide and must not help the others), in turns:

    vggsweep   the composed configuration of `experiment=d2l_vgg dataset.limit=1280`, through load_data and
               Training
    chapter    a plain loop written from the chapter "Networks Using Blocks (VGG)" of d2l.ai: PIL images
               resized and made tensors one by one by four worker processes, fp32, NCHW, eager,
               a `.item()` of the loss and of the accuracy in every step
    plain      the same loop written with care: images resident in memory and resized a batch at a time,
               channels_last, no `.item()`; torch's own allocator

Counted is one whole epoch of training steps, data included, after warm-up steps of the same shape;
start-up, evaluation and checkpoints are not. The ratio is the median over the rounds of
vggsweep ÷ chapter within one round, so that other load on the machine meets both.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
import torchvision
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from vggsweep.arch.build import build_network
from vggsweep.arch.describe import network_costs, plan_of
from vggsweep.arch.plan import NetworkPlan
from vggsweep.configuration.checks import check_configuration
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import input_shape
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.data.loading import load_data
from vggsweep.data.reading import read_images
from vggsweep.data.split import first_images
from vggsweep.errors import VggsweepError
from vggsweep.training.allocator import keep_freed_memory
from vggsweep.training.device import configure_kernels, device_name, resolve_device, resolve_precision
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import Batches, EpochResult, Training

CHAPTER_WORKERS = 4  # the default of d2l's DataModule
MATMUL_SIDE = 2048


@dataclass(frozen=True)
class Job:
    """What every contender trains.

    Args:
        overrides: words after ``experiment=d2l_vgg``; they decide network, data, batch size, learning rate.
        warmup_steps: steps of the same shape before the counted epoch.
    """

    overrides: tuple[str, ...]
    warmup_steps: int

    def configuration(self) -> Configuration:
        config = compose(["experiment=d2l_vgg", *self.overrides, "train.epochs=2"])
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
    """

    images_per_second: float
    train_loss: float
    precision: str


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


def train_vggsweep(job: Job) -> Outcome:
    """As `vggsweep.trial` does it, without record, checkpoint and a whole evaluation."""
    configuration = job.configuration()
    train = configuration.train
    device = resolve_device(configuration.device)
    precision = resolve_precision(train.precision, device)
    configure_kernels(device, precision, deterministic=train.deterministic, threads=train.threads)
    if device.type == "cpu" and train.keep_freed_memory:
        keep_freed_memory()
    torch.manual_seed(configuration.seed)
    network = build_network(configuration.arch, configuration.head, input_shape(configuration))
    memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
    network = network.to(device, memory_format=memory_format)
    data = load_data(
        configuration.dataset,
        configuration.augment,
        batch_size=train.batch_size,
        eval_batch_size=train.batch_size,
        seed=configuration.seed,
        device=device,
        channels_last=train.channels_last,
    )
    with data:
        training = Training(network, configuration.optimizer, configuration.scheduler, train, precision)
        one_batch = WarmedUp(data.validation, 1)  # evaluation is not counted: one batch is enough
        training.run(WarmedUp(data.train, job.warmup_steps), one_batch, listener=Silent(), stop=StopRequest())
    last = training.history[-1]
    return Outcome(last.images_per_second, last.train_loss, precision)


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


def vgg_block(num_convs: int, in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(num_convs):
        layers.append(nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1))
        layers.append(nn.ReLU())
        in_channels = out_channels
    layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
    return nn.Sequential(*layers)


def chapter_network(plan: NetworkPlan) -> nn.Sequential:
    """The chapter's class VGG, its lazy layers given their input sizes."""
    blocks = []
    channels = plan.channels
    for block in plan.blocks:
        blocks.append(vgg_block(len(block.kernels), channels, block.channels))
        channels = block.channels
    side = plan.resolution >> len(plan.blocks)
    network = nn.Sequential(
        *blocks,
        nn.Flatten(),
        nn.Linear(channels * side * side, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(0.5),
        nn.Linear(4096, plan.num_classes),
    )
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight)
    return network


def raw_images(configuration: Configuration) -> tuple[Tensor, Tensor]:
    """The images that vggsweep trains on: uint8 (N, C, H, W) and labels (N,)."""
    dataset = configuration.dataset
    images = read_images(dataset, "train")
    indices = first_images(images.labels, dataset.limit, dataset.split_seed)
    return torch.from_numpy(images.read_all(indices)), torch.from_numpy(images.labels[indices])


def train_chapter(job: Job) -> Outcome:
    """The loop as the chapter and its training framework have it."""
    configuration = job.configuration()
    device = resolve_device(configuration.device)
    pixels, labels = raw_images(configuration)
    resolution = configuration.dataset.resolution
    transform = transforms.Compose([transforms.Resize((resolution, resolution)), transforms.ToTensor()])
    loader = DataLoader(
        PilImages(pixels.squeeze(1), labels.tolist(), transform),
        configuration.train.batch_size,
        shuffle=True,
        num_workers=CHAPTER_WORKERS,
    )
    torch.manual_seed(configuration.seed)
    network = chapter_network(_plan(configuration)).to(device)
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

    return _timed(epoch, job.warmup_steps)


def train_plain(job: Job) -> Outcome:
    """The chapter's loop by somebody who knows PyTorch, but not this project."""
    configuration = job.configuration()
    device = resolve_device(configuration.device)
    pixels, labels = (tensor.to(device) for tensor in raw_images(configuration))
    size = (configuration.dataset.resolution,) * 2
    torch.manual_seed(configuration.seed)
    network = chapter_network(_plan(configuration)).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=configuration.optimizer.lr, fused=True)

    def epoch(most_steps: int | None) -> tuple[float, int]:
        loss_sum, images = torch.zeros((), device=device), 0
        network.train()
        batches = torch.randperm(len(labels), device=device).split(configuration.train.batch_size)
        for positions in batches[:most_steps]:
            x_NCHW = F.interpolate(pixels[positions] / 255, size, mode="bilinear")
            y_N = labels[positions]
            loss = F.cross_entropy(network(x_NCHW.contiguous(memory_format=torch.channels_last)), y_N)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach() * len(y_N)
            images += len(y_N)
        return loss_sum.item(), images

    return _timed(epoch, job.warmup_steps)


def _plan(configuration: Configuration) -> NetworkPlan:
    return plan_of(configuration.arch, configuration.head, input_shape(configuration))  # type: ignore[arg-type]


def _timed(epoch: Callable[[int | None], tuple[float, int]], warmup_steps: int) -> Outcome:
    """Warm up, then time one epoch; both loops end with an `.item()`, which waits for the device."""
    epoch(warmup_steps)
    started = time.perf_counter()
    loss_sum, images = epoch(None)
    seconds = time.perf_counter() - started
    return Outcome(images / seconds, loss_sum / images, "fp32")


CONTENDERS = {"vggsweep": train_vggsweep, "chapter": train_chapter, "plain": train_plain}


def matmul_gflops() -> float:
    """The machine's fp32 peak as torch reaches it: the best of eight square products on the CPU."""
    a, b = torch.randn(2, MATMUL_SIDE, MATMUL_SIDE)
    best = float("inf")
    for _ in range(8):
        started = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - started)
    return 2 * MATMUL_SIDE**3 / best / 1e9


# --- side by side


def run_alone(name: str, job: Job, threads: int) -> dict[str, Any]:
    """One contender, or the matmul, in a fresh process with a fixed number of threads."""
    command = [sys.executable, __file__, "--alone", name, "--warmup-steps", str(job.warmup_steps)]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    done = subprocess.run([*command, *job.overrides], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{name} failed:\n{done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def alone(name: str, job: Job) -> None:
    if name == "matmul":
        print(json.dumps({"gflops": matmul_gflops()}))
    else:
        print(json.dumps(asdict(CONTENDERS[name](job))))


def compare(names: Sequence[str], job: Job, rounds: int, threads: int) -> dict[str, Any]:
    """All contenders in turns; the order turns round in every second round."""
    configuration = job.configuration()
    device = resolve_device(configuration.device)
    shape = input_shape(configuration)
    macs = network_costs(configuration.arch, configuration.head, shape).macs
    outcomes: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    peaks = []
    for turn in range(rounds):
        peaks.append(run_alone("matmul", job, threads)["gflops"])
        for name in names if turn % 2 == 0 else reversed(names):
            outcomes[name].append(run_alone(name, job, threads))
            speed = outcomes[name][-1]["images_per_second"]
            print(f"  round {turn + 1}/{rounds}  {name:9} {speed:9.1f} images/s", file=sys.stderr, flush=True)
    speeds = {name: [one["images_per_second"] for one in rows] for name, rows in outcomes.items()}
    return {
        "date": date.today().isoformat(),
        "device": device_name(device),
        "threads": threads,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchvision": torchvision.__version__,
        },
        "overrides": ["experiment=d2l_vgg", *job.overrides],
        "batch_size": configuration.train.batch_size,
        "resolution": shape.resolution,
        "macs": macs,
        "matmul_fp32_gflops": statistics.median(peaks),
        "images_per_second": speeds,
        "ratio_to_chapter": {name: _ratios(speeds, name, "chapter") for name in names},
        "train_loss": {name: [one["train_loss"] for one in rows] for name, rows in outcomes.items()},
        "precision": {name: rows[0]["precision"] for name, rows in outcomes.items()},
    }


def _ratios(speeds: dict[str, list[float]], name: str, reference: str) -> list[float]:
    return [one / other for one, other in zip(speeds[name], speeds.get(reference, []), strict=False)]


def show(result: dict[str, Any]) -> None:
    versions = result["versions"]
    print(f"{' '.join(result['overrides'])}")
    print(f"{result['device']}, {result['threads']} threads, torch {versions['torch']}, {result['date']}")
    print(
        f"batch {result['batch_size']}, {result['resolution']} px, {result['macs'] / 1e9:.3f} GMACs an image"
    )
    print()
    header = f"{'':10}{'images/s':>10}{'lowest':>9}{'highest':>9}{'÷ chapter':>11}"
    print(f"{header}{'GFLOP/s':>9}{'precision':>11}{'loss':>8}")
    for name, speeds in result["images_per_second"].items():
        median = statistics.median(speeds)
        ratios = result["ratio_to_chapter"][name]
        ratio = f"{statistics.median(ratios):.2f}x" if ratios else "–"
        gflops = 6 * result["macs"] * median / 1e9  # 2 FLOPs a MAC, forward and two gradients
        loss = statistics.median(result["train_loss"][name])
        row = f"{name:10}{median:10.1f}{min(speeds):9.1f}{max(speeds):9.1f}{ratio:>11}"
        print(f"{row}{gflops:9.0f}{result['precision'][name]:>11}{loss:8.3f}")
    side = MATMUL_SIDE
    print(f"\nfp32 matmul {side}x{side} on the CPU: {result['matmul_fp32_gflops']:.0f} GFLOP/s")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="vggsweep against the d2l.ai chapter's loop: training images a second.",
        epilog="example: python benchmarks/chapter_loop.py --resolution 32 --limit 12800",
    )
    parser.add_argument("overrides", nargs="*", help="further overrides, such as train.channels_last=false")
    parser.add_argument("--resolution", type=int, default=224, help="pixels (default: 224)")
    parser.add_argument("--network", default="vgg_small", help="arch= preset, such as vgg11")
    parser.add_argument(
        "--limit", type=int, default=1280, help="training images of the epoch (default: 1280)"
    )
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--warmup-steps", type=int, default=2, help="steps before the epoch (default: 2)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, …")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything measured to this file")
    parser.add_argument("--alone", choices=[*CONTENDERS, "matmul"], help=argparse.SUPPRESS)
    return parser.parse_intermixed_args()


def main() -> None:
    arguments = read_arguments()
    if arguments.alone is not None:
        alone(arguments.alone, Job(tuple(arguments.overrides), arguments.warmup_steps))
        return
    overrides = [
        f"arch={arguments.network}",
        f"dataset.resolution={arguments.resolution}",
        f"dataset.limit={arguments.limit}",
        f"device={arguments.device}",
        *arguments.overrides,
    ]
    try:
        read_images(Job(tuple(overrides), 0).configuration().dataset, "train")
    except VggsweepError as missing:
        print(f"Fashion-MNIST is not here, so its bundled subset is used: {missing}", file=sys.stderr)
        overrides += ["dataset=fashion_mnist_mini", "dataset.mean=null", "dataset.std=null"]
    job = Job(tuple(overrides), arguments.warmup_steps)
    result = compare(arguments.only, job, arguments.repeats, arguments.threads)
    show(result)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
