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


def test_a_budget_shows_solved_widths_residuals_and_what_no_width_reaches(
    capsys: pytest.CaptureFixture[str],
) -> None:
    content = planned(capsys, "budget=macs", "budget.target=2e6", "arch.depth=range(7,10)", "--no-timing")

    assert [item["depth"] for item in content["configurations"]] == [7, 9]
    for item in content["configurations"]:
        assert item["budget_residual"] == pytest.approx(item["macs"] / 2e6 - 1)
        assert abs(item["solved_width"] - item["width"]) <= 0.5
    (reason,) = content["infeasible"]["reasons"]
    assert "arch.depth=8 cannot cost 2,000,000 MACs: the nearest reachable is" in reason


def test_the_printed_plan_has_a_line_for_each_depth_of_a_budget(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    plan.add_arguments(parser)
    words = ["budget=macs", "budget.target=2e6", "arch.depth=range(7,10)", "--no-timing"]
    assert plan.run(parser.parse_args(words)) == 0

    text = capsys.readouterr().out
    assert "solved width" in text
    assert "+0.50%" in text
    assert "1 x arch.depth=8 cannot cost" in text


def test_several_workers_share_the_time_and_points_that_cannot_be_trained_take_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("arch.num_blocks=2", "arch.depth=range(1,7)", "arch.width=4", "sweep.replicates=2")
    seconds = planned(capsys, *words, "dataset.limit=64", "train.batch_size=16", "n_workers=3")[
        "predicted_seconds"
    ]
    # five depths of six, twice: ten trials, three at a time
    assert seconds["sweep"] == pytest.approx(4 * seconds["per_trial"])
