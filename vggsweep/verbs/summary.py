"""``vggsweep summary [OVERRIDES]``: the layers of a configuration, and their totals; nothing is trained."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.table import Table

from vggsweep.arch.budget import COST_WORDS
from vggsweep.arch.costs import Costs, LayerCost
from vggsweep.arch.describe import network_layers
from vggsweep.arch.description import InputShape
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import ConfiguredNetwork, configured_network
from vggsweep.configuration.recorded import recorded_configuration
from vggsweep.configuration.schema import Configuration, read_configuration, resolved
from vggsweep.data.catalog import check_dataset
from vggsweep.errors import ConfigError
from vggsweep.results.disk.address import find_trial
from vggsweep.results.disk.choice import names_trial
from vggsweep.results.disk.record import read_record
from vggsweep.results.tables.terminal import output_console, wrapped

HELP = "layers, output shapes, parameters and MACs of a configuration; nothing is trained"
EXAMPLE = """\
examples:
  vggsweep summary arch=vgg16 dataset.channels=3 dataset.num_classes=1000 dataset.resolution=224
  vggsweep summary arch.depth=12 budget=macs budget.target=30e6
  vggsweep summary quickstart/7            the network of a trial
"""
# Without a terminal behind it a line is as long as it needs to be.
FILE_WIDTH = 200


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own flags."""
    parser.add_argument(
        "overrides", nargs="*", help="Hydra overrides, such as arch=vgg16; or a trial, SWEEP/7"
    )
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--expand", action="store_true", help="show the layers inside each block")
    parser.add_argument("--config-dir", type=Path, help="directory with your own options")


def run(arguments: argparse.Namespace) -> int:
    """Print the summary; the network need not fit the data set, so that any input can be asked about."""
    configuration = _configuration(arguments.overrides, arguments.config_dir)
    if configuration.dataset.num_classes is None:  # the folder will be asked, so it must be there
        check_dataset(configuration.dataset)
    network = configured_network(configuration)
    network.check()
    layers = network_layers(network.arch, network.head, network.shape, expand=arguments.expand)
    if arguments.json:
        content: dict[str, Any] = {
            "layers": [asdict(layer) for layer in layers],
            "totals": asdict(network.costs),
        }
        if network.budget is not None and network.solution is not None:
            solution = network.solution
            content["budget"] = {
                **asdict(network.budget),
                "solved_width": solution.width,
                "residual": solution.residual,
            }
        print(json.dumps(content, indent=2))
        return 0
    console = output_console(FILE_WIDTH)
    console.print(layer_table(network.arch.name, layers, network.shape))
    for parts in (totals(network.costs), budget_words(network)):
        if parts:
            console.print(wrapped(parts, console.width), soft_wrap=True)
    return 0


def _configuration(words: list[str], extra_dir: Path | None) -> Configuration:
    """What the words compose, or what the trial ran that they name."""
    if not words or "=" in words[0] or not names_trial(words[0]):
        return read_configuration(resolved(compose(words, extra_dir=extra_dir)))
    if len(words) > 1 or extra_dir is not None:
        raise ConfigError(
            f"{words[0]} is a trial, whose configuration is what it is: neither overrides nor --config-dir "
            "go with it. `vggsweep summary` with overrides alone shows another network."
        )
    return recorded_configuration(read_record(find_trial(words[0]).record))


def layer_table(name: str, layers: list[LayerCost], shape: InputShape) -> Table:
    """The rows as the chapter's ``layer_summary`` prints them, with their costs."""
    size = f"({1}, {shape.channels}, {shape.resolution}, {shape.resolution})"
    table = Table(title=f"{name} for input {size}", title_justify="left")
    for column, justify in (("layer", "left"), ("type", "left"), ("output shape", "left")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]
    table.add_column("params", justify="right")
    table.add_column("MACs", justify="right")
    for layer in layers:
        table.add_row(layer.name, layer.type, str(layer.output_shape), f"{layer.params:,}", f"{layer.macs:,}")
    return table


def totals(costs: Costs) -> list[str]:
    """All totals, each with its name."""
    return [
        f"depth {costs.depth}",
        f"width {costs.width}",
        f"params {costs.params:,} ({costs.conv_params:,} in convolutions)",
        f"MACs {costs.macs:,}",
        f"activations {costs.activations:,}",
    ]


def budget_words(network: ConfiguredNetwork) -> list[str]:
    """The budget, the width that meets it and what it misses it by; nothing without a budget."""
    budget, solution = network.budget, network.solution
    if budget is None or solution is None:
        return []
    return [
        f"budget {budget.target:,.10g} {COST_WORDS[budget.cost]}",
        f"solved width {solution.width:.10g}",
        f"residual {solution.residual:+.2%}",
    ]
