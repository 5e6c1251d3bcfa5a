"""The committed reference tables: the networks that the code builds still cost what they say."""

from __future__ import annotations

import csv
from dataclasses import asdict
from pathlib import Path

import pytest

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.counting import count_costs
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration, resolved

REFERENCE = Path(__file__).parents[2] / "outputs" / "reference"
COSTS = ("params", "conv_params", "macs", "activations", "depth", "width")


def networks(table: Path) -> set[tuple[tuple[str, str], ...]]:
    """Each network of a table once, with what it is said to cost."""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = ("arch", "contender", "stages", "head", "resolution", "dataset", *COSTS)
    return {tuple((name, row.get(name, "")) for name in names) for row in rows if row["state"] == "COMPLETE"}


def test_there_is_a_reference() -> None:
    assert sorted(path.parent.name for path in REFERENCE.glob("*/table.csv")) == [
        "deep_vs_shallow",
        "fast_cifar10",
        "fast_fashion",
        "iso_macs",
    ]


@pytest.mark.parametrize("table", sorted(REFERENCE.glob("*/table.csv")), ids=lambda path: path.parent.name)
def test_reference_costs_are_those_of_the_built_networks(table: Path) -> None:
    found = networks(table)

    assert found
    for network in found:
        said = dict(network)
        stages = ",".join(f"[{stage.replace('x', ',')}]" for stage in said["stages"].split("-"))
        # CIFAR-10 was read from a folder of its pictures, which is not here to count the classes of.
        said["dataset"] = said["dataset"].replace("image_folder", "cifar10")
        words = [f"{name}={said[name]}" for name in ("arch", "head", "dataset")]
        words += [f"arch.stages=[{stages}]", f"dataset.resolution={said['resolution']}"]
        if said["contender"].startswith("shallow"):
            words.append("arch.kernel_size=5")
        configured = configured_network(read_configuration(resolved(compose(words))))
        module = build_on_meta(configured.arch, configured.head, configured.shape)
        built = asdict(count_costs(module, configured.shape.channels, configured.shape.resolution))
        assert {name: str(built[name]) for name in COSTS} == {name: said[name] for name in COSTS}
