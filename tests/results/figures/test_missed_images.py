"""Images that a deep and a wide configuration miss."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tests.results.made_tables import network, results
from vggsweep.errors import NothingToDraw
from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.layout import TrialDirectory
from vggsweep.results.figures.missed_images import missed_images, missed_images_figure

IMAGES = 400


def table_of(folder: Path, *networks: tuple[int, int, np.ndarray]) -> pd.DataFrame:
    """Two seeds each of (depth, width, images that both miss); each misses one more image of its own."""
    rows = []
    for depth, width, missed in networks:
        for seed in range(2):
            right = np.ones(IMAGES, dtype=bool)
            right[missed] = False
            right[300 + seed] = False
            directory = TrialDirectory(folder / f"{len(rows)}")
            directory.path.mkdir()
            answers = Answers(right, "split")
            write_answers(answers, directory.answers)
            facts = {"trial": len(rows), "seed": seed, "val_acc": answers.accuracy}
            rows.append({**network(depth, width), **facts, "dir": str(directory.path)})
    return results(*rows)


def test_the_deepest_and_the_widest_that_are_as_good_as_the_best_are_set_against_each_other(
    tmp_path: Path,
) -> None:
    deep, wide, bad = np.arange(0, 40), np.arange(20, 61), np.arange(100, 300)
    table = table_of(tmp_path, (12, 4, deep), (4, 16, wide), (8, 8, deep), (16, 32, bad))

    found = missed_images(table)

    assert (found.attrs["deep"], found.attrs["wide"]) == ("depth 12, width 4", "depth 4, width 16")
    counts = {(row.deep, row.wide): row.images for row in found.itertuples()}
    assert counts == {(0, 0): 337, (1, 1): 20, (1, 0): 20, (0, 1): 21, (0.5, 0.5): 2}
    assert found.attrs["apart"] == pytest.approx((2 / 400, 2 / 400, (41 + 1) / 400))
    assert "depth 12" in missed_images_figure(table).axes[0].get_xlabel()


def test_one_configuration_that_is_both_deepest_and_widest_has_no_counterpart(tmp_path: Path) -> None:
    table = table_of(tmp_path, (12, 16, np.arange(40)), (4, 8, np.arange(41)))
    with pytest.raises(NothingToDraw, match="no deep and wide"):
        missed_images(table)


def test_trials_without_answers_are_refused(tmp_path: Path) -> None:
    table = table_of(tmp_path, (12, 4, np.arange(40)), (4, 16, np.arange(41)))
    (tmp_path / "0" / "answers.json").unlink()
    with pytest.raises(NothingToDraw, match="kept which images"):
        missed_images_figure(table)
