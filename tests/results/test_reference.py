"""The committed references: networks cost what the tables say, and the evidence says the sentences."""

from __future__ import annotations

import csv
import re
import tarfile
from dataclasses import asdict
from pathlib import Path

import pytest

from vggsweep.arch.build import build_on_meta
from vggsweep.arch.counting import count_costs
from vggsweep.configuration.compose import compose
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration, resolved
from vggsweep.results.disk.answers import read_answers
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.findings.fair_rates import fair_sentences
from vggsweep.results.findings.judgement import judge

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
        "cifar_1M",
        "deep_vs_shallow",
        "fashion_1M",
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
        said["dataset"] = re.sub("image_folder|arrays", "cifar10", said["dataset"])
        words = [f"{name}={said[name]}" for name in ("arch", "head", "dataset")]
        words += [f"arch.stages=[{stages}]", f"dataset.resolution={said['resolution']}"]
        if said["contender"].startswith("shallow"):
            words.append("arch.kernel_size=5")
        configured = configured_network(read_configuration(resolved(compose(words))))
        module = build_on_meta(configured.arch, configured.head, configured.shape)
        built = asdict(count_costs(module, configured.shape.channels, configured.shape.resolution))
        assert {name: str(built[name]) for name in COSTS} == {name: said[name] for name in COSTS}


@pytest.mark.parametrize(
    "archive", sorted(REFERENCE.glob("*/sweep.tar.xz")), ids=lambda path: path.parent.name
)
def test_every_sentence_follows_from_the_stored_evidence(archive: Path, tmp_path: Path) -> None:
    with tarfile.open(archive) as file:
        file.extractall(tmp_path, filter="data")
    sweep = SweepDirectory(tmp_path / archive.parent.name)
    readme = " ".join((REFERENCE / "README.md").read_text(encoding="utf-8").replace("> ", "").split())

    evidence = load_evidence([sweep], keeps_index=False)
    found = judge(evidence)

    for label, record in evidence.records.items():  # refuses answers whose sum is another accuracy
        assert read_answers(Path(str(evidence.table["dir"][label])), record.metrics["val_acc"]) is not None
    assert found.fair is not None
    for where, answer in fair_sentences(found.fair):
        assert f"{where}: {answer}" in readme
