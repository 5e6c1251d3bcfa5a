"""The page as text: what it says, and that nothing a person named becomes markup or script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.results.made_tables import GAP, arch_settings, network, small_sweep
from vggsweep.errors import ConfigError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.disk.history import write_history
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record, write_record
from vggsweep.results.findings.evidence import (
    Evidence,
    SweepFacts,
    load_evidence,
    objective_accuracy,
    objective_cost,
)
from vggsweep.results.report import report_page
from vggsweep.results.statistics.front import pareto_front
from vggsweep.results.units import short_count

NASTY = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
NETWORK = tuple("arch depth width stages head resolution channels num_classes batch_norm".split())
COSTS = ("params", "conv_params", "macs", "activations")


@pytest.fixture(scope="module")
def evidence(record: Callable[..., Record], tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """Twelve trials of `small_sweep` on disk, one more damaged, with a ``sweep.yaml``."""
    return load_evidence([write_sweep(tmp_path_factory.mktemp("outputs") / "mine", record)])


@pytest.fixture(scope="module")
def page(evidence: Evidence) -> str:
    """Its report; a page takes a second to draw."""
    return report_page(evidence, version="1.2.3")


def write_trial(record: Callable[..., Record], folder: Path, number: int, **changes: Any) -> Path:
    directory = folder / "trials" / f"{number:05d}"
    directory.mkdir(parents=True)
    write_record(record(sweep=folder.name, trial=number, **changes), directory)
    return directory


def write_sweep(
    folder: Path, record: Callable[..., Record], reason: str = "The loss became NaN", **changes: Any
) -> SweepDirectory:
    """``small_sweep`` as files; ``changes`` go into every record."""
    for at, row in enumerate(small_sweep().astype(object).to_dict("records")):
        metrics = {
            name: row[name] for name in ("val_acc", "train_acc", "epochs_run") if row[name] == row[name]
        }
        swept = {"arch.depth": row["depth"], "arch.width": row["width"], **changes.get("swept", {})}
        arch = {"arch": arch_settings(row["depth"], row["width"]), "head": GAP}
        configuration = {**record().configuration, **arch, **changes.get("configuration", {})}
        directory = write_trial(
            record,
            folder,
            at,
            state=row["state"],
            reason={"FAIL": reason, "PRUNED": "pruned after epoch 1"}.get(row["state"]),
            network={name: row[name] for name in NETWORK},
            costs={name: row[name] for name in COSTS},
            metrics={**metrics, "val_images": 1_200},
            timings={
                "train_seconds": 4.5 + at,
                "started": f"2026-11-01T10:{at:02d}:00+00:00",
                "ended": f"2026-11-01T10:{at:02d}:40+00:00",
            },
            **{**changes, "swept": swept, "configuration": configuration},
        )
        if row["state"] != "FAIL":
            write_history(
                [{"epoch": e, "val_acc": 0.1 * e} for e in range(1, row["epochs_run"] + 1)],
                directory / "history.csv",
            )
    (folder / "trials" / "00099").mkdir()
    (folder / "trials" / "00099" / "record.json").write_text("{")
    (folder / "sweep.yaml").write_text(
        json.dumps(
            {
                "command": f"vggsweep -m space=depth_width sweep.name={folder.name}",
                "words": [],
                "objective": [{"name": "val_acc"}, {"name": "macs"}],
                "configuration": {"sweep": {"n_trials": 12}},
            }
        )
    )
    return SweepDirectory(folder)


class Elements(HTMLParser):
    """Every tag with its attributes, and the text outside of scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_page_says_the_verdict_the_failures_and_the_commands(page: str) -> None:
    text = Elements(page).text

    assert "Is a deeper or a wider network the better buy on fashion_mnist_mini?" in text
    assert "The most accurate of 9 networks is depth 6, width 12" in text
    assert "1,200 validation images" in text
    assert "The loss became NaN" in text
    assert "00099/record.json cannot be read" in text
    assert "vggsweep -m space=depth_width sweep.name=mine" in text
    assert "vggsweep 1.2.3" in text
    assert len(re.findall(r'<tr id="row-\d+"', page)) == 12


def test_page_holds_every_figure(page: str) -> None:
    assert (page.count('<figure class="card"'), page.count(" is not drawn: ")) == (10, 0)
    assert "Which images the deep and the wide miss" not in page, "no trial kept its answers"


def test_page_shows_the_best_network_and_says_what_it_costs(page: str) -> None:
    costs = re.search(r'<desc id="desc-network">([^<]*)</desc>', page)
    drawing = page[page.index('id="figure-network"') : page.index('id="figure-standings"')]

    assert costs is not None
    params, macs = (short_count(network(6, 12)[name]) for name in ("params", "macs"))
    assert costs[1] == f"trial 11: vgg_scaled, depth 6, width 12, {params} parameters, {macs} MACs"
    assert 'aria-labelledby="title-network desc-network"' in drawing
    assert all(f">{word}<" in drawing for word in ("image", "block3: 2 × conv", "96 × 2 × 2", "linear"))


def test_network_of_another_package_is_not_drawn(record: Callable[..., Record], tmp_path: Path) -> None:
    arch = {"family": "torchvision", "name": "resnet18", "pretrained": False}
    write_trial(record, tmp_path / "mine", 0, configuration={**record().configuration, "arch": arch})

    page = report_page(load_evidence([SweepDirectory(tmp_path / "mine")]))

    assert 'id="figure-network"' not in page
    assert "The best network</b> is not drawn: the network of trial 0 is of no family that describes" in page


def test_ids_are_unique_and_every_reference_has_its_target(page: str) -> None:
    elements = Elements(page)
    ids = [attributes["id"] for _, attributes in elements.tags if "id" in attributes]
    references = {attributes["xlink:href"] for _, attributes in elements.tags if "xlink:href" in attributes}
    references |= {attributes["href"] for tag, attributes in elements.tags if tag == "a"}
    references |= {f"#{name}" for name in re.findall(r"url\(#([^)]+)\)", page)}

    assert len(ids) == len(set(ids))
    inside = {reference for reference in references if not str(reference).startswith("data:")}
    assert inside <= {f"#{name}" for name in ids}


def test_page_asks_nothing_of_a_network(page: str) -> None:
    names = ("src", "href", "xlink:href", "srcset", "action", "poster", "data")
    sources = [
        value for _, attributes in Elements(page).tags for name, value in attributes.items() if name in names
    ]

    assert sources
    assert all(str(source).startswith(("#", "data:")) for source in sources)
    assert not re.search(r"@import|url\(['\"]?(?!#|data:)", page)


def data_of(page: str) -> dict[str, Any]:
    found = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0]
    assert "<" not in found
    return dict(json.loads(found))


def test_what_people_named_is_text(record: Callable[..., Record], tmp_path: Path) -> None:
    """Sweep, reason, override, device, setting and data set all try to become script at once."""
    folder = tmp_path / "a'b\"<script>x<"
    sweep = write_sweep(
        folder,
        record,
        reason=NASTY,
        overrides=(f"dataset.root={NASTY}",),
        environment={"device_name": NASTY, "precision": NASTY},
        configuration={"dataset": {"name": NASTY}, "train": {"epochs": 3}, "seed": 0},
        swept={NASTY: NASTY},
    )
    other = sweep.trial(1).record
    other.write_text(
        other.read_text().replace(json.dumps({NASTY: NASTY})[1:-1], json.dumps({NASTY: "x"})[1:-1])
    )

    page = report_page(load_evidence([sweep]))
    elements = Elements(page)

    assert [tag for tag, _ in elements.tags].count("script") == 3
    assert not any("onerror" in attributes for _, attributes in elements.tags)
    assert all(str(a.get("src", "data:")).startswith("data:") for tag, a in elements.tags if tag == "img")
    assert NASTY in elements.text
    assert NASTY in data_of(page)["how"]["0"]["how"]


def test_cost_is_that_of_the_objective_unless_another_is_named(evidence: Evidence) -> None:
    assert objective_cost(evidence) == "macs"
    params = replace(evidence.sweeps[0], objective=("val_acc", "params"))
    assert objective_cost(replace(evidence, sweeps=(params,))) == "params"
    assert objective_cost(replace(evidence, sweeps=(params, *evidence.sweeps))) == "macs"
    assert data_of(report_page(evidence, x="params"))["chart"]["costs"][0]["name"] == "params"


def test_accuracy_is_that_of_the_objective(evidence: Evidence) -> None:
    assert objective_accuracy(evidence) == "val_acc"
    balanced = (replace(evidence.sweeps[0], objective=("balanced_acc",)),)
    assert objective_accuracy(replace(evidence, sweeps=balanced)) == "val_acc", "no trial has it"
    table = evidence.table.assign(balanced_acc=0.5)
    assert objective_accuracy(replace(evidence, sweeps=balanced, table=table)) == "balanced_acc"


def test_classes_of_unequal_number_are_shown_the_least_accurate_first(
    record: Callable[..., Record], tmp_path: Path
) -> None:
    def text(name: str, images: list[int]) -> str:
        counted = {"class_names": ["cat", "<b>dog"], "class_images": images, "class_acc": [0.875, 0.25]}
        metrics = {**record().metrics, **counted, "balanced_acc": 0.5625}
        write_trial(record, tmp_path / name, 0, metrics=metrics)
        return " ".join(Elements(report_page(load_evidence([SweepDirectory(tmp_path / name)]))).text.split())

    uneven = text("uneven", [1600, 1000])
    assert "Class by class" in uneven
    assert "<b>dog0.25001,000 cat0.87501,600" in uneven
    assert "Class by class" not in text("even", [1500, 1000])


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("macz", "no column 'macz'. Did you mean 'macs'"),
        ("test_acc", "test_acc chooses nothing"),
    ],
)
def test_cost_that_no_trial_has_is_refused(evidence: Evidence, column: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        report_page(evidence, x=column)


def test_front_of_the_chart_is_that_of_the_table(page: str, evidence: Evidence) -> None:
    chart = data_of(page)["chart"]

    for cost in chart["costs"]:
        points = [chart["points"][point] for front in cost["fronts"] for point in front["points"]]
        is_front = pareto_front(evidence.table, cost["name"])
        assert {point["trial"] for point in points} == set(evidence.table["trial"][is_front]), cost["name"]


@pytest.mark.parametrize("state", ["FAIL", "PRUNED"])
def test_sweep_in_which_nothing_finished_has_a_page(
    state: str, record: Callable[..., Record], tmp_path: Path
) -> None:
    changes = {"state": state, "reason": "why", "metrics": {"epochs_run": 0}, "measurements": {}}
    write_trial(record, tmp_path / "mine", 0, **changes)

    text = Elements(report_page(load_evidence([SweepDirectory(tmp_path / "mine")]))).text

    assert f"No trial has finished (1 {state})" in text


def test_empty_sweep_has_a_page(tmp_path: Path) -> None:
    (tmp_path / "mine" / "trials").mkdir(parents=True)

    text = Elements(report_page(load_evidence([SweepDirectory(tmp_path / "mine")]))).text

    assert "No trial has finished (none was run)" in text


def test_several_sweeps_stand_on_one_page(record: Callable[..., Record], tmp_path: Path) -> None:
    page = report_page(load_evidence([write_sweep(tmp_path / name, record) for name in ("one", "two")]))

    assert "one, two · vggsweep report" in page
    assert len(re.findall(r'<tr id="row-\d+"', page)) == 24


def test_points_that_were_no_networks_are_told_with_their_reason(
    record: Callable[..., Record], tmp_path: Path
) -> None:
    directory = write_sweep(tmp_path / "mine", record)
    line = "2 points are no networks (arch.depth=9, 10): arch.depth=9 is no depth of this family"
    directory.best.write_text(yaml.safe_dump({"name": "vggsweep", "infeasible": [line]}))

    assert f"Sweep mine: {line}." in Elements(report_page(load_evidence([directory]))).text


def test_networks_of_equal_cost_are_drawn_over_depth(record: Callable[..., Record], tmp_path: Path) -> None:
    for number, (depth, macs) in enumerate([(4, 1_000_000), (6, 1_010_000), (8, 990_000)]):
        network = {
            "arch": "vgg_scaled",
            "depth": depth,
            "width": 40 // depth,
            "head": "gap",
            "resolution": 32,
        }
        costs = {"macs": macs, "params": 1000 * depth}
        write_trial(
            record,
            tmp_path / "mine",
            number,
            network=network,
            costs=costs,
            swept={"arch.depth": depth},
            configuration={**record().configuration, "arch": {"depth": depth}},
        )

    page = report_page(load_evidence([SweepDirectory(tmp_path / "mine")]))

    first, second = data_of(page)["chart"]["costs"][:2]
    assert (first["name"], first["fronts"]) == ("depth", [])
    assert (second["name"], len(second["fronts"])) == ("macs", 0)
    assert " data-front>" not in page
    assert ">front</option>" not in page
    assert "equal within 2.0%" in Elements(page).text
    assert "up to macs" not in Elements(page).text  # no hypervolume of a front over equal costs


def test_a_sweep_of_fair_rates_is_judged_at_each_ones_own_rate_beside_the_common_one(
    record: Callable[..., Record], tmp_path: Path
) -> None:
    searched = {4: {0.01: 0.80, 0.1: 0.86, 1.0: 0.80}, 8: {0.01: 0.86, 0.1: 0.80, 1.0: 0.2}}
    trials = [(depth, lr, 5, value) for depth, values in searched.items() for lr, value in values.items()]
    trials += [(4, 0.1, 6, 0.86), (8, 0.1, 6, 0.80), (4, 0.099, 6, 0.86), (8, 0.01, 6, 0.89)]
    for number, (depth, lr, seed, value) in enumerate(trials):
        of = network(depth, 64 // depth)
        configuration = {**record().configuration, "optimizer": {"name": "sgd", "lr": lr}, "seed": seed}
        write_trial(
            record,
            tmp_path / "mine",
            number,
            configuration={**configuration, "arch": arch_settings(depth, 64 // depth), "head": GAP},
            network={name: of[name] for name in NETWORK},
            costs={name: of[name] for name in COSTS},
            metrics={"val_acc": value, "epochs_run": 1, "val_images": 1_200},
            swept={"arch.depth": depth, "optimizer.lr": lr},
        )
    facts = SweepFacts("mine", objective=("val_acc",), fair=FairFacts(common_rate=0.1, seed=5))
    evidence = load_evidence([SweepDirectory(tmp_path / "mine")])
    page = report_page(replace(evidence, sweeps=(facts,)))

    section = page[page.index('<section id="fair-rates">') :]
    section = section[: section.index("</section>")]
    assert "Every network at optimizer.lr=0.1:" in section
    assert "Each network at its own rate:" in section
    assert "the best rate of depth 8, width 8, 0.01, lies on the edge" in section.replace(
        "The best", "the best"
    )
    assert 'id="figure-fair-rates"' in page
    answer = page[page.index('<p class="answer">') :].split("</p>")[0]
    assert "is depth 8, width 8, lr 0.01 (" in answer
    chart = json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)[0])
    assert len(chart["chart"]["points"]) == 2, "the chart shows what is judged, not the search"
