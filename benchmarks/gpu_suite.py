"""Everything that a GPU has to show, in one script and one table, in less than nine minutes on an H100.

    python benchmarks/gpu_suite.py --json result.json
    python benchmarks/gpu_suite.py --device cpu --quick      # the same code on a CPU, to see that it runs
    python benchmarks/gpu_suite.py --data FOLDER             # Fashion-MNIST's four .gz files, for accuracies

It needs torch, torchvision and this checkout; of vggsweep's other dependencies (Hydra, Optuna) it imports
none, so that a machine without network needs nothing more. Without ``--data`` the subset that ships with
vggsweep, lent ten times over, stands in for Fashion-MNIST: speeds are the same, accuracies are not, and the
rows say which it was.

    chapter's net, images/s    experiment=d2l_vgg: ours (with and without a CUDA graph, and in fp32), the
                               chapter's loop, a careful plain loop (autocast, channels_last, fused
                               optimizer, no waits), in turns
    lean net, images/s         vgg_scaled, depth 8, width 16: ours (with and without), the plain loop
    VGG-16 at 224 px           as a fraction of the measured matrix product
    workers                    that many processes with lean nets on one device against one after the other
    the chapter's 10 epochs    seconds and accuracy
    time to .93                `experiment=fast_fashion`, longer and longer until an epoch's val_acc is .93
    equal                      fast paths against their plain references, with the tolerance that holds

`of peak` is training FLOPs (3 x 2 x MACs of a forward pass) a second ÷ a large matrix product in the same
precision.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import (
    Peaks,
    add_json_option,
    facts,
    measure_peaks,
    print_table,
    ratios,
    show_facts,
    spread,
    training_flops,
    write_json,
)

from vggsweep.arch.build import build_network
from vggsweep.arch.describe import InputShape, network_costs
from vggsweep.arch.settings import ArchSettings, HeadSettings, ScaledVggSettings, VggSettings
from vggsweep.data import idx
from vggsweep.data.batches import BatchPlan, BatchSource, Finish
from vggsweep.data.images import ImageSet
from vggsweep.data.mini import read_mini
from vggsweep.data.preprocess import Preprocess
from vggsweep.data.resident import ResidentBatches
from vggsweep.data.settings import AugmentSettings
from vggsweep.data.streaming import StreamingBatches
from vggsweep.device import (
    autocast,
    configure_kernels,
    device_name,
    resolve_device,
    resolve_precision,
)
from vggsweep.training.cuda_graph import choose_recorder
from vggsweep.training.interruption import StopRequest
from vggsweep.training.loop import EpochResult, Training
from vggsweep.training.settings import (
    ConstantSchedule,
    OnecycleSchedule,
    SchedulerSettings,
    SgdSettings,
    TrainSettings,
)

CHAPTER_WORKERS = 4  # the default of d2l's DataModule
VGG_HEAD = HeadSettings(name="vgg", hidden=4096, dropout=0.5)
GAP_HEAD = HeadSettings(name="gap", hidden=None, dropout=0.0)
NO_AUGMENT = AugmentSettings(
    name="none", flip=False, crop_padding=0, erase_probability=0.0, erase_min_area=0.02, erase_max_area=0.33
)
SGD = SgdSettings(
    name="sgd", lr=0.01, momentum=0.0, nesterov=False, weight_decay=0.0, decay_biases_and_norms=True
)
CONSTANT = ConstantSchedule(name="constant", warmup_epochs=0.0)
ONE_CYCLE = OnecycleSchedule(name="onecycle", warmup_epochs=0.0, start=0.04, peak_at=0.25, final=0.0)
TRAIN = TrainSettings(
    epochs=1,
    batch_size=128,
    eval_batch_size=512,
    precision="auto",
    channels_last=True,
    compile=False,
    cuda_graph="auto",
    clip_grad_norm=None,
    label_smoothing=0.0,
    ema=None,
    deterministic=False,
    checkpoint=False,
    keep_checkpoint=False,
    keep_weights=False,
    threshold_acc=0.9,
    evaluate_test=False,
    keep_freed_memory=False,
    threads=None,
)


def vgg(name: str, *stages: tuple[int, int]) -> VggSettings:
    """A network of the paper's family, blocks as (convolutions, channels)."""
    return VggSettings(
        family="vgg",
        name=name,
        stages=[list(stage) for stage in stages],
        kernel_size=3,
        batch_norm=False,
        local_response_norm=False,
        activation="relu",
        dropout=0.0,
        init="xavier_uniform",
    )


VGG_SMALL = vgg("vgg_small", (1, 16), (1, 32), (2, 64), (2, 128), (2, 128))
VGG16 = vgg("vgg16", (2, 64), (2, 128), (3, 256), (3, 512), (3, 512))


@dataclass(frozen=True)
class Recipe:
    """`experiment=fast_fashion`, spelled out: a bare machine cannot compose it (a test compares)."""

    depth: int = 4
    width: int = 18
    resolution: int = 28
    flip: bool = False
    lr: float = 0.28
    weight_decay: float = 8e-4
    epochs: int = 4
    batch_size: int = 256
    label_smoothing: float = 0.1
    ema: float | None = None


RECIPE = Recipe()
TARGET_ACC = 0.93
# The recipe's epochs times these, until one of the trainings reaches the target.
LENGTHS = (1, 2, 4)
FASHION_MEAN_STD = ((0.2860,), (0.3530,))
LEAN = ScaledVggSettings(
    family="vgg_scaled",
    name="vgg_scaled",
    depth=8,
    width=16,
    num_blocks=5,
    stages=None,
    kernel_size=3,
    batch_norm=True,
    activation="relu",
    dropout=0.0,
    channel_multiple=1,
    init="kaiming_normal",
)


@dataclass(frozen=True)
class Sizes:
    """How much of everything; ``--quick`` is only there to see that the code runs.

    Args:
        images: of an epoch of the chapter's net, ours and the plain loop's.
        chapter_images: of an epoch of the chapter's own loop, which is slow.
        low, high: resolutions of the chapter's net in pixels.
        vgg16_images, vgg16_batch, vgg16_resolution: of the VGG-16 row.
        rounds: turns of each contender.
        epochs: of the chapter's whole training.
        workers: processes on one device.
        worker_epochs: of each process's training.
        matmul_side: rows of the matrices of the peak; None leaves the device's own.
    """

    images: int = 60_000
    chapter_images: int = 8_192
    low: int = 32
    high: int = 224
    vgg16_images: int = 4_096
    vgg16_batch: int = 128
    vgg16_resolution: int = 224
    rounds: int = 3
    epochs: int = 10
    workers: int = 4
    worker_epochs: int = 5
    matmul_side: int | None = None


QUICK = Sizes(
    images=256,
    chapter_images=128,
    low=32,
    high=64,
    vgg16_images=8,
    vgg16_batch=4,
    vgg16_resolution=32,
    rounds=1,
    epochs=1,
    workers=2,
    worker_epochs=1,
    matmul_side=256,
)


# --- images


@dataclass(frozen=True)
class Split:
    """The images of the suite.

    Args:
        train, validation: uint8 [N, 1, 28, 28] and labels.
        name: what they are, for the table.
    """

    train: ImageSet
    validation: ImageSet
    name: str


def read_split(folder: Path | None) -> Split:
    """Fashion-MNIST from a folder, or the subset that ships with vggsweep ten times over."""
    if folder is None:
        small = read_mini("train")
        lent = ImageSet(np.concatenate([small.images] * 10), np.concatenate([small.labels] * 10))
        return Split(lent, read_mini("test"), "bundled subset x10")
    collection = idx.COLLECTIONS["fashion_mnist"]
    train, test = (
        idx.read_idx(collection, split, idx.find_idx(collection, split, folder))
        for split in ("train", "test")
    )
    return Split(train, test, "Fashion-MNIST, its test split")


def source(
    images: ImageSet,
    limit: int,
    resolution: int,
    device: torch.device,
    *,
    batch_size: int = 128,
    is_training: bool = True,
    channels_last: bool = True,
    is_resident: bool = True,
    augment: AugmentSettings = NO_AUGMENT,
    mean_std: tuple[tuple[float, ...], tuple[float, ...]] | tuple[None, None] = (None, None),
) -> BatchSource:
    """A batch source as `load_data` makes it."""
    indices = np.arange(min(limit, len(images.labels)))
    channels, native, _ = images.image_shape
    preprocess = Preprocess(channels, native, resolution, *mean_std)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    finish = Finish(preprocess, augment if is_training else None, 0, device, memory_format)
    plan = BatchPlan(len(indices), batch_size, 0, is_training=is_training)
    if is_resident:
        return ResidentBatches(images, indices, plan, finish)
    return StreamingBatches(images, indices, plan, finish, 0)


# --- contenders: each turn is an epoch, its images a second are given back


class Silent:
    """A listener that shows nothing."""

    def step_ended(self, epoch: int, step: int, images: int) -> None:
        pass

    def epoch_ended(self, result: EpochResult) -> None:
        pass


class NoBatches:
    """An evaluation of one image, for speeds that do not count it."""

    num_images = 1
    steps_per_epoch = 1

    def __init__(self, batches: BatchSource) -> None:
        self.batch = [tensor[:1] for tensor in next(iter(batches.epoch(0)))]

    def epoch(self, epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        x_NCHW, y_N = self.batch
        yield x_NCHW, y_N


def shape_of(images: ImageSet, resolution: int, num_classes: int) -> InputShape:
    """What a network is built for."""
    return InputShape(images.image_shape[0], resolution, num_classes)


def start_training(
    arch: ArchSettings,
    head: HeadSettings,
    shape: InputShape,
    device: torch.device,
    train: TrainSettings,
    optimizer: SgdSettings = SGD,
    scheduler: SchedulerSettings = CONSTANT,
) -> Training:
    """Kernels, weights and network as `vggsweep.trial` sets them."""
    precision = resolve_precision(train.precision, device)
    configure_kernels(device, precision, deterministic=train.deterministic, threads=train.threads)
    torch.manual_seed(0)
    memory_format = torch.channels_last if train.channels_last else torch.contiguous_format
    network: nn.Module = build_network(arch, head, shape).to(device, memory_format=memory_format)  # type: ignore[call-overload]
    macs = network_costs(arch, head, shape).macs
    recorder = choose_recorder(train, device, precision, macs=macs, is_known=True)
    return Training(network, optimizer, scheduler, train, precision, recorder)


def start_recipe(recipe: Recipe, images: ImageSet, length: int, device: torch.device) -> Training:
    """The fast recipe with its epochs multiplied, weights and kernels set."""
    train = replace(
        TRAIN,
        epochs=recipe.epochs * length,
        batch_size=recipe.batch_size,
        label_smoothing=recipe.label_smoothing,
        ema=recipe.ema,
    )
    arch = replace(LEAN, depth=recipe.depth, width=recipe.width, num_blocks=4)
    shape = shape_of(images, recipe.resolution, 10)
    sgd = replace(
        SGD,
        name="sgd_nesterov",
        lr=recipe.lr,
        momentum=0.9,
        nesterov=True,
        weight_decay=recipe.weight_decay,
        decay_biases_and_norms=False,
    )
    return start_training(arch, GAP_HEAD, shape, device, train, sgd, ONE_CYCLE)


def ours(
    arch: ArchSettings,
    head: HeadSettings,
    shape: InputShape,
    batches: BatchSource,
    device: torch.device,
    train: TrainSettings,
) -> Iterator[float]:
    """vggsweep's own loop."""
    training = start_training(arch, head, shape, device, train)
    validation = NoBatches(batches)
    while True:
        # Process-wide switches: another contender may have set them otherwise since.
        configure_kernels(device, training.precision, deterministic=False, threads=train.threads)
        training.settings = replace(train, epochs=len(training.history) + 1)
        training.run(batches, validation, listener=Silent(), stop=StopRequest())
        yield training.history[-1].images_per_second


def plain(
    arch: ArchSettings,
    head: HeadSettings,
    shape: InputShape,
    images: ImageSet,
    limit: int,
    device: torch.device,
) -> Iterator[float]:
    """A loop written with care, without this project: the network alone is ours."""
    precision = resolve_precision("auto", device)
    pixels = torch.from_numpy(images.images[:limit]).to(device)
    labels = torch.from_numpy(images.labels[:limit]).to(device)
    size = (shape.resolution, shape.resolution)
    torch.manual_seed(0)
    network: nn.Module = build_network(arch, head, shape).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.SGD(network.parameters(), lr=SGD.lr, fused=True)
    while True:
        configure_kernels(device, precision, deterministic=False, threads=None)
        started = time.perf_counter()
        loss_sum = torch.zeros((), device=device)
        for positions in torch.randperm(len(labels), device=device).split(TRAIN.batch_size):
            x_NCHW = F.interpolate(pixels[positions] / 255, size, mode="bilinear")
            with autocast(device, precision):
                scores_NK = network(x_NCHW.contiguous(memory_format=torch.channels_last))
                loss = F.cross_entropy(scores_NK, labels[positions])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss_sum += loss.detach()
        loss_sum.item()
        yield len(labels) / (time.perf_counter() - started)


class PilImages(Dataset[tuple[Tensor, int]]):
    """Images one by one, through PIL, as the chapter's data set and transforms give them."""

    def __init__(self, images: ImageSet, limit: int, resolution: int) -> None:
        self.pixels_NHW = images.images[:limit, 0]
        self.labels = images.labels[:limit].tolist()
        self.size = (resolution, resolution)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = Image.fromarray(self.pixels_NHW[index]).resize(self.size, Image.Resampling.BILINEAR)
        return torch.from_numpy(np.array(image)).div(255)[None], self.labels[index]


def chapter(
    arch: ArchSettings,
    head: HeadSettings,
    shape: InputShape,
    images: ImageSet,
    limit: int,
    device: torch.device,
) -> Iterator[float]:
    """The loop of the chapter as it is described: NCHW, a PIL resize an image, a wait in every step.

    Its fp32 is torch's default one, whose convolutions may use TF32; ours with ``train.precision=fp32``
    may not.
    """
    dataset = PilImages(images, limit, shape.resolution)
    # torch warns where workers outnumber CPUs; the chapter's four stay four
    warnings.filterwarnings("ignore", message="This DataLoader will create")
    loader = DataLoader(dataset, TRAIN.batch_size, shuffle=True, num_workers=CHAPTER_WORKERS)
    torch.manual_seed(0)
    network = build_network(arch, head, shape).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=SGD.lr)
    while True:
        configure_kernels(device, "fp32", deterministic=False, threads=None)
        # torch's defaults, as the chapter leaves them
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = True
        started = time.perf_counter()
        for x_NCHW, y_N in loader:
            x_NCHW, y_N = x_NCHW.to(device), y_N.to(device)
            scores_NK = network(x_NCHW)
            loss = F.cross_entropy(scores_NK, y_N)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            (scores_NK.argmax(dim=1) == y_N).float().mean().item()
        yield len(dataset) / (time.perf_counter() - started)


def in_turns(contenders: dict[str, Iterator[float]], rounds: int) -> dict[str, list[float]]:
    """Images a second of each, an epoch a turn; the first one warms up and is not counted."""
    for contender in contenders.values():
        next(contender)
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders)
        for name in names if turn % 2 == 0 else reversed(names):
            speeds[name].append(next(contenders[name]))
    return speeds


# --- the suite


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        what: the figure.
        value: with its spread.
        against: a ratio or what it is to be compared with.
        note: how it was made.
    """

    what: str
    value: str
    against: str = ""
    note: str = ""


class Suite:
    """All figures of one device.

    Args:
        device: where.
        sizes: how much.
        split: the images.
    """

    def __init__(self, device: torch.device, sizes: Sizes, split: Split) -> None:
        self.device = device
        self.sizes = sizes
        self.split = split
        self.rows: list[Row] = []
        self.measured: dict[str, Any] = {}
        self.peaks = Peaks(0.0, 0.0, 0.0)

    def run(self) -> None:
        """One figure after the other; one that fails has a row that says so."""
        parts: list[Callable[[], None]] = [
            self.measure_peaks,
            self.compare_chapter,
            self.compare_lean,
            self.vgg16,
            self.many_workers,
            self.whole_chapter,
            self.time_to_target,
            self.equalities,
        ]
        for part in parts:
            started = time.perf_counter()
            try:
                part()
            except Exception as error:  # such as too little memory: the other figures still count
                reason = str(error) or type(error).__name__
                self.rows.append(Row(part.__name__, "failed", note=reason.splitlines()[0][:90]))
                self.measured[part.__name__] = {"failed": reason}
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            print(f"  {part.__name__}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)

    def measure_peaks(self) -> None:
        self.peaks = peaks = measure_peaks(str(self.device), side=self.sizes.matmul_side)
        self.measured["peaks"] = peaks
        self.rows += [
            Row("matrix product, fp32", f"{peaks.fp32 / 1e3:,.2f} TFLOP/s", note="without TF32"),
            Row("matrix product, bf16", f"{peaks.bf16 / 1e3:,.2f} TFLOP/s"),
            Row("copy", f"{peaks.copy:,.0f} GB/s", note="read and written"),
        ]

    def compare_chapter(self) -> None:
        sizes, images = self.sizes, self.split.train
        for resolution in (sizes.high, sizes.low):
            shape = shape_of(images, resolution, 10)
            network = (VGG_SMALL, VGG_HEAD, shape)
            batches = source(images, sizes.images, resolution, self.device)
            contenders = {
                "ours": ours(*network, batches, self.device, TRAIN),
                **self._graph_contenders(network, batches),
                "ours, fp32": ours(*network, batches, self.device, replace(TRAIN, precision="fp32")),
                "plain loop": plain(*network, images, sizes.images, self.device),
                "chapter's loop": chapter(*network, images, sizes.chapter_images, self.device),
            }
            speeds = in_turns(contenders, sizes.rounds)
            self._add_speeds(f"chapter's net, {resolution} px", speeds, network)
            batches.close()

    def compare_lean(self) -> None:
        sizes, images = self.sizes, self.split.train
        network = (LEAN, GAP_HEAD, shape_of(images, 32, 10))
        batches = source(images, sizes.images, 32, self.device)
        contenders = {
            "ours": ours(*network, batches, self.device, TRAIN),
            **self._graph_contenders(network, batches),
            "plain loop": plain(*network, images, sizes.images, self.device),
        }
        self._add_speeds("lean net, 32 px", in_turns(contenders, sizes.rounds), network)
        batches.close()

    def _graph_contenders(
        self, network: tuple[ArchSettings, HeadSettings, InputShape], batches: BatchSource
    ) -> dict[str, Iterator[float]]:
        """The loop with its step launched one way, whatever ``auto`` would take."""
        ways = {"ours, eager": replace(TRAIN, cuda_graph="never")}
        if self.device.type == "cuda":
            ways["ours, CUDA graph"] = replace(TRAIN, cuda_graph="always")
        return {name: ours(*network, batches, self.device, train) for name, train in ways.items()}

    def _add_speeds(
        self,
        title: str,
        speeds: dict[str, list[float]],
        network: tuple[ArchSettings, HeadSettings, InputShape],
    ) -> None:
        self.measured[title] = speeds
        flops = training_flops(network_costs(*network).macs)
        slowest = list(speeds)[-1]
        for name, values in speeds.items():
            is_fp32 = name in ("ours, fp32", "chapter's loop") or self._precision() == "fp32"
            peak = self.peaks.fp32 if is_fp32 else self.peaks.bf16
            of_peak = flops * spread(values).median / 1e9 / peak
            ratio = spread(ratios(values, speeds[slowest])).show(2)
            self.rows.append(
                Row(
                    f"{title}: {name}",
                    f"{spread(values).show(0)} images/s",
                    f"{ratio} x {slowest}",
                    f"{of_peak:.2f} of peak",
                )
            )

    def _precision(self) -> str:
        return resolve_precision("auto", self.device)

    def vgg16(self) -> None:
        sizes = self.sizes
        resolution, batch_size = sizes.vgg16_resolution, sizes.vgg16_batch
        draw = np.random.default_rng(0)
        pixels = draw.integers(0, 256, (sizes.vgg16_images, 3, resolution, resolution), dtype=np.uint8)
        images = ImageSet(pixels, draw.integers(0, 1000, sizes.vgg16_images))
        network = (VGG16, VGG_HEAD, shape_of(images, resolution, 1000))
        batches = source(images, sizes.vgg16_images, resolution, self.device, batch_size=batch_size)
        speeds = in_turns({"ours": ours(*network, batches, self.device, TRAIN)}, sizes.rounds)["ours"]
        batches.close()
        peak = self.peaks.fp32 if self._precision() == "fp32" else self.peaks.bf16
        of_peak = training_flops(network_costs(*network).macs) * spread(speeds).median / 1e9 / peak
        self.measured["vgg16"] = {"images_per_second": speeds, "fraction_of_peak": of_peak}
        self.rows.append(
            Row(
                f"VGG-16, {resolution} px, batch {batch_size}: ours",
                f"{spread(speeds).show(0)} images/s",
                f"{of_peak:.2f} of peak",
                f"{self._precision()}, random images",
            )
        )

    def many_workers(self) -> None:
        """The same trainings in processes side by side, and in one process one after the other."""
        sizes = self.sizes
        side_by_side = seconds_of_workers(sizes.workers, 1, self.device, sizes)
        in_a_row = seconds_of_workers(1, sizes.workers, self.device, sizes)
        self.measured["workers"] = {"side_by_side": side_by_side, "in_a_row": in_a_row}
        self.rows.append(
            Row(
                f"{sizes.workers} workers with lean nets on one device",
                f"{side_by_side:.2f} s",
                f"{in_a_row / side_by_side:.2f} x one after the other ({in_a_row:.2f} s)",
                f"{sizes.worker_epochs} epochs each; start of processes not counted",
            )
        )

    def whole_chapter(self) -> None:
        sizes, split = self.sizes, self.split
        train = source(split.train, sizes.images, sizes.high, self.device)
        validation = source(
            split.validation, sizes.images, sizes.high, self.device, batch_size=512, is_training=False
        )
        training = start_training(
            VGG_SMALL,
            VGG_HEAD,
            shape_of(split.train, sizes.high, 10),
            self.device,
            replace(TRAIN, epochs=sizes.epochs),
        )
        started = time.perf_counter()
        training.run(train, validation, listener=Silent(), stop=StopRequest())
        seconds = time.perf_counter() - started
        accuracies = [result.val_acc for result in training.history]
        self.measured["chapter"] = {"seconds": seconds, "val_acc": accuracies, "images": split.name}
        self.rows.append(
            Row(
                f"the chapter's training, {sizes.high} px, {sizes.epochs} epochs",
                f"{seconds:.1f} s",
                f"val_acc {accuracies[-1]:.4f}",
                f"{train.num_images:,} images an epoch; {split.name}; evaluation counted",
            )
        )
        train.close()
        validation.close()

    def time_to_target(self) -> None:
        """The fast recipe, stretched until it reaches the target; only the real images can say when."""
        sizes, split, recipe = self.sizes, self.split, RECIPE
        words = {"batch_size": recipe.batch_size, "mean_std": FASHION_MEAN_STD}
        augment = replace(NO_AUGMENT, flip=recipe.flip)
        train = source(split.train, sizes.images, recipe.resolution, self.device, augment=augment, **words)
        words["batch_size"] = 512
        validation = source(
            split.validation, sizes.images, recipe.resolution, self.device, is_training=False, **words
        )
        for length in LENGTHS[: 1 if self.sizes is QUICK else None]:
            training = start_recipe(recipe, split.train, length, self.device)
            started = time.perf_counter()
            training.run(train, validation, listener=Silent(), stop=StopRequest())
            seconds = time.perf_counter() - started
            accuracies = [result.val_acc for result in training.history]
            if accuracies[-1] >= TARGET_ACC:
                break
        train.close()
        validation.close()
        self.measured["fast_fashion"] = {"seconds": seconds, "val_acc": accuracies, "images": split.name}
        self.rows.append(
            Row(
                f"fast_fashion, {len(accuracies)} epochs",
                f"{seconds:.1f} s",
                f"val_acc {accuracies[-1]:.4f}, {'reaches' if accuracies[-1] >= TARGET_ACC else 'not'} .93",
                f"{split.name}; evaluation counted, loading not",
            )
        )

    def equalities(self) -> None:
        """Fast paths against plain references, on this device."""
        checks = {
            "pool before ReLU = ReLU before pool, fp32": (pool_order_difference(self.device), 0.0),
            "resident = streaming batches": (self._loader_difference(), 0.0),
            "channels_last = NCHW, fp32, loss of an epoch, relative": (
                self._loss_difference(replace(TRAIN, precision="fp32", channels_last=False)),
                1e-3,
            ),
            "auto precision = fp32, loss of an epoch, relative": (self._loss_difference(TRAIN), 2e-2),
        }
        if self.device.type == "cuda":
            checks["CUDA graph = eager, fp32, loss of an epoch, relative"] = (
                self._loss_difference(replace(TRAIN, precision="fp32", cuda_graph="always")),
                1e-3,
            )
        self.measured["equal"] = {
            name: {"difference": difference, "tolerance": tolerance, "holds": difference <= tolerance}
            for name, (difference, tolerance) in checks.items()
        }
        for name, (difference, tolerance) in checks.items():
            verdict = "holds" if difference <= tolerance else "DOES NOT HOLD"
            self.rows.append(Row(f"equal: {name}", f"{difference:.1e}", f"at most {tolerance:.0e}", verdict))

    def _loss_difference(self, train: TrainSettings) -> float:
        """Relative difference of an epoch's loss to channels_last in fp32, from the same weights."""
        images = self.split.train
        losses = []
        for settings in (replace(TRAIN, precision="fp32", cuda_graph="never"), train):
            shape = shape_of(images, 32, 10)
            training = start_training(LEAN, GAP_HEAD, shape, self.device, settings)
            batches = source(
                images, min(self.sizes.images, 2_048), 32, self.device, channels_last=settings.channels_last
            )
            training.run(batches, NoBatches(batches), listener=Silent(), stop=StopRequest())
            losses.append(training.history[-1].train_loss)
            batches.close()
        return abs(losses[1] - losses[0]) / losses[0]

    def _loader_difference(self) -> float:
        """Largest difference of a pixel between the two loaders' batches of one epoch."""
        images = self.split.train
        pair = [source(images, 512, 32, self.device, is_resident=kind) for kind in (True, False)]
        largest = 0.0
        for (x_NCHW, y_N), (other_NCHW, other_N) in zip(*(one.epoch(3) for one in pair), strict=True):
            largest = max(largest, (x_NCHW - other_NCHW).abs().max().item())
            largest = max(largest, (y_N - other_N).abs().max().item())
        for one in pair:
            one.close()
        return largest


def pool_order_difference(device: torch.device) -> float:
    """Largest difference between the two orders, forward."""
    generator = torch.Generator().manual_seed(0)
    x_NCHW = torch.randn(16, 16, 64, 64, generator=generator).to(device)
    return (F.relu(F.max_pool2d(x_NCHW, 2)) - F.max_pool2d(F.relu(x_NCHW), 2)).abs().max().item()


# --- several processes on one device


def seconds_of_workers(workers: int, trainings: int, device: torch.device, sizes: Sizes) -> float:
    """Wall seconds from the moment at which all are warm until the last has trained its last epoch."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(workers + 1)
    arguments = (barrier, trainings, str(device), sizes)
    processes = [context.Process(target=work, args=arguments, daemon=True) for _ in range(workers)]
    for process in processes:
        process.start()
    barrier.wait(timeout=120)
    started = time.perf_counter()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - started
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"a worker ended with {[process.exitcode for process in processes]}")
    return seconds


def work(barrier: Any, trainings: int, device_word: str, sizes: Sizes) -> None:
    """A worker: warm up, wait for the others, train."""
    device = resolve_device(device_word)
    images = read_split(None).train
    batches = source(images, sizes.images, 32, device)
    warm = ours(LEAN, GAP_HEAD, shape_of(images, 32, 10), batches, device, TRAIN)
    next(warm)
    barrier.wait(timeout=120)
    for _ in range(trainings):
        training = start_training(
            LEAN, GAP_HEAD, shape_of(images, 32, 10), device, replace(TRAIN, epochs=sizes.worker_epochs)
        )
        training.run(batches, NoBatches(batches), listener=Silent(), stop=StopRequest())


# --- the command


def show(result: dict[str, Any], rows: Sequence[Row]) -> None:
    """The one table."""
    show_facts(result)
    print(f"{result['device_name']}; images: {result['images']}; {result['seconds']:.0f} s in all\n")
    print_table(
        ["figure", "value", "against", "note"], [[row.what, row.value, row.against, row.note] for row in rows]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Everything that a GPU has to show, in one table.",
        epilog="example: python benchmarks/gpu_suite.py --device cpu --quick",
    )
    parser.add_argument("--device", default="cuda", help="cuda (default), cuda:1, cpu")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: see that it runs, measure nothing")
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="Fashion-MNIST's four .gz files")
    add_json_option(parser)
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    result = facts(torch.get_num_threads()) | {"device_name": device_name(device), "quick": arguments.quick}
    started = time.perf_counter()
    split = read_split(arguments.data)
    suite = Suite(device, QUICK if arguments.quick else Sizes(), split)
    suite.run()
    result |= {
        "images": split.name,
        "seconds": time.perf_counter() - started,
        "cuda": torch.version.cuda,
        "measured": suite.measured,
    }
    show(result, suite.rows)
    write_json(arguments.json, result)
    if any("failed" in row.value or "NOT" in row.note for row in suite.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
