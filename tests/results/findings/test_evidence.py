"""Evidence: which trials are one configuration, and what a damaged file costs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vggsweep.errors import ConfigError
from vggsweep.results.disk.confirmation import Confirmation, write_confirmation
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.openings import log_opening, new_opening
from vggsweep.results.findings.evidence import check_column, load_evidence
from vggsweep.results.findings.judgement import judge
from vggsweep.results.statistics.replicates import has_replicates, mean_over_seeds

Write = Callable[..., Path]


def settings(seed: int, smoothing: float = 0.0, device: str = "cpu") -> dict[str, object]:
    train = {"epochs": 3, "label_smoothing": smoothing}
    return {"configuration": {"seed": seed, "device": device, "train": train}, "swept": {}}


def test_single_runs_that_differ_in_an_override_without_a_column_are_told_apart(
    write: Write, tmp_path: Path
) -> None:
    write(tmp_path / "runs", 0, **settings(0))
    write(tmp_path / "runs", 1, **settings(1, smoothing=0.1))
    write(tmp_path / "runs", 2, **settings(2, device="cuda"))

    table = load_evidence([SweepDirectory(tmp_path / "runs")]).table

    assert mean_over_seeds(table)["seeds"].tolist() == [2, 1]
    assert has_replicates(table)


@pytest.mark.parametrize("text", ["command: x", "[", "- 1", "command: 3\nwords: 5"])
def test_damaged_sweep_yaml_costs_the_command_and_no_more(write: Write, tmp_path: Path, text: str) -> None:
    write(tmp_path / "mine", 0)
    (tmp_path / "mine" / "sweep.yaml").write_text(text)

    evidence = load_evidence([SweepDirectory(tmp_path / "mine")])

    assert len(evidence.table) == 1
    assert evidence.sweeps[0].command is None


def test_column_without_a_value_is_told_from_a_misspelt_one(write: Write, tmp_path: Path) -> None:
    write(tmp_path / "mine", 0, measurements={})
    table = load_evidence([SweepDirectory(tmp_path / "mine")]).table

    check_column(table, "macs")
    with pytest.raises(ConfigError, match="No trial of this table has a value of throughput"):
        check_column(table, "throughput")
    with pytest.raises(ConfigError, match="Did you mean 'macs'"):
        check_column(table, "mcas")


def test_replicates_are_those_that_differ_in_nothing_that_decides_a_result(
    write: Write, tmp_path: Path
) -> None:
    """Fields and nodes that `vggsweep.configuration.identity` leaves out of a hash part no replicates."""
    base = {"dataset": {"name": "d", "root": None}, "train": {"epochs": 3, "threshold_acc": 0.9}}
    others: list[dict[str, object]] = [
        {},
        {"train": {"epochs": 3, "threshold_acc": 0.5}},
        {"train": {"epochs": 3.0, "threshold_acc": 0.9, "cuda_graph": "never"}},
        {"budget": {"name": "none", "target": None, "like": None, "tolerance": None}},
        {"measure": {"name": "none"}, "pruner": {"name": "asha"}, "objective": {"name": "val_acc"}},
    ]
    for seed, other in enumerate(others):
        write(tmp_path / "runs", seed, configuration={**base, **other, "seed": seed}, swept={})

    table = load_evidence([SweepDirectory(tmp_path / "runs")]).table

    assert mean_over_seeds(table)["seeds"].tolist() == [len(others)]


@pytest.mark.parametrize("how", ["log", "confirmation", "validation", "after training", "not"])
def test_the_test_set_is_called_unopened_only_where_nobody_looked(
    write: Write, tmp_path: Path, how: str
) -> None:
    sweep = SweepDirectory(tmp_path / "mine")
    for number, smoothing in enumerate((0.0, 0.1)):
        facts = settings(0, smoothing)
        if how == "validation":
            facts["configuration"] |= {"dataset": {"validation": "test"}}  # type: ignore[operator]
        metrics = {"val_acc": 0.5 + smoothing, "val_images": 100}
        if how == "after training":
            metrics["test_acc"] = 0.5
        write(sweep.path, number, **facts, metrics=metrics)
    opening = new_opening(7, 0.5, 1.0, 100, "vggsweep evaluate mine/7")
    if how == "log":  # of a trial that was removed since
        log_opening(opening, sweep.openings)
    if how == "confirmation":
        confirms = SweepDirectory(tmp_path / "another name")
        confirms.path.mkdir()
        empty = dict.fromkeys(("chosen", "named", "words", "flags"), ())
        numbers = dict.fromkeys(("top", "first_seed", "seeds"), 1)
        texts = dict.fromkeys(("rule", "accuracy", "begun"), "")
        about = Confirmation(sweep="mine", **empty, **numbers, **texts)  # type: ignore[arg-type]
        write_confirmation(about, confirms.confirmation)
        log_opening(opening, confirms.openings)

    text = " ".join(judge(load_evidence([sweep])).verdict.cautions)

    assert "it was picked on these same validation images" in text
    assert ("the test set was not opened" in text) == (how == "not")


def test_a_class_without_validation_images_is_a_caution(write: Write, tmp_path: Path) -> None:
    classes = {"class_names": ["cat", "dog"], "class_images": [100, 0], "class_acc": [0.5, None]}
    write(tmp_path / "mine", 0, metrics={"val_acc": 0.5, "val_images": 100, **classes})

    text = " ".join(judge(load_evidence([SweepDirectory(tmp_path / "mine")])).verdict.cautions)

    assert "no validation image shows dog: accuracies say nothing of how well that is told" in text
