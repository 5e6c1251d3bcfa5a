"""The summary of networks that need not fit the data set they are asked about."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

import pytest

from vggsweep.errors import ConfigError, InfeasibleConfig
from vggsweep.verbs.summary import add_arguments, run


def summary(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_intermixed_args([*words, "--json"])) == 0
    return json.loads(capsys.readouterr().out)


def test_channels_and_classes_need_not_be_those_of_the_data_set(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary(capsys, "dataset.channels=5", "dataset.num_classes=77")

    assert found["layers"][-1]["output_shape"] == [1, 77]


def test_expanded_rows_name_the_layers_inside_each_block(capsys: pytest.CaptureFixture[str]) -> None:
    names = [layer["name"] for layer in summary(capsys, "arch=vgg_small", "--expand")["layers"]]

    assert names[:6] == [
        "block1.conv1",
        "block1.pool",
        "block1.act1",
        "block2.conv1",
        "block2.pool",
        "block2.act1",
    ]
    assert names[-1] == "linear3"


def test_other_families_are_counted_too(capsys: pytest.CaptureFixture[str]) -> None:
    found = summary(
        capsys, "arch=torchvision", "dataset=cifar10", "dataset.resolution=224", "dataset.num_classes=1000"
    )

    # torchvision publishes 11,689,512 parameters and 1.814 GMACs for resnet18
    assert found["totals"]["params"] == 11_689_512
    assert round(found["totals"]["macs"] / 1e9, 3) == 1.814


def test_network_that_cannot_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InfeasibleConfig, match="arch.depth=2 is less than arch.num_blocks=4"):
        summary(capsys, "arch.depth=2")
    with pytest.raises(ConfigError, match="dataset.root is missing"):
        summary(capsys, "dataset=image_folder")


def test_own_options_of_config_dir_are_found(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "arch").mkdir()
    (tmp_path / "arch" / "tiny.yaml").write_text("defaults: [vgg_scaled]\nname: tiny\ndepth: 4\n")

    assert summary(capsys, "arch=tiny", "--config-dir", str(tmp_path))["totals"]["depth"] == 4


def test_a_budget_says_the_width_that_it_solved_and_what_it_misses(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = summary(capsys, "budget=params", "budget.target=300e3", "arch.depth=12")

    budget, params = found["budget"], found["totals"]["params"]
    assert (budget["cost"], budget["target"], budget["tolerance"]) == ("params", 300_000, 0.02)
    assert budget["residual"] == pytest.approx(params / 300e3 - 1)
    by_hand = summary(capsys, f"arch.width={budget['solved_width']}", "arch.depth=12")
    assert by_hand["layers"] == found["layers"]
    assert "budget" not in by_hand


def test_the_printed_summary_ends_with_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["budget=macs", "budget.target=30e6", "arch.depth=12"])) == 0

    assert "budget 30,000,000 MACs  solved width 18.46875  residual -0.26%" in capsys.readouterr().out


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_total_is_parted_from_its_number(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert run(parser.parse_args(["arch=vgg16", "dataset=cifar10", "dataset.resolution=224"])) == 0

    totals = capsys.readouterr().out.rpartition("┘")[2]
    assert all(re.search(rf"{name} [\d,]+", totals) for name in ("depth", "params", "MACs", "activations"))
    assert len(max(totals.splitlines(), key=len)) <= max(
        width, len("params 134,301,514 (14,714,688 in convolutions)")
    )
