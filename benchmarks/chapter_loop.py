"""Training images a second: vggsweep against the d2l.ai chapter's loop, side by side.

    python benchmarks/chapter_loop.py
    python benchmarks/chapter_loop.py --workload chapter_32 --repeats 5 --json result.json

All contenders (`contenders.py`) train the same network on the same Fashion-MNIST images, each in a process
of its own (vggsweep's advice to the allocator is process-wide and must not help the others). The processes
stand ready side by side and take turns, an epoch each, so that they meet the same machine:

    vggsweep       the composed configuration of `experiment=d2l_vgg dataset.limit=…`, through load_data and
                   Training
    vggsweep fp32  the same with `train.precision=fp32`
    chapter        a plain loop written from the chapter "Networks Using Blocks (VGG)" of d2l.ai: PIL images
                   resized and made tensors one by one by four worker processes, fp32, NCHW, eager,
                   a `.item()` of the loss and of the accuracy in every step
    plain          the same loop written with care: images resident in memory and resized a batch at a time,
                   channels_last, a fused optimizer, no `.item()`, bf16 autocast where the device has units
                   for it; torch's own allocator
    plain fp32     the same without autocast
    d2l            the data module, classifier and trainer of the chapter's published package, its plot
                   not drawn; takes part where it is installed. It pins versions older than torch needs:
                   pip install --no-deps d2l==1.0.3 && pip install ipython matplotlib-inline requests

Where the device has no bf16 units the two fp32 ones are left out: everything is fp32 then.

Counted is one whole epoch of training steps, data included, after warm-up steps of the same shape;
start-up, evaluation and checkpoints are not. A ratio is the median over the rounds of the ratio within one
round, so that other load on the machine meets both. The machine's peaks are measured in every round too,
in a process of their own: `of peak` is training FLOPs (3 x 2 x MACs of a forward pass) a second as a
fraction of a large matrix product in the contender's precision.

An epoch goes on where the one before it ended. With ``--accuracy`` each is followed by an evaluation of the
test images, by the contender's own means, to see that nobody is fast at the cost of what is learnt.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import torch
from contenders import CONTENDERS, FP32, WARM, Job, Outcome
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

from vggsweep.arch.describe import network_costs
from vggsweep.configuration.network import input_shape
from vggsweep.data.reading import read_images
from vggsweep.device import resolve_device, resolve_precision
from vggsweep.errors import VggsweepError

LEAN = ("arch=vgg_scaled", "head=gap", "arch.depth=8", "arch.width=16", "arch.batch_norm=true")


@dataclass(frozen=True)
class Workload:
    """A network at a resolution.

    Args:
        words: overrides after ``experiment=d2l_vgg``.
        images: training images of the counted epoch, unless ``--limit`` says otherwise.
    """

    words: tuple[str, ...]
    images: int


WORKLOADS = {
    "chapter": Workload(("arch=vgg_small", "dataset.resolution=224"), 768),
    "chapter_32": Workload(("arch=vgg_small", "dataset.resolution=32"), 6_400),
    "lean": Workload((*LEAN, "dataset.resolution=32"), 6_400),
}


class Standing:
    """A contender, or the peaks, in a process that waits for its turns.

    Args:
        name: of `CONTENDERS`, or ``peaks``.
        job: what it trains.
        threads: of the CPU.
    """

    def __init__(self, name: str, job: Job, threads: int) -> None:
        self.name = name
        command = [sys.executable, __file__, "--serve", name, "--warmup-steps", str(job.warmup_steps)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
        if job.accuracy:
            command.append("--accuracy")
        self.process = subprocess.Popen(
            [*command, *job.overrides],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> dict[str, Any]:
        """The next line that it prints."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} failed, see above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def turn(self) -> dict[str, Any]:
        """Let it run one epoch."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.__exit__(kind, error, trace)  # closes its input: it ends when nobody asks any more


def serve(name: str, job: Job) -> None:
    """Be `Standing`'s process: warm up, say so, then an epoch and a line for each line read."""
    configuration = job.configuration()
    outcomes = CONTENDERS[name](job) if name in CONTENDERS else _peaks(configuration.device)
    print(json.dumps(asdict(next(outcomes))), flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(next(outcomes))), flush=True)


def _peaks(device_word: str) -> Iterator[Outcome | Peaks]:
    device = resolve_device(device_word)
    yield WARM
    while True:
        yield measure_peaks(str(device))


def compare(names: Sequence[str], job: Job, rounds: int, threads: int) -> dict[str, Any]:
    """All contenders in turns; the order turns round in every second round."""
    configuration = job.configuration()
    shape = input_shape(configuration)
    costs = network_costs(configuration.arch, configuration.head, shape)
    result = facts(threads)
    outcomes: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    peaks = []
    with ExitStack() as stack:
        standing = {}
        for name in ("peaks", *names):
            standing[name] = stack.enter_context(Standing(name, job, threads))
            standing[name].answer()  # one after the other, so that no start disturbs a warm-up
        for turn in range(rounds):
            peaks.append(standing["peaks"].turn())
            for name in names if turn % 2 == 0 else reversed(names):
                outcomes[name].append(standing[name].turn())
                speed = outcomes[name][-1]["images_per_second"]
                print(f"  round {turn + 1}/{rounds}  {name:13} {speed:9.1f} images/s", file=sys.stderr)
    speeds = {name: [one["images_per_second"] for one in rows] for name, rows in outcomes.items()}
    precisions = {name: rows[0]["precision"] for name, rows in outcomes.items()}
    gflops_per_image = training_flops(costs.macs) / 1e9
    return result | {
        "device": configuration.device,
        "overrides": ["experiment=d2l_vgg", *job.overrides],
        "batch_size": configuration.train.batch_size,
        "resolution": shape.resolution,
        "macs": costs.macs,
        "params": costs.params,
        "peaks": peaks,
        "images_per_second": speeds,
        "precision": precisions,
        "fraction_of_peak": {
            name: [
                gflops_per_image * speed / peak["fp32" if precisions[name] == "fp32" else "bf16"]
                for speed, peak in zip(speeds[name], peaks, strict=True)
            ]
            for name in names
        },
        "ratio_to": {
            other: {name: ratios(speeds[name], speeds[other]) for name in names}
            for other in ("chapter", "plain")
            if other in names
        },
        "train_loss": {name: [one["train_loss"] for one in rows] for name, rows in outcomes.items()},
        "test_acc": {name: [one["test_acc"] for one in rows] for name, rows in outcomes.items()},
    }


def show(result: dict[str, Any]) -> None:
    """A row a contender."""
    print(" ".join(result["overrides"]))
    show_facts(result)
    fp32, bf16, copy = (spread([one[key] for one in result["peaks"]]) for key in ("fp32", "bf16", "copy"))
    print(
        f"batch {result['batch_size']}, {result['macs'] / 1e6:.1f} M MACs an image; peaks in GFLOP/s: "
        f"fp32 {fp32.show(0)}, bf16 {bf16.show(0)}; copy {copy.show()} GB/s\n"
    )
    rows = []
    for name, speeds in result["images_per_second"].items():
        ratio = [
            spread(result["ratio_to"][other][name]).show(2) if other in result["ratio_to"] else "–"
            for other in ("chapter", "plain")
        ]
        fraction = spread(result["fraction_of_peak"][name]).show(2)
        loss, test_acc = result["train_loss"][name][-1], result["test_acc"][name][-1]
        learnt = [f"{loss:.3f}", "–" if test_acc is None else f"{test_acc:.4f}"]
        rows.append([name, spread(speeds).show(), *ratio, fraction, result["precision"][name], *learnt])
    print_table(
        ["", "images/s", "÷ chapter", "÷ plain", "of peak", "precision", "last loss", "last test_acc"], rows
    )


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="vggsweep against the d2l.ai chapter's loop: training images a second.",
        epilog="example: python benchmarks/chapter_loop.py --workload chapter_32 --limit 12800",
    )
    parser.add_argument("overrides", nargs="*", help="further overrides, such as train.channels_last=false")
    parser.add_argument("--workload", choices=WORKLOADS, default="chapter", help="network and resolution")
    parser.add_argument("--limit", type=int, help="training images of the epoch")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default: 3)")
    parser.add_argument("--warmup-steps", type=int, default=2, help="steps before the epoch (default: 2)")
    parser.add_argument("--accuracy", action="store_true", help="evaluate the test images after each epoch")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, …")
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, metavar="NAME", help=", ".join(CONTENDERS))
    add_json_option(parser)
    parser.add_argument("--serve", choices=[*CONTENDERS, "peaks"], help=argparse.SUPPRESS)
    return parser.parse_intermixed_args()


def main() -> None:
    arguments = read_arguments()
    if arguments.serve is not None:
        serve(arguments.serve, Job(tuple(arguments.overrides), arguments.warmup_steps, arguments.accuracy))
        return
    workload = WORKLOADS[arguments.workload]
    overrides = [
        *workload.words,
        f"dataset.limit={arguments.limit or workload.images}",
        f"device={arguments.device}",
        *arguments.overrides,
    ]
    try:
        read_images(Job(tuple(overrides), 0).configuration().dataset, "train")
    except VggsweepError as missing:
        print(f"Fashion-MNIST is not here, so its bundled subset is used: {missing}", file=sys.stderr)
        overrides += ["dataset=fashion_mnist_mini", "dataset.mean=null", "dataset.std=null"]
    is_published_here = importlib.util.find_spec("d2l") is not None
    names = arguments.only or [name for name in CONTENDERS if name != "d2l" or is_published_here]
    if resolve_precision("auto", resolve_device(arguments.device)) == "fp32":
        names = [name for name in names if name not in FP32]
    job = Job(tuple(overrides), arguments.warmup_steps, arguments.accuracy)
    result = compare(names, job, arguments.repeats, arguments.threads)
    show(result)
    write_json(arguments.json, result)


if __name__ == "__main__":
    main()
