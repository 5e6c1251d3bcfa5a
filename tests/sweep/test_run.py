"""Whole sweeps, as a person runs them: the real command in a real process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from optuna.trial import TrialState

from tests.processes import PATIENCE, Command
from vggsweep.results.disk.history import read_history
from vggsweep.results.disk.layout import SweepDirectory, sweep_directory
from vggsweep.results.disk.record import Record
from vggsweep.results.tables.table import read_records
from vggsweep.sweep.recovery.reading import read_study
from vggsweep.sweep.storage.trial_attrs import INFEASIBLE, counted

Start = Callable[..., Command]


def records_of(sweep: SweepDirectory) -> list[Record]:
    records, damaged = read_records(sweep.path)
    assert damaged == []
    return [record for _, record in records]


def test_choices_of_groups_run_every_combination_as_hydra_users_expect(start: Start) -> None:
    command = start("-m", "optimizer=sgd,adamw", "augment=none,flip", "train.epochs=1", "sweep.name=grid")
    assert command.end() == 0, command.text
    records = records_of(sweep_directory("grid"))
    pairs = [(r.configuration["optimizer"]["name"], r.configuration["augment"]["name"]) for r in records]
    assert pairs == [("sgd", "none"), ("sgd", "flip"), ("adamw", "none"), ("adamw", "flip")]
    assert "Sweep grid: every point of the space is done (4 COMPLETE)." in command.text


def test_sweep_leaves_table_front_and_best_with_trial_numbers(quickstart: Path) -> None:
    sweep = SweepDirectory(quickstart)
    assert sweep.table.read_text().startswith("sweep,trial,state,arch,depth,width,")
    assert sweep.front.read_bytes().startswith(b"\x89PNG")
    best = yaml.safe_load(sweep.best.read_text())
    assert [objective["name"] for objective in best["objectives"]] == ["val_acc", "macs"]
    by_number = {record.trial: record for record in records_of(sweep)}
    for solution in best["solutions"]:
        record = by_number[solution["trial"]]
        assert solution["values"] == [record.metrics["val_acc"], record.costs["macs"]]
        assert solution["params"] == {
            "arch.depth": record.network["depth"],
            "arch.width": record.network["width"],
        }


@pytest.mark.parametrize(
    ("sampler", "objective", "pruner"),
    [
        pytest.param("tpe", "val_acc", "successive_halving", marks=pytest.mark.slow),
        ("nsgaii", "acc_vs_macs", "pareto"),
        # pruners of Optuna's and pairs of what stands above
        pytest.param("tpe", "val_acc", "median", marks=pytest.mark.slow),
        pytest.param("tpe", "acc_vs_macs", "pareto", marks=pytest.mark.slow),
        pytest.param("gp", "acc_vs_params", "pareto", marks=pytest.mark.slow),
        pytest.param("random", "val_acc", "hyperband", marks=pytest.mark.slow),
        pytest.param("gp", "val_acc", "pareto", marks=pytest.mark.slow),
    ],
)
def test_pruned_trials_end_early_and_keep_their_history(
    start: Start, sampler: str, objective: str, pruner: str
) -> None:
    eager = {"median": ["pruner.startup_trials=2"], "successive_halving": [], "hyperband": [], "pareto": []}
    command = start(
        "-m",
        "optimizer.lr=tag(log, interval(1e-4, 3e-1))",
        "arch.width=range(2,9)",
        "n_trials=10",
        "train.epochs=4",
        f"hydra/sweeper/sampler={sampler}",
        f"objective={objective}",
        f"pruner={pruner}",
        *eager[pruner],
        "sweep.name=pruned",
    )
    assert command.end() == 0, command.text
    sweep = sweep_directory("pruned")
    study = read_study(sweep)
    states = {trial.number: trial.state for trial in study.get_trials()}
    pruned = [record for record in records_of(sweep) if record.state == "PRUNED"]
    assert len(counted(study.get_trials())) == 10
    assert pruned, command.text
    for record in pruned:
        assert states[record.trial] is TrialState.PRUNED
        assert record.metrics["epochs_run"] < 4
        assert len(read_history(sweep.trial(record.trial).history)) == record.metrics["epochs_run"]


def test_failures_are_isolated_and_carry_their_reasons(start: Start, own_folder: Path) -> None:
    command = start(
        "-m",
        "optimizer.lr=1e30,0.1",
        "dataset.resolution=2,32",
        "train.epochs=2",
        "n_trials=6",
        "sweep.max_failures=1",
        "sweep.name=hard",
    )
    assert command.end() == 0, command.text
    records = records_of(sweep_directory("hard"))
    failed = [record for record in records if record.state == "FAIL"]
    assert [record.state for record in records if record not in failed] == ["COMPLETE"]
    assert failed
    assert all("NaN or infinite in epoch" in str(record.reason) for record in failed)
    assert "INFEASIBLE" in command.text
    assert all(record.network["resolution"] == 32 for record in records)


USERS_NETWORK = """
from torch import nn

class Fragile(nn.Sequential):
    def __init__(self, channels, num_classes, breaks):
        if breaks == "built":
            raise ValueError("a network of no layers")
        super().__init__(nn.Conv2d(channels, 4, 3), nn.Flatten(), nn.LazyLinear(num_classes))
        self.breaks = breaks

    def forward(self, images):
        if self.training and self.breaks == "trained":
            raise KeyError("a slip in training")
        return super().forward(images)
"""


def test_exception_from_a_users_network_costs_that_trial_alone(start: Start, own_folder: Path) -> None:
    (own_folder / "user_networks.py").write_text(USERS_NETWORK)
    command = start(
        "-m",
        "arch=custom",
        "arch.target=user_networks.Fragile",
        "+arch.options.breaks=never,built,trained",
        "sweep.max_failures=1",
        "sweep.name=user",
    )
    assert command.end() == 0, command.text
    assert "(1 COMPLETE, 1 FAIL, 1 INFEASIBLE)" in command.text
    reasons = [trial.user_attrs.get(INFEASIBLE, "") for trial in read_study(sweep_directory("user")).trials]
    assert "ValueError: a network of no layers" in reasons[1]
    whole, failed = records_of(sweep_directory("user"))
    assert (whole.state, whole.swept) == ("COMPLETE", {"arch.options.breaks": "never"})
    assert (failed.state, failed.swept) == ("FAIL", {"arch.options.breaks": "trained"})
    assert "KeyError: 'a slip in training'" in str(failed.reason)


def test_continued_sweep_runs_nothing_again_and_more_trials_can_be_asked_for(start: Start) -> None:
    line = (
        "-m",
        "arch.width=range(2,30)",
        "train.epochs=1",
        "hydra/sweeper/sampler=random",
        "sweep.name=more",
    )
    assert start(*line, "n_trials=2").end() == 0
    before = {record.trial: record for record in records_of(sweep_directory("more"))}
    assert start(*line, "n_trials=2").end() == 0
    assert start(*line, "n_trials=3").end() == 0
    after = {record.trial: record for record in records_of(sweep_directory("more"))}
    assert len(after) == 3
    assert {number: after[number] for number in before} == before


def test_changed_sweep_is_refused_with_the_difference_and_exit_code_two(start: Start) -> None:
    assert start("-m", "arch.width=2,4", "train.epochs=1", "sweep.name=mine").end() == 0
    command = start("-m", "arch.width=2,4", "train.epochs=3", "sweep.name=mine")
    assert command.end() == 2
    assert "train.epochs: 1 → 3" in command.text
    assert "Traceback" not in command.text


def test_equal_cost_sweep_trains_each_depth_at_the_width_that_its_budget_solves(start: Start) -> None:
    words = ("train.epochs=1", "budget=macs", "budget.target=3e5", "budget.tolerance=0.05", "arch.width=null")
    command = start("-m", *words, "arch.depth=1,2,3,4", "sweep.name=equal")
    assert command.end() == 0, command.text
    records = records_of(sweep_directory("equal"))
    assert len(records) >= 2
    for record in records:
        assert record.costs["budget_residual"] == pytest.approx(record.costs["macs"] / 3e5 - 1)
        assert abs(record.costs["budget_residual"]) <= 0.05
        assert record.configuration["budget"]["target"] == 3e5
    assert "budget_residual" in sweep_directory("equal").table.read_text().splitlines()[0]
    widths = [record.network["solved_width"] for record in records]
    assert widths == sorted(widths, reverse=True)
    command = start("-m", *words, "arch.depth=1,2,3,4", "sweep.name=equal")
    assert command.end() == 0, command.text
    assert len(records_of(sweep_directory("equal"))) == len(records), (
        "the same budget and depth is no new trial"
    )


def test_ctrl_c_keeps_the_epoch_and_the_same_command_continues(start: Start) -> None:
    line = ("-m", "arch.width=2,4", "train.epochs=30", "scheduler=constant", "sweep.name=stopped")
    command = start(*line)
    command.wait_for("epoch 2/30")
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert "  continue  vggsweep " in command.text
    again = start(*line)
    assert again.end() == 0
    assert "continues after epoch" in again.text
    assert [record.state for record in records_of(sweep_directory("stopped"))] == ["COMPLETE", "COMPLETE"]


def test_second_ctrl_c_stops_at_once_and_says_how_to_continue(start: Start) -> None:
    line = ("-m", "arch.width=2,4", "measure=default", "measure.min_seconds=600", "sweep.name=hurried")
    command = start(*line)
    command.wait_for("epoch 2/2")
    time.sleep(0.2)  # a measurement does not look at the first one
    command.send(signal.SIGINT)
    time.sleep(0.2)
    command.send(signal.SIGINT)
    assert command.end() == 130
    assert "Stopped at once. The same command continues:\n  vggsweep " in command.text
    assert "Traceback" not in command.text
    sweep = sweep_directory("hurried")
    assert sweep.trial(0).released.exists()  # no death
    assert [trial.state for trial in read_study(sweep).get_trials()] == [TrialState.RUNNING]


def test_timeout_stops_with_exit_code_one(start: Start) -> None:
    command = start("-m", "arch.width=2,4,6", "train.epochs=1", "sweep.timeout=0.001", "sweep.name=late")
    assert command.end() == 1
    assert "sweep.timeout=0.001 s is over" in command.text


def test_every_trial_failing_is_exit_code_one_with_the_reasons(start: Start) -> None:
    command = start("-m", "optimizer.lr=1e30,1e31", "n_trials=2", "sweep.max_failures=1", "sweep.name=bad")
    assert command.end() == 1
    assert "all 2 trials failed" in command.text
    assert "NaN or infinite" in command.text


@pytest.mark.parametrize("sweeper", ["basic", "optuna"])
def test_stock_sweepers_fill_the_same_table(start: Start, sweeper: str) -> None:
    own = ["hydra.sweeper.direction=maximize", "hydra.sweeper.n_trials=2"] if sweeper == "optuna" else []
    command = start("-m", f"hydra/sweeper={sweeper}", *own, "arch.width=2,4", "sweep.name=stock")
    assert command.end() == 0, command.text
    records = records_of(sweep_directory("stock"))
    assert [record.trial for record in records] == [0, 1]
    assert all(record.state == "COMPLETE" for record in records)


def test_optunas_own_tools_open_the_study(quickstart: Path) -> None:
    sweep = SweepDirectory(quickstart)
    study = optuna.load_study(study_name="quickstart", storage=f"sqlite:///{sweep.study}")
    assert len(study.trials) == 4
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        axes = optuna.visualization.matplotlib.plot_pareto_front(study, target_names=["val_acc", "macs"])
    assert axes.get_xlabel() == "val_acc"
    with dashboard(f"sqlite:///{sweep.study}") as read:
        (summary,) = read("/api/studies")["study_summaries"]
        assert summary["study_name"] == "quickstart"
        shown = read(f"/api/studies/{summary['study_id']}")
    assert [trial["state"] for trial in shown["trials"]] == ["Complete"] * 4
    assert [trial["values"] for trial in shown["trials"]] == [trial.values for trial in study.trials]
    assert {trial["number"] for trial in shown["best_trials"]} == {
        trial.number for trial in study.best_trials
    }


@contextmanager
def dashboard(url: str) -> Iterator[Callable[[str], Any]]:
    """The documented command on a free port; gives a function that reads one of its JSON pages."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        Path(sys.executable).with_name("optuna-dashboard"),
        url,
        "--host",
        "127.0.0.1",
        "--port",
        f"{port}",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:

        def read(page: str) -> Any:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}", timeout=PATIENCE) as answer:
                        return json.load(answer)
                except urllib.error.URLError:  # not listening yet
                    assert process.poll() is None, process.communicate()[0]
                    assert time.monotonic() < deadline
                    time.sleep(0.05)

        try:
            yield read
        finally:
            process.kill()


def test_replicates_stand_once_in_what_the_sweep_leaves_behind(start: Start) -> None:
    command = start("-m", "arch.width=2,4", "sweep.replicates=2", "n_trials=4", "sweep.name=twins")
    assert command.end() == 0, command.text
    sweep = sweep_directory("twins")
    text = sweep.best.read_text()
    best = yaml.safe_load(text)
    accuracies = {record.trial: record.metrics["val_acc"] for record in records_of(sweep)}
    mean = max((accuracies[0] + accuracies[1]) / 2, (accuracies[2] + accuracies[3]) / 2)
    assert [solution["trial"] for solution in best["solutions"]] in ([0], [2])
    assert best["best_value"] == pytest.approx(mean)
    assert "&id" not in text
    assert f"val_acc {mean:.4f}" in command.text
    assert "mean of 2 seeds" in command.text
