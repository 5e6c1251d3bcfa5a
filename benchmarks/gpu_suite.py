"""Everything that a GPU has to show, the most telling figures first, in one table.

    python benchmarks/gpu_suite.py --json result.json
    python benchmarks/gpu_suite.py --data FOLDER             # holds fashion_mnist/ with the four .gz files
    python benchmarks/gpu_suite.py --parts chapter vgg16     # these parts only
    python benchmarks/gpu_suite.py --device cpu --quick      # the same code on a CPU, to see that it runs

Without ``--data`` the subset that ships with vggsweep stands in for Fashion-MNIST: speeds are the same,
accuracies are not, and the table says which it was. The file holds each part's figures as soon as it ends.

    peaks        the device's matrix product and copy, to which shares refer
    chapter      experiment=d2l_vgg at 224 px: ours, ours with train.compile=true, and the chapter's loop,
                 in turns
    graph        CUDA graph against eager at 32 px: the chapter's network and a lean one
    workers      one, two and four processes with lean networks on the one device, and the same under MPS
    accuracy     experiment=fast_fashion and fast_fashion_gpu: seconds, and whether val_acc is .93
    vgg16        VGG-16 at 224 px
    epochs       the chapter's ten epochs at 224 px: seconds and accuracy
    profile      which kernels a step's time goes to, and what is not kernels
    others       at 224 and 32 px: fp32, and a careful plain loop

`of peak` is training FLOPs (3 x 2 x MACs of a forward pass) per second ÷ a large matrix product in the same
precision; `of roofline` compares with `roofline.py`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as multiprocessing

sys.path.insert(0, str(Path(__file__).parents[1]))

from contenders import Job, Outcome, Silent, chapter, plain, vggsweep, vggsweep_fp32
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
from roofline import roofline_seconds, training_operations

from vggsweep.arch.build import build_on_meta
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.device import device_name, resolve_device, resolve_precision
from vggsweep.preparation import prepare_data, prepare_device, prepare_network, prepare_training
from vggsweep.training.interruption import StopRequest

TARGET_ACC = 0.93
LEAN = ("arch=vgg_scaled", "head=gap", "arch.depth=8", "arch.width=16", "arch.batch_norm=true")
GRAPH, EAGER = "train.cuda_graph=always", "train.cuda_graph=never"
PROFILED_KERNELS = 12
MPS_CONTROL = "nvidia-cuda-mps-control"


@dataclass(frozen=True)
class Sizes:
    """How much of everything; ``--quick`` is only there to see that the code runs.

    Args:
        images: of an epoch of ours.
        chapter_images: of an epoch of the chapter's own loop, which is slow.
        low, high: resolutions in pixels.
        vgg16_images, vgg16_resolution: of VGG-16.
        profiled_images: of a profiled epoch.
        rounds: turns of each contender.
        recipes: lines of which each is trained once, for seconds and accuracy.
        epochs: of the chapter's whole training.
        training_images: of whole trainings; None takes all.
        workers: numbers of processes on one device.
        matmul_side: rows of the matrices of the peak; None leaves the device's own.
    """

    images: int = 24_576
    chapter_images: int = 4_096
    low: int = 32
    high: int = 224
    vgg16_images: int = 3_840
    vgg16_resolution: int = 224
    profiled_images: int = 1_280
    rounds: int = 3
    recipes: tuple[str, ...] = ("experiment=fast_fashion", "experiment=fast_fashion_gpu")
    epochs: int = 10
    training_images: int | None = None
    workers: tuple[int, ...] = (1, 2, 4)
    matmul_side: int | None = None


QUICK = Sizes(
    images=256,
    chapter_images=128,
    high=64,
    vgg16_images=8,
    vgg16_resolution=32,
    profiled_images=256,
    rounds=1,
    recipes=("experiment=fast_fashion",),
    epochs=1,
    training_images=512,
    workers=(1, 2),
    matmul_side=256,
)


# --- contenders in one process


@dataclass(frozen=True)
class Switches:
    """What `configure_kernels` sets for the whole process, as one contender left it."""

    threads: int
    matmul_tf32: bool
    cudnn_tf32: bool
    cudnn_benchmark: bool

    @classmethod
    def now(cls) -> Switches:
        cudnn = torch.backends.cudnn
        return cls(
            torch.get_num_threads(),
            torch.backends.cuda.matmul.allow_tf32,
            cudnn.allow_tf32,
            cudnn.benchmark,
        )

    def set(self) -> None:
        torch.set_num_threads(self.threads)
        torch.backends.cuda.matmul.allow_tf32 = self.matmul_tf32
        torch.backends.cudnn.allow_tf32 = self.cudnn_tf32
        torch.backends.cudnn.benchmark = self.cudnn_benchmark


TORCH_DEFAULTS = Switches.now()


def in_turns(contenders: dict[str, Iterator[Outcome]], rounds: int) -> dict[str, list[float]]:
    """Images per second of each, one epoch per turn, each under the switches that it set itself."""
    switches = {}
    for name, contender in contenders.items():
        TORCH_DEFAULTS.set()
        next(contender)
        switches[name] = Switches.now()
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds):
        names = list(contenders)
        for name in names if turn % 2 == 0 else reversed(names):
            switches[name].set()
            speeds[name].append(next(contenders[name]).images_per_second)
    for contender in contenders.values():
        contender.close()  # type: ignore[attr-defined]
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
        data: words that name the images.
    """

    def __init__(self, device: torch.device, sizes: Sizes, data: Sequence[str]) -> None:
        self.device = device
        self.sizes = sizes
        self.data = tuple(data)
        self.rows: list[Row] = []
        self.measured: dict[str, Any] = {}
        self.peaks = Peaks(0.0, 0.0, 0.0)
        self.precision = resolve_precision("auto", device)
        self.parts: dict[str, Callable[[], None]] = {
            "peaks": self.measure_peaks,
            "chapter": self.compare_chapter,
            "graph": self.compare_graph,
            "workers": self.many_workers,
            "accuracy": self.time_to_target,
            "vgg16": self.vgg16,
            "epochs": self.whole_chapter,
            "profile": self.profile,
            "others": self.compare_others,
        }

    def run(self, parts: Sequence[str], ended: Callable[[], None]) -> None:
        """One part after the other; one that fails has a row that says so."""
        for name in parts:
            started = time.perf_counter()
            TORCH_DEFAULTS.set()
            try:
                self.parts[name]()
            except Exception as error:  # such as too little memory: the other figures still count
                reason = str(error) or type(error).__name__
                self.rows.append(Row(name, "failed", note=reason.splitlines()[0][:90]))
                self.measured[name] = {"failed": reason}
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
            ended()
            print(f"  {name}: {time.perf_counter() - started:.1f} s", file=sys.stderr, flush=True)

    def job(self, images: int, *words: str) -> Job:
        """The chapter's run with these words, on this device."""
        return Job((*self.data, f"device={self.device}", f"dataset.limit={images}", *words), 2)

    def measure_peaks(self) -> None:
        self.peaks = peaks = measure_peaks(str(self.device), side=self.sizes.matmul_side)
        self.measured["peaks"] = peaks
        self.rows += [
            Row("matrix product, fp32", f"{peaks.fp32 / 1e3:,.2f} TFLOP/s", note="without TF32"),
            Row("matrix product, bf16", f"{peaks.bf16 / 1e3:,.2f} TFLOP/s"),
            Row("copy", f"{peaks.copy:,.0f} GB/s", note="read and written"),
        ]

    def compare_chapter(self) -> None:
        words = ("arch=vgg_small", f"dataset.resolution={self.sizes.high}")
        job = self.job(self.sizes.images, *words)
        contenders = {"ours": vggsweep(job)}
        if self.device.type == "cuda":
            compiled = self.job(self.sizes.images, *words, "train.compile=true")
            contenders = {"compiled": vggsweep(compiled), **contenders}
        contenders["chapter's loop"] = chapter(self.job(self.sizes.chapter_images, *words))
        self._compare(f"chapter's net, {self.sizes.high} px", contenders, job)

    def compare_graph(self) -> None:
        for name, words in {"chapter's net": ("arch=vgg_small",), "lean net": LEAN}.items():
            words = (*words, f"dataset.resolution={self.sizes.low}")
            contenders = self._launches(self.sizes.images, words)
            self._compare(f"{name}, {self.sizes.low} px", contenders, self.job(self.sizes.images, *words))

    def compare_others(self) -> None:
        for resolution in (self.sizes.high, self.sizes.low):
            words = ("arch=vgg_small", f"dataset.resolution={resolution}")
            job = self.job(self.sizes.images // 2, *words)
            contenders = {
                "ours": vggsweep(job),
                "ours, fp32": vggsweep_fp32(job),
                "plain loop": plain(job),
            }
            self._compare(f"others, chapter's net, {resolution} px", contenders, job)

    def _launches(self, images: int, words: Sequence[str]) -> dict[str, Iterator[Outcome]]:
        """The loop with its step launched one way, whatever ``auto`` would take."""
        ways = {"CUDA graph": GRAPH, "eager": EAGER}
        if self.device.type != "cuda":
            del ways["CUDA graph"]
        return {name: vggsweep(self.job(images, *words, way)) for name, way in ways.items()}

    def _compare(self, title: str, contenders: dict[str, Iterator[Outcome]], job: Job) -> None:
        speeds = in_turns(contenders, self.sizes.rounds)
        self.measured.setdefault(title, {}).update(speeds)
        last = list(speeds)[-1]
        for name, values in speeds.items():
            precision = "fp32" if name in ("ours, fp32", "chapter's loop") else self.precision
            ratio = spread(ratios(values, speeds[last])).show(2)
            shares = self._shares(job.configuration(), spread(values).median, precision)
            self.rows.append(
                Row(f"{title}: {name}", f"{spread(values).show(0)} images/s", f"{ratio} x {last}", shares)
            )

    def _shares(self, configuration: Configuration, speed: float, precision: str) -> str:
        """How near a speed comes to the two limits."""
        network = configured_network(configuration)
        batch, shape = configuration.train.batch_size, network.shape
        of_peak = training_flops(network.costs.macs) * speed / 1e9
        of_peak /= self.peaks.fp32 if precision == "fp32" else self.peaks.bf16
        built = build_on_meta(network.arch, network.head, shape)
        size = (batch, shape.channels, shape.resolution, shape.resolution)
        operations = training_operations(built, size, 4 if precision == "fp32" else 2)
        of_roofline = roofline_seconds(operations, self.peaks, precision) * speed / batch
        return f"{of_peak:.2f} of peak, {of_roofline:.2f} of roofline"

    def many_workers(self) -> None:
        """The same trainings in one, two, four processes on the one device."""
        job = self.job(self.sizes.images, *LEAN, f"dataset.resolution={self.sizes.low}")
        counts, rounds = self.sizes.workers, self.sizes.rounds
        plain = speeds_of_workers(counts, job, rounds)
        self._show_workers("", plain, plain[counts[0]])
        if self.device.type == "cuda" and shutil.which(MPS_CONTROL) is not None:
            with multi_process_service():  # one worker is slower under it, and would flatter the others
                self._show_workers(", under MPS", speeds_of_workers(counts, job, rounds), plain[counts[0]])

    def _show_workers(self, how: str, speeds: dict[int, list[float]], alone: list[float]) -> None:
        self.measured[f"workers{how}"] = speeds
        for count, values in speeds.items():
            self.rows.append(
                Row(
                    f"{count} workers, lean net, {self.sizes.low} px{how}",
                    f"{spread(values).show(0)} images/s",
                    f"{spread(ratios(values, alone)).show(2)} x one",
                    "all of them together; start not counted",
                )
            )

    def time_to_target(self) -> None:
        """Seconds of each recipe, and whether its validation accuracy reaches the target."""
        tried = {}
        for recipe in self.sizes.recipes:
            words = [*recipe.split(), *self.data, *self._limit(), f"device={self.device}"]
            seconds, accuracies = train_once(read_configuration(resolved(compose(words))))
            tried[recipe] = {"seconds": seconds, "val_acc": accuracies}
            reaches = "reaches" if accuracies[-1] >= TARGET_ACC else "not"
            self.rows.append(
                Row(
                    recipe.removeprefix("experiment="),
                    f"{seconds:.2f} s, {len(accuracies)} epochs",
                    f"val_acc {accuracies[-1]:.4f}, {reaches} {TARGET_ACC}",
                    "evaluation counted, loading not",
                )
            )
        self.measured["accuracy"] = tried

    def _limit(self) -> list[str]:
        images = self.sizes.training_images
        return [] if images is None else [f"dataset.limit={images}"]

    def vgg16(self) -> None:
        batch = min(128, self.sizes.vgg16_images)
        words = (
            "arch=vgg16",
            f"dataset.resolution={self.sizes.vgg16_resolution}",
            f"train.batch_size={batch}",
        )
        job = self.job(self.sizes.vgg16_images, *words)
        contenders = {"ours": vggsweep(job)}
        if self.device.type == "cuda":
            compiled = self.job(self.sizes.vgg16_images, *words, "train.compile=true")
            contenders = {"compiled": vggsweep(compiled), **contenders}
        self._compare(f"VGG-16, {self.sizes.vgg16_resolution} px, batch {batch}", contenders, job)

    def whole_chapter(self) -> None:
        words = ["experiment=d2l_vgg", *self.data, *self._limit(), f"device={self.device}"]
        words += [f"train.epochs={self.sizes.epochs}", f"dataset.resolution={self.sizes.high}"]
        seconds, accuracies = train_once(read_configuration(resolved(compose(words))))
        self.measured["epochs"] = {"seconds": seconds, "val_acc": accuracies}
        self.rows.append(
            Row(
                f"the chapter's training, {self.sizes.high} px, {self.sizes.epochs} epochs",
                f"{seconds:.1f} s",
                f"val_acc {accuracies[-1]:.4f}",
                "validation as in the chapter on the test images; evaluation counted",
            )
        )

    def profile(self) -> None:
        """Kernels of a step by their time, of the workloads whose shares are above."""
        high, low = (f"dataset.resolution={pixels}" for pixels in (self.sizes.high, self.sizes.low))
        jobs = {
            f"chapter's net, {self.sizes.high} px": ("arch=vgg_small", high),
            f"chapter's net, {self.sizes.low} px": ("arch=vgg_small", low),
            f"lean net, {self.sizes.low} px": (*LEAN, low),
            f"VGG-16, {self.sizes.vgg16_resolution} px": (
                "arch=vgg16",
                f"dataset.resolution={self.sizes.vgg16_resolution}",
            ),
        }
        found = {
            name: profile_step(self.job(self.sizes.profiled_images, *words)) for name, words in jobs.items()
        }
        self.measured["profile"] = found
        for name, one in found.items():
            kernels = ", ".join(f"{row['share']:.2f} {row['kernel'][:40]}" for row in one["kernels"][:3])
            self.rows.append(
                Row(
                    f"profile, {name}",
                    f"{one['step_ms']:.2f} ms a step",
                    f"{one['kernel_ms']:.2f} ms of kernels",
                    kernels,
                )
            )


def train_once(configuration: Configuration) -> tuple[float, list[float]]:
    """Wall seconds of a whole training without its loading, and the accuracy after each epoch."""
    device, precision = prepare_device(configuration)
    configured = configured_network(configuration)
    network = prepare_network(configuration, configured, device)
    training = prepare_training(configuration, network, precision, configured.costs.macs)
    with prepare_data(configuration, device) as data:
        started = time.perf_counter()
        training.run(data.train, data.validation, listener=Silent(), stop=StopRequest())
        seconds = time.perf_counter() - started
    return seconds, [result.val_acc for result in training.history]


def profile_step(job: Job) -> dict[str, Any]:
    """Where the time of a step goes: a plain epoch for the wall clock, then one under torch's profiler."""
    configuration = job.configuration()
    steps = -(-configuration.dataset.limit // configuration.train.batch_size)  # type: ignore[operator]
    contender = vggsweep(job)
    next(contender)
    speed = next(contender).images_per_second
    activities = [torch.profiler.ProfilerActivity.CPU]
    if configuration.device != "cpu":
        activities = [torch.profiler.ProfilerActivity.CUDA]
    with torch.profiler.profile(activities=activities) as profiler:
        next(contender)
    contender.close()  # type: ignore[attr-defined]
    name = "self_cpu_time_total" if configuration.device == "cpu" else "self_device_time_total"
    times = {row.key: (getattr(row, name), row.count) for row in profiler.key_averages()}
    total = sum(seconds for seconds, _ in times.values()) or 1.0
    ranked = sorted(times.items(), key=lambda item: -item[1][0])[:PROFILED_KERNELS]
    return {
        "step_ms": 1e3 * configuration.train.batch_size / speed,
        "kernel_ms": total / 1e3 / steps,
        "kernels": [
            {"kernel": key[:120], "share": seconds / total, "us": seconds / steps, "per_step": count / steps}
            for key, (seconds, count) in ranked
        ],
    }


# --- several processes on one device


@contextmanager
def multi_process_service() -> Iterator[None]:
    """NVIDIA's daemon, without which processes take the device in turns instead of together."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CUDA_MPS_PIPE_DIRECTORY": folder, "CUDA_MPS_LOG_DIRECTORY": folder}
        subprocess.run([MPS_CONTROL, "-d"], check=True, timeout=30)
        try:
            yield
        finally:
            subprocess.run([MPS_CONTROL], input="quit\n", text=True, check=False, timeout=60)
            del os.environ["CUDA_MPS_PIPE_DIRECTORY"], os.environ["CUDA_MPS_LOG_DIRECTORY"]


def speeds_of_workers(counts: Sequence[int], job: Job, rounds: int) -> dict[int, list[float]]:
    """Images per second of so many processes together, all warm before the clock starts."""
    context = multiprocessing.get_context("spawn")
    largest = max(counts)
    barrier = context.Barrier(largest + 1)
    arguments = [(rank, tuple(counts), rounds, barrier, job) for rank in range(largest)]
    processes = [context.Process(target=work, args=one, daemon=True) for one in arguments]
    for process in processes:
        process.start()
    speeds: dict[int, list[float]] = {count: [] for count in counts}
    images = job.configuration().dataset.limit
    barrier.wait(timeout=120)
    for _ in range(rounds):
        for count in counts:
            barrier.wait(timeout=120)
            started = time.perf_counter()
            barrier.wait(timeout=120)
            speeds[count].append(count * images / (time.perf_counter() - started))  # type: ignore[operator]
    for process in processes:
        process.join()
    return speeds


def work(rank: int, counts: Sequence[int], rounds: int, barrier: Any, job: Job) -> None:
    """Be one of the processes: an epoch whenever so many are wanted."""
    contender = vggsweep(job)
    next(contender)
    barrier.wait(timeout=120)
    for _ in range(rounds):
        for count in counts:
            barrier.wait(timeout=120)
            if rank < count:
                next(contender)
            barrier.wait(timeout=120)


# --- the command


def show(result: dict[str, Any], rows: Sequence[Row]) -> None:
    """The one table."""
    show_facts(result)
    print(f"{result['device_name']}; {result['images']}; {result['seconds']:.0f} s in all\n")
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
    parser.add_argument(
        "--data", type=Path, metavar="FOLDER", help="holds fashion_mnist/ with the four .gz files"
    )
    parser.add_argument("--recipe", action="append", metavar="WORDS", help="a line for the part `accuracy`")
    parser.add_argument("--parts", nargs="+", metavar="PART", help="only these, in this order; see the top")
    add_json_option(parser)
    arguments = parser.parse_args()
    device = resolve_device(arguments.device)
    if arguments.data is not None:
        os.environ["VGGSWEEP_DATA"] = str(arguments.data.resolve())
    data = ["dataset=fashion_mnist"]
    if arguments.data is None:
        data = ["dataset=fashion_mnist_mini", "dataset.mean=null", "dataset.std=null"]
    sizes = QUICK if arguments.quick else Sizes()
    if arguments.data is None:
        sizes = replace(
            sizes, images=min(sizes.images, 6_000), chapter_images=min(sizes.chapter_images, 6_000)
        )
    if arguments.recipe:
        sizes = replace(sizes, recipes=tuple(arguments.recipe))
    suite = Suite(device, sizes, data)
    parts = arguments.parts or list(suite.parts)
    if unknown := set(parts) - suite.parts.keys():
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(suite.parts)}")
    if "peaks" not in parts:
        parts.insert(0, "peaks")
    result = facts(torch.get_num_threads()) | {"device_name": device_name(device), "quick": arguments.quick}
    result |= {"images": data[0], "cuda": torch.version.cuda, "measured": suite.measured}
    started = time.perf_counter()

    def part_ended() -> None:
        result["seconds"] = time.perf_counter() - started
        write_json(arguments.json, result)

    suite.run(parts, part_ended)
    show(result, suite.rows)
    if any(row.value == "failed" for row in suite.rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
