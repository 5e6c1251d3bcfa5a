"""Training steps of our families against the same networks of torchvision, or written out by hand.

    python benchmarks/family_steps.py --json result.json

Both networks of a row have equally many parameters. A step is forward, cross-entropy and backward on one
batch of random images at 32 px; the two take turns, and the ratio is the median over rounds of one round's
ratio, so that other load on the machine meets both.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import torchvision
from machine import add_json_option, facts, print_table, ratios, show_facts, spread, write_json
from torch import nn

from vggsweep.arch.build import build_network
from vggsweep.arch.description import InputShape
from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import read_configuration, resolved

RESOLUTION, CLASSES = 32, 10
# Each network of ours with its counterpart.
SAME_OF_TORCHVISION = (
    *("resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "regnet_x_400mf", "regnet_y_400mf"),
    *("mobilenet_v2", "convnext_tiny", "densenet121"),
)


def vgg11() -> nn.Module:
    """VGG-11's convolutions under global pooling."""
    layers: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 1), (128, 1), (256, 2), (512, 2), (512, 2)):
        for _ in range(count):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, CLASSES))


def vit() -> nn.Module:
    return torchvision.models.VisionTransformer(
        image_size=RESOLUTION,
        patch_size=4,
        num_layers=6,
        num_heads=6,
        hidden_dim=192,
        mlp_dim=768,
        num_classes=CLASSES,
    )


def mlp() -> nn.Module:
    layers: list[nn.Module] = [nn.Flatten()]
    features = 3 * RESOLUTION**2
    for _ in range(3):
        layers += [nn.Linear(features, 512), nn.ReLU(inplace=True)]
        features = 512
    return nn.Sequential(*layers, nn.Linear(features, CLASSES))


def nin() -> nn.Module:
    """Lin et al. 2013 for CIFAR-10."""

    def mlpconv(inputs: int, widths: tuple[int, int, int], kernel: int) -> list[nn.Module]:
        layers: list[nn.Module] = []
        for number, width in enumerate(widths):
            size = 1 if number else kernel
            layers += [nn.Conv2d(inputs, width, size, padding=size // 2), nn.ReLU(inplace=True)]
            inputs = width
        return layers

    return nn.Sequential(
        *mlpconv(3, (192, 160, 96), 5),
        nn.MaxPool2d(3, 2, 1),
        *mlpconv(96, (192, 192, 192), 5),
        nn.AvgPool2d(3, 2, 1),
        *mlpconv(192, (192, 192, CLASSES), 3),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


ROWS: dict[str, tuple[tuple[str, ...], Callable[[], nn.Module]]] = {
    "vgg11": (("arch=vgg11", "head=gap"), vgg11),
    **{
        name: ((f"arch={name}",), lambda name=name: torchvision.models.get_model(name, num_classes=CLASSES))
        for name in SAME_OF_TORCHVISION
    },
    "vit": (("arch=vit", "arch.depth=6", "arch.width=192", "arch.head_width=32", "arch.patch_size=4"), vit),
    "mlp": (("arch=mlp", "arch.depth=3", "arch.width=512", "arch.layer_norm=false"), mlp),
    "nin": (("arch=nin", "arch.depth=3", "arch.width=192", "arch.batch_norm=false"), nin),
}


def ours(words: tuple[str, ...]) -> nn.Module:
    configuration = read_configuration(resolved(compose(words)))
    return build_network(configuration.arch, configuration.head, InputShape(3, RESOLUTION, CLASSES))


def step_of(network: nn.Module, batch: int) -> Callable[[], None]:
    """One training step on a fixed batch."""
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.randn(batch, 3, RESOLUTION, RESOLUTION).to(memory_format=torch.channels_last)
    labels = torch.randint(CLASSES, (batch,))

    def step() -> None:
        network.zero_grad(set_to_none=True)
        nn.functional.cross_entropy(network(images), labels).backward()

    return step


def milliseconds(step: Callable[[], None], steps: int) -> float:
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return 1e3 * (time.perf_counter() - start) / steps


def compare(name: str, batch: int, rounds: int, steps: int) -> dict[str, Any]:
    words, theirs = ROWS[name]
    networks = {"ours": ours(words), "theirs": theirs()}
    params = {side: sum(p.numel() for p in network.parameters()) for side, network in networks.items()}
    assert params["ours"] == params["theirs"], (name, params)
    run = {side: step_of(network, batch) for side, network in networks.items()}
    for one in run.values():
        milliseconds(one, 2)
    times: dict[str, list[float]] = {side: [] for side in run}
    for turn in range(rounds):
        for side in run if turn % 2 == 0 else reversed(run):
            times[side].append(milliseconds(run[side], steps))
    return {"params": params["ours"], **times}


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Training steps of our families against torchvision's same networks.",
        epilog="example: python benchmarks/family_steps.py --only resnet18 vit",
    )
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--batch", type=int, default=32, help="images of a step (default: 32)")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each side (default: 7)")
    parser.add_argument("--steps", type=int, default=3, help="steps of a turn (default: 3)")
    add_json_option(parser)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    results = {}
    for name in arguments.only:
        results[name] = compare(name, arguments.batch, arguments.rounds, arguments.steps)
        print(f"  {name} measured", file=sys.stderr, flush=True)
    known = facts(torch.get_num_threads())
    show_facts(known)
    rows = []
    for name, found in results.items():
        medians = [f"{statistics.median(found[side]):,.1f}" for side in ("ours", "theirs")]
        ratio = spread(ratios(found["ours"], found["theirs"])).show(3)
        rows.append([name, f"{found['params']:,}", *medians, ratio])
    print_table(["network", "parameters", "ours ms", "theirs ms", "ours ÷ theirs"], rows)
    write_json(arguments.json, {**known, "results": results})


if __name__ == "__main__":
    main()
