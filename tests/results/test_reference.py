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
from vggsweep.results.disk.confirmation import read_confirmation
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.findings import confirmed
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.findings.fair_rates import fair_sentences
from vggsweep.results.findings.judgement import judge
from vggsweep.results.scaling.fit import fit_scaling
from vggsweep.results.scaling.words import fit_sentences
from vggsweep.sweep.tested import open_tests

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
        "cifar_4M",
        "deep_vs_shallow",
        "fashion_1M",
        "fashion_4M",
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


def unpacked(name: str, folder: Path, archive: str = "sweep") -> SweepDirectory:
    """A committed sweep, or its confirmation, as a directory."""
    with tarfile.open(REFERENCE / name / f"{archive}.tar.xz") as file:
        file.extractall(folder, filter="data")
    return SweepDirectory(folder / (name if archive == "sweep" else f"{name}-confirm"))


def quoted() -> str:
    """The README of the references on one line."""
    return " ".join((REFERENCE / "README.md").read_text(encoding="utf-8").replace("> ", "").split())


@pytest.mark.parametrize("name", sorted(path.parent.name for path in REFERENCE.glob("*/sweep.tar.xz")))
def test_every_verdict_follows_from_the_stored_evidence(name: str, tmp_path: Path) -> None:
    evidence = load_evidence([unpacked(name, tmp_path)], keeps_index=False)

    found = judge(evidence).fair

    for label, record in evidence.records.items():  # refuses answers whose sum is another accuracy
        assert read_answers(Path(str(evidence.table["dir"][label])), record.metrics["val_acc"]) is not None
    assert found is not None
    for where, answer in fair_sentences(found):
        assert f"{where}: {answer}" in quoted()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in REFERENCE.glob("*/confirm.tar.xz")))
def test_every_confirmation_follows_from_the_answers_to_the_test_set(name: str, tmp_path: Path) -> None:
    sweep = unpacked(name, tmp_path, "confirm")
    confirmation = read_confirmation(sweep.confirmation)
    assert confirmation is not None
    assert confirmation.result is not None

    found = confirmed.judge(confirmation, open_tests(sweep, confirmation, "cpu", ["confirm", name]))

    assert found["verdict"] == confirmation.result["verdict"]
    assert found["verdict"] in quoted()


@pytest.mark.parametrize("data", ["fashion", "cifar"])
def test_what_a_doubling_buys_follows_from_the_stored_evidence(data: str, tmp_path: Path) -> None:
    sweeps = [unpacked(f"{data}_{budget}", tmp_path) for budget in ("1M", "4M")]
    evidence = load_evidence(sweeps, "seed > 0 and lr != 0.1", keeps_index=False)

    sentences = fit_sentences(fit_scaling(evidence.table))

    assert any("doubling depth" in sentence for sentence in sentences)
    for sentence in sentences:
        assert sentence in quoted()
