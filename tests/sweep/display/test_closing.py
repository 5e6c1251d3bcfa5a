from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.processes import Command
from tests.results.made_tables import network, results
from tests.sweep.conftest import drain, scheduler_of, spec_of
from vggsweep.results.findings.evidence import load_evidence
from vggsweep.results.findings.fair_rates import compare_fairly
from vggsweep.sweep.display.closing import FRONT_LINES, close_in_turn, fair_lines, front_lines
from vggsweep.sweep.outcome import WorkerOutcome
from vggsweep.sweep.run import save_spec
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


def test_each_set_of_validation_images_has_a_front_of_its_own() -> None:
    points = table((1000, 0.9), (2000, 0.8), (1000, 0.5), (2000, 0.6), (1, 0.1))
    points.loc[4, "state"] = "FAIL"
    lines = front_lines("s", points.assign(dataset="own", images=["a", "a", "b", "b", None]), "macs")
    assert [" ".join(line.split()[:4]) for line in lines] == [
        "images validation images differ,",
        "on own (images a):",
        "front accuracy against macs:",
        "trial 0 val_acc 0.9000",
        "on own (images b):",
        "front accuracy against macs:",
        "trial 2 val_acc 0.5000",
        "trial 3 val_acc 0.6000",
    ]


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
    spec = spec_of("arch.depth=4,8", "optimizer.lr=0.01,0.1,1", "sweep.fair_lr=1", "n_trials=10", "seed=3")
    spec.directory.path.mkdir(parents=True)
    save_spec(spec)
    evidence = load_evidence([spec.directory])
    accuracies = {4: {0.01: 0.80, 0.1: 0.86, 1.0: 0.80}, 8: {0.01: 0.86, 0.1: 0.80, 1.0: 0.2}}
    search = [
        {**network(depth, 64 // depth), "lr": lr, "seed": 3, "val_acc": value}
        for depth, values in accuracies.items()
        for lr, value in values.items()
    ]
    fresh = [{**row, "seed": 4} for row in search if row["lr"] in (0.1, 0.01)]
    found = compare_fairly(replace(evidence, table=results(*search, *fresh)))
    assert found is not None
    lines = fair_lines(found)

    shallow, deep = (" ".join(line.split()) for line in lines[1:3])
    assert shallow.startswith("depth 4, width 16 lr 0.0")
    assert shallow.endswith("0.8600 0.8000"), "means of fresh seeds at the common and at its own rate"
    assert deep == "depth 8, width 8 lr 0.01 0.8000 0.8600"
    (caution,) = (line for line in lines if line.startswith("  caution"))
    assert "the best rate of depth 8, width 8, 0.01, lies on the edge" in caution
    verdicts = [line.split(": ")[0].split(None, 1)[1] for line in lines if line.startswith("  verdict")]
    assert verdicts == ["every network at optimizer.lr=0.1", "each network at its own rate"]


def test_a_space_that_is_not_trained_whole_is_said_before_and_after(
    start: Callable[..., Command], own_folder: Path
) -> None:
    words = ("-m", "arch.depth=2,3", "sweep.replicates=2", "sweep.name=s")
    cut = start(*words, "n_trials=3")
    assert cut.end() == 0, cut.text
    told = "n_trials=3 ends after 3 of up to 4 trials (2 configurations x 2 seeds); n_trials=4 trains all"
    assert cut.text.startswith(f"vggsweep: of this space {told}.\n")
    assert f"  space     {told}\n" in cut.text

    whole = start(*words, "n_trials=4")
    assert whole.end() == 0, whole.text
    assert "ends after" not in whole.text
    fewer = start(*words, "n_trials=3")
    assert fewer.end() == 0, fewer.text
    assert "ends after" not in fewer.text
