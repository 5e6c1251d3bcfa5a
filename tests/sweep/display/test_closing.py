from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.sweep.display.closing import FRONT_LINES, close_in_turn, conclude, front_lines
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.run import save_spec
from vggsweep.sweep.scheduling.decisions import Assignment
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.storage.file_lock import claim


def table(*points: tuple[int, float]) -> pd.DataFrame:
    """A finished sweep of networks with these MACs and accuracies, each its own configuration."""
    rows = [
        {
            "sweep": "s",
            "trial": number,
            "state": "COMPLETE",
            "configuration": f"lr={number}",
            "depth": 4,
            "width": 8,
            "lr": number / 100,
            "seed": 0,
            "macs": macs,
            "val_acc": accuracy,
        }
        for number, (macs, accuracy) in enumerate(points)
    ]
    return pd.DataFrame(rows)


def test_equal_points_of_the_front_share_a_line() -> None:
    lines = front_lines("s", table((1000, 0.8), (1000, 0.8), (2000, 0.9), (1000, 0.8), (2000, 0.7)), "macs")
    assert [" ".join(line.split()) for line in lines[1:]] == [
        "trial 0 val_acc 0.8000 macs 1k depth 4, width 8, lr 0 (and 2 just as good)",
        "trial 2 val_acc 0.9000 macs 2k depth 4, width 8, lr 0.02",
    ]


def test_a_long_front_is_cut_and_says_where_the_rest_is() -> None:
    points = [(1000 * number, number / 100) for number in range(1, FRONT_LINES + 6)]
    lines = front_lines("s", table(*points), "macs")
    assert len(lines) == 1 + FRONT_LINES + 1
    assert lines[-1].strip() == "5 more: vggsweep pareto s --x macs"


def test_front_is_that_of_the_accuracy_that_was_optimised() -> None:
    points = table((1000, 0.9), (1000, 0.8)).assign(balanced_acc=[0.4, 0.5])
    (_, line) = front_lines("s", points, "macs", "balanced_acc")
    assert " ".join(line.split()) == "trial 1 balanced_acc 0.5000 macs 1k depth 4, width 8, lr 0.01"


def test_networks_of_equal_cost_have_no_front() -> None:
    equal = table((1000, 0.8), (1010, 0.9), (990, 0.7)).assign(depth=[4, 6, 8])
    heading, *lines = front_lines("s", equal, "macs")
    assert heading.strip() == "networks  of equal macs, the most accurate first:"
    assert [" ".join(line.split()[:2]) for line in lines] == ["trial 1", "trial 0", "trial 2"]


def test_worker_that_ends_while_another_writes_leaves_the_writing_to_it(
    small: SweepSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    _, stop = drain(scheduler_of(small))
    outcome = WorkerOutcome(stop.reason, stop.is_early)
    directory = small.directory
    other = claim(directory.workers / "closing.lock")
    assert other is not None
    close_in_turn(small, outcome)
    assert not directory.table.exists()
    other.release()
    close_in_turn(small, outcome)
    assert directory.table.read_text().count("COMPLETE") == 4
    assert directory.best.is_file()
    assert capsys.readouterr().out.count("4 COMPLETE") == 1
    assert not (directory.workers / "closing.wanted").exists()


def test_a_sweep_of_fair_rates_closes_with_both_verdicts_and_what_to_widen() -> None:
    words = ("arch.depth=4,8", "optimizer.lr=0.01,0.05,0.25", "sweep.fair_lr=2", "n_trials=99")
    spec = spec_of(*words)
    scheduler = scheduler_of(spec)
    save_spec(spec)

    def score(assignment: Assignment) -> float:
        plain = assignment.plain
        best = {4: 0.05, 8: 2.0}[plain["arch"]["depth"]]
        return 0.9 - 0.01 * float(np.log(plain["optimizer"]["lr"] / best) ** 2) - 0.001 * plain["seed"]

    _, stop = drain(scheduler, score)
    lines = conclude(spec, WorkerOutcome(stop.reason, stop.is_early)).splitlines()

    (caution,) = (line for line in lines if "caution" in line)
    assert "lies on the edge of what was searched (0.01 to 0.25)" in caution
    verdicts = [line.split(": ")[0].split(None, 1)[1] for line in lines if line.startswith("  verdict")]
    assert verdicts == ["every network at optimizer.lr=0.1", "each network at its own rate"]
    assert not any(line.startswith("  front") for line in lines)
