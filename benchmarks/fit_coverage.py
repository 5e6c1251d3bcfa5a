"""Whether the intervals of `vggsweep fit` hold: on truths that are known, and on committed learning curves.

    python benchmarks/fit_coverage.py                       # 2000 repetitions of each shape
    python benchmarks/fit_coverage.py --part curves

Truths: logarithms of errors over depth and width, drawn anew in each repetition, are observed with the noise
of seeds; a third of the networks, the dearest, is kept aside. Two kinds of 90 % interval are counted: of what
doubling the depth changes at equal cost, and of the results of the networks that were kept aside.

    power     a power law of depth and width: what the model calls a trend
    floor     power laws of both above an error that nothing reduces (Rosenfeld et al. 2020, arXiv:1909.12673)
    optimum   a best depth, on both sides of which the error grows
    waves     a power law with smooth waves on it, which no part of the model describes
    scatter   a power law off which every network lies by chance, the same for all its seeds

Curves: the last epochs of `benchmarks/curves`, the dearest third predicted from the others, with the root
mean square of what that misses by. Beside it what needs no model (the best accuracy of the others; the mean
of the three nearest networks) and what is usual: least squares, straight and with squares and products.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import add_json_option, facts, print_table, show_facts, write_json
from scipy.stats import t as student

from vggsweep.results.scaling.data import ScalingData, scaling_data
from vggsweep.results.scaling.surface import Observations, ResponseSurface

CURVES = Path(__file__).parent / "curves"
DEPTHS, WIDTHS = np.array([4, 5, 6, 8, 10, 12]), np.array([8, 12, 16, 24, 32])
SHAPES = ("power", "floor", "optimum", "waves", "scatter")
# Repetitions before this one were in sight when the priors were chosen.
FIRST = 30_000
# Networks of a random design, of the thirty of the grid; a third of either is kept aside.
FEW = 14
TAIL = 0.05

# Of arrays of depths and widths the logarithms of errors.
Truth = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Repetition:
    """What came of one truth.

    Args:
        is_step_within: whether the interval of the doubling held.
        within: share of the networks kept aside whose result lay in its interval.
        step_width, width: of the intervals, in logarithms of the error.
    """

    is_step_within: bool
    within: float
    step_width: float
    width: float


def draw_truth(shape: str, random: np.random.Generator) -> tuple[Truth, Truth]:
    """A surface of this shape, and what single networks have of it."""
    level = np.log(random.uniform(0.05, 0.3))
    deep, wide = random.uniform(0.05, 0.4, 2)

    def power(depth: np.ndarray, width: np.ndarray) -> np.ndarray:
        return level - deep * np.log(depth / 7) - wide * np.log(width / 16)

    shares = random.dirichlet([2, 2, 2])
    best, bend = random.uniform(5, 14), random.uniform(0.03, 0.15)
    size, phases = random.uniform(0.01, 0.05), random.uniform(0, 2 * np.pi, 2)
    own = random.standard_normal((64, 64))

    def floor(depth: np.ndarray, width: np.ndarray) -> np.ndarray:
        terms = shares[0] * (depth / 7) ** (-3 * deep) + shares[1] * (width / 16) ** (-3 * wide)
        return level + np.log(terms + shares[2])

    def optimum(depth: np.ndarray, width: np.ndarray) -> np.ndarray:
        return level + bend * np.log2(depth / best) ** 2 - wide * np.log(width / 16)

    def waves(depth: np.ndarray, width: np.ndarray) -> np.ndarray:
        turns = (
            np.sin(2 * np.pi * np.log2(x) / 2.5 + phase)
            for x, phase in zip((depth, width), phases, strict=True)
        )
        return power(depth, width) + size * sum(turns)

    def scatter(depth: np.ndarray, width: np.ndarray) -> np.ndarray:
        return power(depth, width) + size * own[depth.astype(int), width.astype(int)]

    surface = {"power": power, "floor": floor, "optimum": optimum, "waves": waves, "scatter": power}[shape]
    return surface, scatter if shape == "scatter" else surface


def repeat(shape: str, number: int, seeds: int, *, is_grid: bool, noise: float = 0.03) -> Repetition:
    """Observe one truth, fit it, and look where it lies."""
    random = np.random.default_rng([number, seeds, is_grid, SHAPES.index(shape)])
    surface, networks = draw_truth(shape, random)
    depth, width = (x.ravel().astype(float) for x in np.meshgrid(DEPTHS, WIDTHS))
    if not is_grid:
        some = random.choice(len(depth), FEW, replace=False)
        depth, width = depth[some], width[some]
    order = np.argsort(depth * width**2)
    depth, width = depth[order], width[order]
    known = slice(0, 2 * len(depth) // 3)
    aside = slice(known.stop, None)
    results = networks(depth, width)[:, None] + noise * random.standard_normal((len(depth), seeds))
    x_ND = np.log2(np.column_stack([depth, width]))
    seen = results[known]
    squares = float(((seen - seen.mean(axis=1, keepdims=True)) ** 2).sum())
    count = np.full(len(seen), float(seeds))
    model = ResponseSurface(
        Observations(x_ND[known], seen.mean(axis=1), count, squares, len(seen) * (seeds - 1))
    )
    start, end = (5.0, 16.0), (10.0, 16 / np.sqrt(2))
    trend = model.trend(np.log2([start, end]))
    low, high = np.quantile(trend[:, 1] - trend[:, 0], [TAIL, 1 - TAIL])
    truth = float(np.diff(surface(*np.array([start, end]).T))[0])
    found = model.results(x_ND[aside])
    lows, highs = np.quantile(found, [TAIL, 1 - TAIL], axis=0)
    told = results[aside, 0]
    within = float(np.mean((lows <= told) & (told <= highs)))
    return Repetition(bool(low <= truth <= high), within, float(high - low), float(np.mean(highs - lows)))


def coverage(shape: str, repetitions: int) -> dict[str, float]:
    """Shares of intervals that hold, with standard errors, over both designs and one and three seeds in turn.

    Networks of one truth hold or fail together, so that the standard error is over truths.
    """
    cases = [(seeds, is_grid) for seeds in (1, 3) for is_grid in (True, False)]
    found = [
        repeat(shape, number, *cases[number % len(cases)][:1], is_grid=cases[number % len(cases)][1])
        for number in range(FIRST, FIRST + repetitions)
    ]
    steps, results = np.array([(one.is_step_within, one.within) for one in found], dtype=float).T
    return {
        "step": float(steps.mean()),
        "step_error": float(steps.std(ddof=1) / np.sqrt(repetitions)),
        "results": float(results.mean()),
        "results_error": float(results.std(ddof=1) / np.sqrt(repetitions)),
        "step_width": float(np.mean([one.step_width for one in found])),
        "results_width": float(np.mean([one.width for one in found])),
    }


# --- the committed curves

# An accuracy and its interval for each network kept aside.
Contender = Callable[[ScalingData, pd.DataFrame, pd.DataFrame], tuple[np.ndarray, np.ndarray, np.ndarray]]


def read_curves(name: str) -> ScalingData:
    """The last epochs of a set, as a results table."""
    rows = pd.read_csv(CURVES / f"{name}.csv")
    rows = rows[rows["epoch"] == rows["epoch"].max()].reset_index(drop=True)
    names = {"arch.depth": "depth", "arch.width": "width", "optimizer.lr": "lr"}
    table = rows.rename(columns=names)[
        [*(names.get(name, name) for name in rows.columns if name not in LEFT_OUT)]
    ]
    return scaling_data(table.assign(state="COMPLETE", trial=table.index, dataset=name))


LEFT_OUT = ("epoch", "train_acc", "averaged_val_acc", "train_seconds")


def ours(data: ScalingData, known: pd.DataFrame, aside: pd.DataFrame) -> tuple[np.ndarray, ...]:
    surface = ResponseSurface(data.observations(known))
    draws = 1 - np.exp(surface.results(data.features(aside), aside["seeds"].to_numpy(dtype=float)))
    low, middle, high = np.quantile(draws, [TAIL, 0.5, 1 - TAIL], axis=0)
    return middle, low, high


def best_seen(data: ScalingData, known: pd.DataFrame, aside: pd.DataFrame) -> tuple[np.ndarray, ...]:
    found = np.full(len(aside), known[data.y].max())
    return found, found, found


def neighbours(data: ScalingData, known: pd.DataFrame, aside: pd.DataFrame) -> tuple[np.ndarray, ...]:
    apart = ((data.features(aside)[:, None] - data.features(known)[None]) ** 2).sum(axis=2)
    found = known[data.y].to_numpy()[np.argsort(apart, axis=1, kind="stable")[:, :3]].mean(axis=1)
    return found, found, found


def least_squares(*, squares: bool) -> Contender:
    """Ordinary least squares with Student's prediction intervals."""

    def predict(data: ScalingData, known: pd.DataFrame, aside: pd.DataFrame) -> tuple[np.ndarray, ...]:
        seen = data.observations(known)
        centre = seen.x_ND.mean(axis=0)

        def terms(x_ND: np.ndarray) -> np.ndarray:
            x_ND = x_ND - centre
            first, second = np.triu_indices(x_ND.shape[1])
            more = [x_ND[:, first] * x_ND[:, second]] if squares else []
            return np.concatenate([np.ones((len(x_ND), 1)), x_ND, *more], axis=1)

        a, b = terms(seen.x_ND), terms(data.features(aside))
        inverse = np.linalg.pinv(a.T @ a)
        weights = inverse @ a.T @ seen.y_N
        freedom = len(a) - np.linalg.matrix_rank(a)
        variance = ((seen.y_N - a @ weights) ** 2).sum() / freedom
        half = student.ppf(1 - TAIL, freedom) * np.sqrt(
            variance * (1 + np.einsum("ij,jk,ik->i", b, inverse, b))
        )
        return 1 - np.exp(b @ weights), 1 - np.exp(b @ weights + half), 1 - np.exp(b @ weights - half)

    return predict


CONTENDERS: dict[str, Contender] = {
    "vggsweep fit": ours,
    "best of the others": best_seen,
    "three neighbours": neighbours,
    "least squares, straight": least_squares(squares=False),
    "least squares, squares": least_squares(squares=True),
}


def on_curves(name: str) -> dict[str, Any]:
    """How each contender predicts the dearest third of one set."""
    data = read_curves(name)
    rows = data.networks.sort_values("macs", kind="stable")
    cut = rows["macs"].iloc[-(-2 * len(rows) // 3)]
    known, aside = rows[rows["macs"] < cut], rows[rows["macs"] >= cut]
    truth = aside[data.y].to_numpy()
    result: dict[str, Any] = {"known": len(known), "aside": len(aside)}
    for contender, predict in CONTENDERS.items():
        middle, low, high = predict(data, known, aside)
        result[contender] = {
            "rmse": float(np.sqrt(np.mean((middle - truth) ** 2))),
            "within": int(np.sum((low <= truth) & (truth <= high))),
            "width": float(np.mean(high - low)),
        }
    return result


def show_curves(found: dict[str, dict[str, Any]]) -> None:
    """Root mean square error, and how many intervals held, by set and contender."""
    rows = [[contender, *(_cell(one, contender) for one in found.values())] for contender in CONTENDERS]
    print_table(["90 % of the dearest third", *found], rows)


def _cell(one: dict[str, Any], contender: str) -> str:
    cell = one[contender]
    held = f", {cell['within']}/{one['aside']}, ± {cell['width'] / 2:.3f}" if cell["width"] else ""
    return f"{cell['rmse']:.4f}{held}"


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description="Whether the intervals of `vggsweep fit` hold.",
        epilog="example: python benchmarks/fit_coverage.py --part truths --repetitions 100",
    )
    parser.add_argument("--part", choices=["truths", "curves"], help="only this one")
    parser.add_argument("--repetitions", type=int, default=2000, help="of each shape (default: 2000)")
    add_json_option(parser)
    arguments = parser.parse_args(words)
    result = facts(1)
    show_facts(result)
    if arguments.part != "curves":
        result["truths"] = {shape: coverage(shape, arguments.repetitions) for shape in SHAPES}
        rows = [
            [
                shape,
                *(f"{one[name]:.3f} ± {one[name + '_error']:.3f}" for name in ("step", "results")),
                *(f"{one[name]:.3f}" for name in ("step_width", "results_width")),
            ]
            for shape, one in result["truths"].items()
        ]
        print()
        print_table(["truth", "doubling held", "results held", "width", "width"], rows)
    if arguments.part != "truths":
        names = sorted(path.stem for path in CURVES.glob("*.csv"))
        result["curves"] = {name: on_curves(name) for name in names}
        print()
        show_curves(result["curves"])
    write_json(arguments.json, result)


if __name__ == "__main__":
    main()
