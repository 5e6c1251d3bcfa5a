"""What a sweep would run, said before it runs."""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict
from math import log2
from pathlib import Path
from typing import Any

import pytest

from tests.sweep.conftest import begin, drain, scheduler_of, spec_of
from vggsweep.configuration.network import configured_network
from vggsweep.configuration.schema import read_configuration
from vggsweep.errors import ConfigError
from vggsweep.results.disk.record import Record, write_record
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


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    parser = argparse.ArgumentParser()
    plan.add_arguments(parser)
    assert plan.run(parser.parse_args(plan.prepare_words([*words, "--no-timing"]))) == 0
    return capsys.readouterr().out


def test_line_of_a_sweep_is_planned_with_its_flag_in_plain_words(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "-m", "optimizer.lr=tag(log,interval(0.01,0.3))", "n_trials=4")

    assert "4 trials; the sampler draws them from an endless space" in text
    assert "optimizer.lr: any number from 0.01 to 0.3, on a logarithmic scale" in text
    assert "4 configurations that it may try" in text
    assert "Distribution(" not in text


def test_small_space_is_said_to_be_run_whole(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, "arch.depth=range(4,7)", "arch.width=4,8")

    assert "every point of a space of 6 once" in text
    assert "arch.depth: whole numbers from 4 to 6" in text
    assert "arch.width: one of 4, 8" in text


def test_several_workers_share_the_predicted_time(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "predict_seconds", lambda *arguments: 10.0)

    predicted = planned(capsys, "arch.depth=4,5,6,7", "n_workers=2")["predicted_seconds"]

    assert predicted == {"per_trial": 10.0, "sweep": 20.0}


def test_plan_of_a_stock_sweeper_is_refused() -> None:
    with pytest.raises(ConfigError, match="hydra/sweeper=basic decides by itself"):
        plan.run(argparse.Namespace(overrides=["hydra/sweeper=basic", "arch.depth=4,5"], config_dir=None))


def test_several_workers_share_the_time_and_points_that_cannot_be_trained_take_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("arch.num_blocks=2", "arch.depth=range(1,7)", "arch.width=4", "sweep.replicates=2")
    seconds = planned(capsys, *words, "dataset.limit=64", "train.batch_size=16", "n_workers=3")[
        "predicted_seconds"
    ]
    # five depths of six, twice: ten trials, three at a time
    assert seconds["sweep"] == pytest.approx(4 * seconds["per_trial"])


def test_trials_that_an_earlier_sweep_has_trained_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("arch.depth=4,5", "measure=none")
    drain(scheduler_of(spec_of(*words, "sweep.name=earlier")))
    more = ("arch.depth=4,5,6", "measure=none", "sweep.warm_start=earlier", "sweep.replicates=2")
    assert planned(capsys, *more, "--no-timing")["taken_over"] == 2
    assert planned(capsys, *more, "train.epochs=1", "--no-timing")["taken_over"] == 0
    assert planned(capsys, *words, "--no-timing")["taken_over"] == 0


@pytest.fixture
def earlier(own_folder: Path) -> Path:
    """``outputs/earlier``: records of nine networks at 32 px, as a sweep of these words leaves them."""
    spec = spec_of("arch.depth=4,6,8", "arch.width=8,12,16", "sweep.name=earlier", "train.epochs=2")
    for number, point in enumerate(spec.space.points()):
        plain = spec.composer.compose(spec.space.words(point))
        network = configured_network(read_configuration(plain))
        costs = asdict(network.costs)
        doublings = log2(costs["macs"] / 3e6)
        record = Record(
            sweep="earlier",
            trial=number,
            state="COMPLETE",
            reason=None,
            configuration_hash=f"{number:064d}",
            configuration=plain,
            network={
                "arch": "vgg_scaled",
                "depth": costs["depth"],
                "width": costs["width"],
                "head": "gap",
                **asdict(network.shape),
            },
            costs={name: costs[name] for name in ("params", "conv_params", "macs", "activations")},
            metrics={"val_acc": 1 - 0.2 * 2 ** (-0.2 * doublings), "val_images": 1200, "epochs_run": 2},
            timings={"train_seconds": 20 * 2 ** (0.5 * doublings)},
            environment={"device_name": "a CPU", "precision": "fp32"},
            swept=dict(point),
            data_fingerprint=spec.fingerprints.of(plain).digest,
        )
        (directory := own_folder / "outputs" / "earlier" / "trials" / f"{number:05d}").mkdir(parents=True)
        write_record(record, directory)
    return own_folder / "outputs" / "earlier"


SAME = ("train.epochs=2", "arch.width=8,20,96")


def test_accuracy_and_time_are_predicted_from_what_was_trained_alike(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = planned(capsys, *SAME, "--no-timing")
    found = content["forecast"]
    assert found["networks"] == 9
    for network, accuracy, seconds in zip(
        content["configurations"], found["accuracies"], found["seconds"], strict=True
    ):
        doublings = log2(network["macs"] / 3e6)
        assert accuracy["low"] < 1 - 0.2 * 2 ** (-0.2 * doublings) < accuracy["high"]
        assert seconds["low"] < 20 * 2 ** (0.5 * doublings) < seconds["high"]
    assert [one["is_far"] for one in found["accuracies"]] == [False, False, True]
    assert found["sweep"] == pytest.approx(3 * found["per_trial"]["middle"])
    text = printed(capsys, *SAME)
    assert "predicted from 9 networks of earlier that were trained alike" in text
    assert "* lies beyond 2 times what was trained: an extrapolation." in text


def test_a_training_that_two_sweeps_hold_is_one_to_predict_from(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = planned(capsys, *SAME, "--no-timing")["forecast"]
    shutil.copytree(earlier, earlier.with_name("again"))
    for path in earlier.with_name("again").glob("trials/*/record.json"):
        path.write_text(path.read_text().replace('"sweep": "earlier"', '"sweep": "again"'))

    both = planned(capsys, *SAME, "--no-timing")["forecast"]

    assert both["networks"] == 9
    assert both["accuracies"] == alone["accuracies"]
    assert both["seconds"] == alone["seconds"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("train.epochs=3", "arch.width=8,24"), "its train.epochs differs from this sweep's"),
        (("train.epochs=2", "optimizer.lr=0.1,0.2"), "this sweep varies optimizer.lr as well"),
        (
            ("train.epochs=2", "arch.width=8,24", "optimizer.lr=0.02"),
            "its optimizer.lr differs from this sweep's",
        ),
    ],
)
def test_nothing_is_predicted_from_what_was_trained_otherwise(
    earlier: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    assert planned(capsys, *words, "--no-timing")["forecast"] is None
    with pytest.raises(ConfigError, match=f"--like earlier: .*{told}"):
        planned(capsys, *words, "--no-timing", "--like", "earlier")


def test_a_sweep_to_be_like_that_does_not_exist_is_told(earlier: Path) -> None:
    with pytest.raises(ConfigError, match="No sweep 'earlyer'.*earlier"):
        plan.run(argparse.Namespace(overrides=list(SAME), config_dir=None, like="earlyer"))


def test_one_prediction_of_the_time_is_printed_and_says_where_it_is_from(
    earlier: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_torch = printed(capsys, *SAME)
    assert without_torch.count("predicted: ") == 1
    assert "for the sweep, as these trained on a CPU, fp32; without what a pruner saves." in without_torch

    parser = argparse.ArgumentParser()
    plan.add_arguments(parser)
    assert plan.run(parser.parse_args(["train.epochs=2", "arch.width=8,9", "dataset.limit=null"])) == 0
    here = capsys.readouterr().out
    assert here.count("predicted: ") == 1, "trials of another machine say nothing of the time on this one"
    assert "from a few steps timed now" in here
    assert "val_acc, 90 %" in here


def test_what_is_done_is_not_planned_again(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("arch.depth=4,5,6", "measure=none", "sweep.name=s")
    begin(spec_of(*words, "n_trials=2"))

    half = planned(capsys, *words, "--no-timing")
    assert (half["done"], half["left"]) == (2, 1)
    assert "2 trials of s are done, 1 is left." in printed(capsys, *words)
    assert planned(capsys, *words, "train.epochs=3", "--no-timing")["left"] == 3, "another sweep of the name"

    begin(spec_of(*words, "n_trials=3"))
    content = planned(capsys, *words)
    assert (content["done"], content["left"]) == (3, 0)
    assert content["predicted_seconds"] is None
    text = printed(capsys, *words)
    assert "Nothing is left to train: 3 trials of s are done. `vggsweep report s` reads them." in text
    assert "predicted" not in text


def test_results_that_are_all_taken_over_leave_nothing_to_train(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("arch.depth=4,5", "measure=none")
    drain(scheduler_of(spec_of(*words, "sweep.name=earlier")))

    text = printed(capsys, *words, "sweep.warm_start=earlier", "sweep.name=later")

    assert "Nothing is left to train: sweep.warm_start knows every result." in text


def test_of_searched_rates_nothing_is_left_when_all_networks_are_compared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ("arch.depth=4,5", "optimizer.lr=0.02,0.1,0.6", "sweep.fair_lr=1", "sweep.name=s", "n_trials=99")
    begin(spec_of(*words))

    assert planned(capsys, *words, "--no-timing")["left"] == 0
