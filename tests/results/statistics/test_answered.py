"""Verdict and comparison rest on answers to single images, where all trials kept them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.results.made_tables import network, results
from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.findings.verdict import reach_verdict
from vggsweep.results.statistics.answered import Answered, answers_behind
from vggsweep.results.statistics.replicates import mean_over_seeds

IMAGES = 2000


def table_of(folder: Path, *depths: int, seeds: int = 3) -> pd.DataFrame:
    """Trials that are the more accurate the deeper they are, with their answers on disk."""
    rng = np.random.default_rng(0)
    difficulty = rng.normal(2, 2, IMAGES)
    rows = []
    for depth in depths:
        for seed in range(seeds):
            right = rng.random(IMAGES) < 1 / (1 + np.exp(-difficulty - depth / 10))
            directory = TrialDirectory(folder / f"{len(rows):05d}")
            directory.path.mkdir()
            answers = Answers(right, "a-split")
            write_answers(answers, directory.answers)
            facts = {"val_acc": answers.accuracy, "val_images": IMAGES, "dir": str(directory.path)}
            rows.append({**network(depth, 8), "trial": len(rows), "seed": seed, **facts})
    return results(*rows)


def test_the_verdict_compares_image_by_image_and_says_so(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 5, 12)
    verdict = reach_verdict(table)
    assert "compared image by image, on the same 2,000 validation images" in verdict.uncertainty
    assert "new images of the kind and new seeds" in verdict.uncertainty
    assert "6 degrees of freedom" in verdict.uncertainty
    (standings,) = verdict.standings
    found = answers_behind(table, [one.label for one in standings], "val_acc")
    assert isinstance(found, Answered)
    expected = found.compare([one.label for one in standings])
    assert [one.margin for one in standings] == pytest.approx([one.margin for one in expected])
    assert [one.is_told_apart for one in standings] == [False, True, True]


def test_a_trial_without_answers_leaves_the_noise_of_accuracies(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 8)
    (tmp_path / "00002" / "answers.json").unlink()
    verdict = reach_verdict(table)
    assert verdict.uncertainty.startswith("The noise is that of the seeds")
    assert "not compared image by image: 1 of 6 trials kept no answers" in verdict.uncertainty
    assert all(one.difference is None for one in verdict.standings[0])


def test_answers_to_other_images_are_not_set_against_each_other(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 8)
    right = np.arange(IMAGES) < round(float(table["val_acc"].iloc[0]) * IMAGES)
    write_answers(Answers(right, "another-split"), tmp_path / "00000" / "answers.json")
    assert "answered different validation images" in reach_verdict(table).uncertainty


def test_damaged_answers_are_named(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 8)
    (tmp_path / "00001" / "answers.json").write_text("{")
    assert "00001/answers.json cannot be read" in reach_verdict(table).uncertainty


def test_sweeps_of_earlier_releases_are_judged_as_before(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 8)
    without = reach_verdict(table.assign(dir="nowhere"))
    assert "image by image" not in without.uncertainty
    assert without.answer == reach_verdict(table.drop(columns="dir")).answer


def test_one_seed_says_nothing_of_configurations_whatever_its_answers(tmp_path: Path) -> None:
    verdict = reach_verdict(table_of(tmp_path, 4, 8, seeds=1))
    assert verdict.uncertainty.startswith("No configuration was trained with a second seed")


def test_balanced_accuracy_is_no_share_of_answers(tmp_path: Path) -> None:
    table = table_of(tmp_path, 4, 8)
    table["balanced_acc"] = table["val_acc"] - 0.01
    labels = mean_over_seeds(table).index.tolist()
    assert answers_behind(table, labels, "balanced_acc") == ""
