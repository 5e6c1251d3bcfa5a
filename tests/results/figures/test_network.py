"""The drawing of the best network: its boxes, without pixels."""

from __future__ import annotations

import importlib
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.results.figures.recorded_trials import NETWORK, SHAPE, configured, network_of, recorded
from tests.results.made_tables import GAP
from vggsweep.arch.costs import count, family_costs
from vggsweep.arch.settings import HeadSettings
from vggsweep.errors import NothingToDraw
from vggsweep.results.figures.network import MOST_BOXES, network_boxes, network_figure, network_parts
from vggsweep.settings import read_settings


@pytest.mark.parametrize(
    ("option", "labels"),
    {
        "vgg_scaled": "block1 block2 block3 block4 linear",
        "vgg16": "block1 block2 block3 block4 block5 linear1 linear2 linear3",
        "resnet50": "stem stage1 stage2 stage3 stage4 linear",
        "densenet121": "stem dense1 transition1 dense2 transition2 dense3 transition3 dense4 linear",
        "mobilenet_v2": "stem stage1 stage2 stage3 stage4 stage5 stage6 stage7 last linear",
        "convnext": "stem stage1 shrink1 stage2 shrink2 stage3 shrink3 stage4 linear",
        "regnet": "stem stage1 stage2 stage3 stage4 linear",
        "nin": "mlp1 mlp2 mlp3 gap",
        "lenet": "conv1 conv2 linear1 linear2 linear3",
        "vit": "patches block1–6 linear",
        "mlp": "linear1 linear2 linear",
    }.items(),
)
def test_boxes_are_stages_and_together_cost_what_the_network_costs(option: str, labels: str) -> None:
    network = network_of(configured(f"arch={option}"))

    boxes, costs = network_parts(network, SHAPE), count(network, SHAPE.image)

    assert " ".join(boxes["name"]) == labels
    assert (boxes["params"].sum(), boxes["macs"].sum()) == (costs.params, costs.macs)
    assert boxes["shape"].iloc[-1] == (10,)


def test_blocks_within_a_stage_and_blocks_without_one_are_counted() -> None:
    def contents(*words: str) -> list[str]:
        return network_parts(network_of(configured(*words)), SHAPE)["content"].tolist()

    assert contents("arch=resnet50")[:4] == ["conv", "3 × block", "4 × block", "6 × block"]
    assert contents("arch=vit")[1] == "6 × block"
    assert contents("arch=mlp", "arch.depth=5")[1] == "4 × linear"
    shortcuts = contents("arch=vgg_scaled", "arch.depth=16", "arch.residual=true")
    assert shortcuts == contents("arch=vgg_scaled", "arch.depth=16")
    assert shortcuts[:4] == ["2 × conv", "2 × conv", "6 × conv", "6 × conv"]


def test_the_most_accurate_trial_is_drawn_with_its_solved_width(tmp_path: Path) -> None:
    plain = configured("arch=vgg_scaled")
    plain["arch"]["width"] = 5.28
    costs = asdict(count(network_of(plain), SHAPE.image))
    plain["arch"]["width"] = None
    worse = recorded(tmp_path / "worse", configured("arch=vit"))
    solved = {**NETWORK, "solved_width": 5.28}
    better = recorded(tmp_path / "better", plain, network=solved, costs=costs)
    table = pd.concat([worse, better.assign(val_acc=0.9)], ignore_index=True)

    assert network_boxes(table)["shape"].tolist()[:2] == [(5, 32, 32), (11, 16, 16)]


def test_record_of_an_earlier_release_is_drawn(tmp_path: Path) -> None:
    plain = configured("arch=vgg_scaled")
    costs = asdict(count(network_of(plain), SHAPE.image))
    del plain["arch"]["residual"]

    assert len(network_boxes(recorded(tmp_path, plain, costs=costs))) == 5


def test_drawing_says_what_the_network_costs(tmp_path: Path) -> None:
    figure = network_figure(recorded(tmp_path, configured("arch=resnet50"), network={**NETWORK, "arch": "r"}))

    assert figure.get_suptitle() == "trial 3: r, depth 50, width 64\n23.5M parameters, 334M MACs"
    outlines, shares = figure.axes
    assert [label.get_text() for label in outlines.get_yticklabels()][:3] == [
        "image",
        "stem",
        "stage1: 3 × block",
    ]
    assert [label.get_text() for label in shares.get_yticklabels()][:2] == ["3 × 64 × 64", "64 × 16 × 16"]
    assert sum(bar.get_width() for bar in shares.patches) == pytest.approx(2)


@pytest.mark.parametrize(
    ("arch", "reason"),
    [
        ({"family": "torchvision", "name": "resnet18", "pretrained": False}, "is of no family"),
        (
            {"family": "os.path.Pyramid", "name": "mine"},
            "os.path.Pyramid, whose code no record may",
        ),
        ({"family": "antigravity.Pyramid", "name": "mine"}, "--family antigravity.Pyramid does"),
        ({"family": "vggsweep.arch.family.ScaledFamily", "name": "mine"}, "has no method describe"),
        ({"family": "mlp", "depth": 10**9}, "is larger than one can describe"),
        ({"family": "described", "layers": [{"repeat": 10**6, "layers": ["flatten"]}]}, "is larger than"),
        ({"family": "vgg_scaled", "name": "mine"}, "cannot be described again: arch.init is missing"),
        (None, "is of no family"),
    ],
)
def test_network_that_no_family_describes_is_not_drawn(tmp_path: Path, arch: Any, reason: str) -> None:
    with pytest.raises(NothingToDraw, match=reason):
        network_boxes(recorded(tmp_path, {"arch": arch, "head": GAP}, costs={}))


def test_network_that_costs_other_than_its_record_says_is_not_drawn(tmp_path: Path) -> None:
    with pytest.raises(NothingToDraw, match=r"^params in the record of trial 3 are not those"):
        network_boxes(recorded(tmp_path, configured("arch=vgg_scaled"), costs={"params": 1, "macs": 1}))


def test_record_that_went_missing_is_told(tmp_path: Path) -> None:
    table = recorded(tmp_path, configured("arch=vgg_scaled"))
    (tmp_path / "record.json").unlink()

    with pytest.raises(NothingToDraw, match="cannot be read"):
        network_boxes(table)


def test_network_of_very_many_parts_is_not_drawn(tmp_path: Path) -> None:
    layers = [{"conv": 4 + i} for i in range(MOST_BOXES)]
    plain = configured("arch=described")
    plain["arch"]["layers"] = layers

    with pytest.raises(NothingToDraw, match="41 parts"):
        network_boxes(recorded(tmp_path, plain))


def test_family_of_a_users_own_is_drawn_where_its_code_is_loaded_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[3] / "examples"))
    plain = configured("arch=vgg_scaled")
    plain["arch"] = {
        "family": "my_family.Pyramid",
        "name": "pyramid",
        "depth": 4,
        "width": 16,
        "growth": 2.0,
        "init": "torch",
    }
    monkeypatch.delitem(sys.modules, "my_family", raising=False)
    with pytest.raises(NothingToDraw, match="family my_family.Pyramid, whose code no record"):
        network_boxes(recorded(tmp_path, plain, costs={}))

    module = importlib.import_module("my_family")
    arch = read_settings(module.Pyramid, plain["arch"], "arch")
    costs = asdict(family_costs(arch, HeadSettings(**GAP), SHAPE))

    assert "block3" in network_boxes(recorded(tmp_path, plain, costs=costs))["name"].tolist()
