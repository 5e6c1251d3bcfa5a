"""Two sides against each other: settings, accuracies, fronts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vggsweep.results.disk.answers import Answers, write_answers
from vggsweep.results.disk.choice import choose
from vggsweep.results.disk.layout import sweep_directory
from vggsweep.results.findings.comparison import (
    Fronts,
    compare_accuracies,
    compare_fronts,
    different_fields,
    sweep_figures,
)
from vggsweep.results.findings.evidence import Evidence, load_evidence

Write = Callable[..., Path]


def trial(depth: int, macs: int, acc: float, seed: int = 0, **more: Any) -> dict[str, Any]:
    dataset = {"name": "mnist", "limit": more.pop("limit", None), "root": f"/somewhere/{seed}"}
    return {
        "configuration": {
            "arch": {"depth": depth, "width": 8.0},
            "dataset": dataset,
            "seed": seed,
            "pruner": {"name": "none"},
            "sweep": {"name": "x"},
        },
        "network": {"arch": "vgg_scaled", "depth": depth, "width": 8},
        "costs": {"macs": macs},
        "metrics": {"val_acc": acc, "val_images": 1000},
        "swept": {"arch.depth": depth},
        **more,
    }


@pytest.fixture
def side(own_folder: Path, write: Write) -> Callable[..., Evidence]:
    """``side("a", trial(…), …)``: a sweep of these trials, as evidence."""

    def build(name: str, *trials: Mapping[str, Any]) -> Evidence:
        for number, values in enumerate(trials):
            write(own_folder / "outputs" / name, number, **values)
        return load_evidence(choose([name]).sweeps)

    return build


Build = Callable[..., Evidence]


def test_only_fields_that_differ_and_decide_a_result_are_told(side: Build) -> None:
    a = side("a", trial(4, 10, 0.8), trial(6, 20, 0.9))
    b = side("b", trial(4, 10, 0.8, seed=3), trial(8, 30, 0.9, limit=500))
    fields = {one.name: (one.a, one.b) for one in different_fields(a.records.values(), b.records.values())}
    assert fields == {
        "arch.depth": ([4, 6], [4, 8]),
        "dataset.limit": ([None], [500, None]),
        "seed": ([0], [0, 3]),
    }


def test_a_difference_within_the_noise_decides_nothing(side: Build) -> None:
    found = compare_accuracies(side("a", trial(4, 10, 0.80)), side("b", trial(4, 10, 0.81)))
    assert found is not None
    assert found.noise == "counting validation images"
    assert found.margin is not None
    assert found.margin > 0.01
    assert "do not say which is better" in found.verdict


def test_seeds_are_averaged_and_say_the_noise(side: Build) -> None:
    a = side("a", *(trial(4, 10, 0.80 + seed / 1000, seed) for seed in range(3)))
    b = side("b", *(trial(6, 10, 0.85 + seed / 1000, seed) for seed in range(3)))
    found = compare_accuracies(a, b)
    assert found is not None
    assert found.seeds == (3, 3)
    assert found.noise == "seeds"
    assert found.b - found.a == pytest.approx(0.05)
    assert "B's val_acc is 0.0500 higher, more than the noise" in found.verdict


@pytest.mark.parametrize(("seeds", "words"), [(1, "not of other seeds"), (3, "seeds and which images")])
def test_sides_that_kept_their_answers_are_compared_image_by_image(
    side: Build, own_folder: Path, seeds: int, words: str
) -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(2, 2, 1000)
    sides, before = [], []
    for name, ability in (("a", 0.0), ("b", 0.9)):
        right = [rng.random(1000) < 1 / (1 + np.exp(-difficulty - ability)) for _ in range(seeds)]
        kept = [Answers(one, "split") for one in right]
        trials = [trial(4 + round(ability), 10, one.accuracy, seed) for seed, one in enumerate(kept)]
        sides.append(side(name, *trials))
        before.append(kept)
    counted = compare_accuracies(*sides)
    for name, kept in zip("ab", before, strict=True):
        for number, one in enumerate(kept):
            write_answers(one, sweep_directory(name).trial(number).answers)
    found = compare_accuracies(*sides)
    assert found is not None
    assert counted is not None
    assert words in found.noise
    assert (found.a, found.b) == (counted.a, counted.b)
    assert found.margin != counted.margin
    assert "B's val_acc is" in found.verdict
    sweep_directory("b").trial(0).answers.unlink()
    assert compare_accuracies(*sides) == counted


def test_other_validation_images_do_not_compare(side: Build) -> None:
    a, b = side("a", trial(4, 10, 0.8)), side("b", trial(4, 10, 0.9, limit=500))
    found = compare_accuracies(a, b)
    assert found is not None
    assert not found.is_same_data
    assert "do not compare" in found.verdict
    assert "different validation images" in str(compare_fronts(a, b))


def test_fronts_share_one_reference_and_say_who_beats_whom(side: Build) -> None:
    a = side("a", trial(4, 10, 0.7), trial(5, 20, 0.8), trial(6, 40, 0.9))
    b = side("b", trial(4, 10, 0.75), trial(5, 30, 0.79), trial(6, 100, 0.95))
    found = compare_fronts(a, b)
    assert isinstance(found, Fronts)
    assert found.reference == pytest.approx((110.0, 0.0))
    assert found.sizes == (3, 3)
    assert found.beats == ((1,), (0,))
    assert found.beaten == (1, 1)
    assert found.common == (2, 2)
    # by hand: steps of accuracy times what is left of the cost up to 110
    assert found.volumes[0] == pytest.approx(0.7 * 100 + 0.1 * 90 + 0.1 * 70)
    assert found.volumes[1] == pytest.approx(0.75 * 100 + 0.04 * 80 + 0.16 * 10)


def test_a_side_without_a_result_has_no_front(side: Build) -> None:
    a, b = side("a", trial(4, 10, 0.7)), side("b", trial(4, 10, 0.7, state="FAIL", reason="x"))
    assert compare_accuracies(a, b) is None
    assert "no finished trial" in str(compare_fronts(a, b))
    assert {one.name: (one.a, one.b) for one in sweep_figures(a, b)}["FAIL"] == (0, 1)
