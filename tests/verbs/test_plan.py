"""What a sweep would run, said before it runs."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from vggsweep.verbs import plan


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    plan.add_arguments(parser)
    assert plan.run(parser.parse_args([*words, "--json"])) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_every_point_of_a_small_space_is_planned_or_infeasible_with_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = planned(capsys, "arch.depth=range(3,8)", "arch.width=8,16", "--no-timing")
    assert content["space_size"] == 10
    assert len(content["configurations"]) == 8
    assert content["infeasible"]["share"] == pytest.approx(0.2)
    (reason,) = content["infeasible"]["reasons"]
    assert "arch.depth=3 is less than arch.num_blocks=4" in reason
    assert content["predicted_seconds"] is None


def test_planned_costs_are_those_of_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    stages = "arch.stages=[[1,16],[1,32],[2,64],[2,128],[2,128]],[[1,8]]"
    content = planned(capsys, stages, "head=vgg", "--no-timing")
    small = content["configurations"][0]
    norms = 2 * (16 + 32 + 2 * 64 + 4 * 128)
    assert (small["params_count"], small["depth"]) == (17_927_498 + norms, 8)


def test_endless_space_is_sampled(capsys: pytest.CaptureFixture[str]) -> None:
    content = planned(capsys, "space=[depth_width,optimizer]", "--no-timing")
    assert content["space_size"] is None
    assert content["is_sample"]
    assert len(content["configurations"]) == 200


def test_time_is_predicted_from_steps_on_this_device(capsys: pytest.CaptureFixture[str]) -> None:
    content = planned(capsys, "arch.width=2,4", "arch.num_blocks=2", "arch.depth=2", "dataset.limit=256")
    predicted = content["predicted_seconds"]
    assert 0 < predicted["per_trial"] < 60
    assert predicted["sweep"] == pytest.approx(2 * predicted["per_trial"])
