"""Networks are built from records alone, and each architecture once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from vggsweep.arch.describe import network_costs
from vggsweep.errors import ConfigError
from vggsweep.results.disk.layout import SweepDirectory, TrialDirectory
from vggsweep.results.disk.record import Record, read_record
from vggsweep.retiming.networks import candidates, middle

Trial = tuple[TrialDirectory, Record]
Made = Callable[..., Trial]


@pytest.fixture
def made(tiny: Callable[..., dict[str, Any]], own_folder: Path) -> Made:
    """``made(3, "arch.depth=4")``: the third trial of a sweep with these words, as a record says it."""

    def build(number: int, *words: str, **changes: Any) -> Trial:
        values: dict[str, Any] = {
            "configuration": tiny(*words),
            "network": {"resolution": 28, "channels": 1, "num_classes": 10},
            "costs": {"macs": 1000 * (1 + number), "params": 100},
        }
        directory = SweepDirectory(own_folder / "outputs" / "mine").trial(number)
        return directory, Record("mine", number, "COMPLETE", None, "0" * 64, **{**values, **changes})

    return build


def test_trials_that_differ_in_no_layer_are_one_network(made: Made) -> None:
    trials = [
        made(0, "seed=0"),
        made(1, "arch.width=8"),
        made(2, "seed=1", "optimizer.lr=0.5"),
        made(3, "train.channels_last=false"),
        made(4, "dataset.resolution=40"),
    ]
    found = candidates(trials)

    assert [[trial.address for trial in one.trials] for one in found] == [
        ["mine/0", "mine/2"],
        ["mine/1"],
        ["mine/3"],
        ["mine/4"],
    ]


def test_what_is_built_is_what_was_trained(quickstart: Path) -> None:
    sweep = SweepDirectory(quickstart)
    trials = [(sweep.trial(at), read_record(sweep.trial(at).record)) for at in sweep.begun_trials()]

    for one, (_, record) in zip(candidates(trials), trials, strict=True):
        network = one.build(torch.device("cpu"))
        images = one.images(3, torch.device("cpu"))
        assert sum(parameter.numel() for parameter in network.parameters()) == record.costs["params"]
        assert network_costs(one.arch, one.head, one.shape).macs == record.costs["macs"]
        assert network(images).shape == (3, 10)
        assert not network.training


def test_a_folder_of_pictures_need_not_be_there(made: Made, own_folder: Path) -> None:
    network = {"resolution": 16, "channels": 3, "num_classes": 7}
    words = ("dataset=image_folder", f"dataset.root={own_folder / 'gone'}", "dataset.resolution=16")
    (one,) = candidates([made(0, *words, "dataset.limit=null", network=network)])

    assert one.build(torch.device("cpu"))(one.images(1, torch.device("cpu"))).shape == (1, 7)


def test_a_record_of_an_unknown_network_is_named(made: Made) -> None:
    directory, record = made(0)
    plain = json.loads(json.dumps(record.configuration))
    plain["arch"]["family"] = "hypernet"

    with pytest.raises(ConfigError, match="mine/0 cannot be built again: "):
        candidates([(directory, replace(record, configuration=plain))])


def test_the_reference_is_of_the_middle_by_macs(made: Made) -> None:
    found = candidates([made(at, f"arch.width={4 + at}") for at in (7, 1, 3, 9, 2)])
    assert middle(found).address == "mine/3"
