"""What each option of `augment` adds to a batch, beside a batch without any, in one run.

    python benchmarks/augmentation.py                  # CPU, one thread
    python benchmarks/augmentation.py --device cuda

Batches of 256 random RGB images of 32 pixels from the resident loader, preprocessing included; the last four
options without their flips and shifts. Each option's batches are made in turn, round after round, and the
median over rounds is told: of this process's time on the CPU, so that others on the machine count little.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from machine import add_json_option, facts, show_facts, write_json
from torchvision.transforms.v2 import RandAugment, TrivialAugmentWide

from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.data.batches import BatchPlan, Finish
from vggsweep.data.images import ImageSet
from vggsweep.data.preprocess import Preprocess
from vggsweep.data.resident import ResidentBatches

ALONE = ("augment.flip=false", "augment.crop_padding=0")
OPTIONS = {
    "none": (),
    "crop_flip": (),
    "random_erasing": (),
    "randaugment": ALONE,
    "trivialaugment": ALONE,
    "mixup": ALONE,
    "cutmix": ALONE,
}
BATCH, BATCHES = 256, 8


def source_of(option: str, images: ImageSet, device: torch.device) -> ResidentBatches:
    """Training batches under one option."""
    augment = read_configuration(resolved(compose([f"augment={option}", *OPTIONS[option]]))).augment
    preprocess = Preprocess(3, 32, 32, mean=(0.5,) * 3, std=(0.25,) * 3)
    finish = Finish(preprocess, augment, 0, device, torch.channels_last)
    plan = BatchPlan(len(images.labels), BATCH, seed=0, is_training=True, is_mixed=augment.mixes_images)
    return ResidentBatches(images, np.arange(len(images.labels)), plan, finish)


def milliseconds(source: ResidentBatches, epoch: int, device: torch.device) -> float:
    """Of one batch, on average over an epoch."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    started = clock()
    for _ in source.epoch(epoch):
        pass
    if device.type == "cuda":
        torch.cuda.synchronize()
    return (clock() - started) * 1000 / BATCHES


def of_torchvision(images: ImageSet) -> dict[str, float]:
    """Milliseconds for a batch of images one by one, which is how torchvision draws for each of them."""
    took = {}
    for theirs in (RandAugment(), TrivialAugmentWide()):
        started = time.process_time()
        for image in torch.from_numpy(images.images[:BATCH]):
            theirs(image)
        took[type(theirs).__name__] = (time.process_time() - started) * 1000
    return took


def main() -> None:
    """Time all options in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=9)
    add_json_option(parser)
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.set_num_threads(1)
    machine = facts(threads=1)
    show_facts(machine)
    random = np.random.default_rng(0)
    images = ImageSet(
        random.integers(0, 256, (BATCH * BATCHES, 3, 32, 32), dtype=np.uint8),
        np.zeros(BATCH * BATCHES, dtype=np.int64),
    )
    sources = {option: source_of(option, images, device) for option in OPTIONS}
    times: dict[str, list[float]] = {option: [] for option in OPTIONS}
    for epoch in range(arguments.rounds + 1):
        for option, source in sources.items():
            took = milliseconds(source, epoch, device)
            if epoch:  # the first warms up
                times[option].append(took)
    print(f"{BATCH} RGB images of 32 pixels on {device.type}, median of {arguments.rounds} rounds")
    for option, rounds in times.items():
        median = statistics.median(rounds)
        print(f"  {option:16} {median:7.2f} ms a batch  {median - statistics.median(times['none']):+7.2f}")
    theirs = of_torchvision(images)
    for name, took in theirs.items():
        print(f"  torchvision's {name}, image by image on the CPU: {took:.0f} ms")
    write_json(arguments.json, machine | {"ms": times, "torchvision_ms": theirs})


if __name__ == "__main__":
    main()
