"""How often configurations that are equal are told apart, and what differences are found: image by image
against the noise of accuracies alone.

    python benchmarks/paired_power.py                       # from the committed answers of real networks
    python benchmarks/paired_power.py --collect SWEEP ...   # keeps the answers of sweeps for the above

Groups of seeds are drawn from the networks of one configuration, so that nothing is to be found between
them; a true difference is made by images that one side always misses.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from vggsweep.results.disk.answers import read_answers
from vggsweep.results.disk.layout import find_sweep
from vggsweep.results.statistics import paired
from vggsweep.results.statistics.noise import BinomialNoise, SeedNoise
from vggsweep.results.tables.table import read_records

ANSWERS = Path(__file__).parent / "paired_power.npz"
RightArray = NDArray[np.bool_]
Groups = list[list[RightArray]]
# (configurations, seeds of each)
DESIGNS = ((2, 2), (2, 3), (2, 5), (4, 3), (4, 5), (6, 3), (8, 2), (10, 2))
# The same, with how much worse all but two are.
POWER = (
    (2, 1, 0.0),
    (8, 1, 0.0),
    (2, 3, 0.0),
    (2, 5, 0.0),
    (6, 3, 0.0),
    (6, 3, 0.06),
    (4, 5, 0.0),
    (4, 5, 0.06),
)
FOUND = 0.8
# Seeds of a network that is worth keeping.
FEWEST = 10


Judged = tuple[int, NDArray[np.float64], NDArray[np.float64]]


def by_bonferroni(groups: Groups) -> Judged:
    """The best, and every one's difference from it with its margin, as release 0.1 judged."""
    means, seeds, noise = _accuracies(groups)
    best, others = int(means.argmax()), len(groups) - 1
    leader = (float(means[best]), seeds[best])
    margins = [noise.margin(leader, (float(m), n), others) for m, n in zip(means, seeds, strict=True)]
    return best, means[best] - means, np.array(margins)


def by_accuracy(groups: Groups) -> Judged:
    """The same as a verdict judges that has no answers to single images."""
    means, seeds, noise = _accuracies(groups)
    if isinstance(noise, BinomialNoise):
        return by_bonferroni(groups)
    order = np.argsort(-means, kind="stable")
    found = paired.compare_accuracies(means[order], [seeds[at] for at in order], noise.std, noise.freedom)
    margins = np.empty(len(means))
    margins[order] = [np.inf if one.margin is None else one.margin for one in found]
    return int(order[0]), means[order[0]] - means, margins


def by_image(groups: Groups) -> Judged:
    """The same, image by image."""
    found = paired.compare_with_best(groups)
    best = next(at for at, one in enumerate(found) if one.interval is None)
    margins = [one.margin if one.margin is not None else np.inf for one in found]
    return best, np.array([one.mean for one in found]), np.array(margins)


METHODS: dict[str, Callable[[Groups], Judged]] = {
    "Bonferroni": by_bonferroni,
    "accuracy": by_accuracy,
    "image": by_image,
}


def _accuracies(groups: Groups) -> tuple[NDArray[np.float64], list[int], SeedNoise | BinomialNoise]:
    accuracies = [[float(one.mean()) for one in group] for group in groups]
    freedom = sum(len(one) - 1 for one in accuracies)
    noise: SeedNoise | BinomialNoise = BinomialNoise(len(groups[0][0]))
    if freedom:
        squares = sum(float(np.var(one, ddof=1)) * (len(one) - 1) for one in accuracies)
        noise = SeedNoise(float(np.sqrt(squares / freedom)), freedom)
    return np.array([np.mean(one) for one in accuracies]), [len(group) for group in groups], noise


def equal_groups(networks: Sequence[RightArray], count: int, seeds: int, rng: np.random.Generator) -> Groups:
    """Groups of different seeds of one configuration."""
    order = rng.permutation(len(networks))[: count * seeds].reshape(count, seeds)
    return [[networks[at] for at in row] for row in order]


def worse(group: list[RightArray], by: float, rng: np.random.Generator) -> list[RightArray]:
    """The same networks, but that they miss so many images that their mean accuracy is lower by that."""
    shares = np.mean(group, axis=0)
    order = rng.permutation(len(shares))
    missed = order[: int(np.searchsorted(np.cumsum(shares[order]) / len(shares), by))]
    keeps = np.ones(len(shares), dtype=bool)
    keeps[missed] = False
    return [one & keeps for one in group]


def false_rate(all_: dict[str, list[RightArray]], count: int, seeds: int, times: int) -> dict[str, float]:
    """Share of resamplings in which the best of equals is told apart from any other."""
    rng = np.random.default_rng(0)
    pools = [one for one in all_.values() if len(one) >= count * seeds]
    hits = dict.fromkeys(METHODS, 0)
    for at in range(times):
        groups = equal_groups(pools[at % len(pools)], count, seeds, rng)
        paired.DRAW_SEED = at  # the same draws for all would bias all alike
        for name, method in METHODS.items():
            best, apart, margins = method(groups)
            hits[name] += any(apart[i] > margins[i] for i in range(count) if i != best)
    return {name: hit / times for name, hit in hits.items()}


def false_rate_of_networks(networks: Sequence[RightArray], count: int, times: int) -> dict[str, float]:
    """The same for single networks that are made equal: each image deals their answers out at random."""
    rng = np.random.default_rng(0)
    hits = dict.fromkeys(METHODS, 0)
    for at in range(times):
        stacked = np.stack([networks[one] for one in rng.permutation(len(networks))[:count]])
        groups = [[one] for one in rng.permuted(stacked, axis=0)]
        paired.DRAW_SEED = at
        for name, method in METHODS.items():
            best, apart, margins = method(groups)
            hits[name] += any(apart[i] > margins[i] for i in range(count) if i != best)
    return {name: hit / times for name, hit in hits.items()}


def smallest_found(
    all_: dict[str, list[RightArray]], count: int, seeds: int, times: int, far: float = 0.0
) -> dict[str, tuple[float, float]]:
    """The smallest true difference of the best from the next one that is found in 80 % of resamplings.

    The others are as much worse, or `far` where that is more. Beside it the mean margin there.
    """
    pools = [one for one in all_.values() if len(one) >= count * seeds]

    def share(name: str, by: float) -> tuple[float, float]:
        rng, hits, width = np.random.default_rng(1), 0, 0.0
        for at in range(times):
            first, *others = equal_groups(pools[at % len(pools)], count, seeds, rng)
            best, apart, margins = METHODS[name](
                [first, *(worse(one, max(by, far * (i > 0)), rng) for i, one in enumerate(others))]
            )
            hits += best == 0 and apart[1] > margins[1]
            width += margins[1] if best == 0 else margins[0]
        return hits / times, width / times

    found = {}
    for name in METHODS:
        low, high = 0.0, 0.06
        while high - low > 0.0002:
            middle = (low + high) / 2
            low, high = (low, middle) if share(name, middle)[0] >= FOUND else (middle, high)
        found[name] = (high, share(name, high)[1])
    return found


def collect(names: Sequence[str]) -> None:
    """Keep the answers of every finished trial of some sweeps, packed, by sweep, depth and width."""
    kept: dict[str, list[RightArray]] = {}
    for name in names:
        splits = set()
        for directory, record in read_records(find_sweep(name).path)[0]:
            answers = read_answers(directory)
            if record.state == "COMPLETE" and answers is not None:
                network = f"{name}, depth {record.network['depth']}, width {record.network['width']}"
                kept.setdefault(network, []).append(answers.right)
                splits.add(answers.split)
        assert len(splits) == 1, f"{name} has answers to other images too"
    kept = {network: answers for network, answers in kept.items() if len(answers) >= FEWEST}
    packed = {name: np.packbits(np.stack(one), axis=1) for name, one in kept.items()}
    np.savez_compressed(ANSWERS, images=[len(one[0]) for one in kept.values()], **packed)


def load() -> dict[str, list[RightArray]]:
    """The committed answers by network."""
    with np.load(ANSWERS) as file:
        names = [name for name in file.files if name != "images"]
        return {
            name: list(np.unpackbits(file[name], axis=1, count=int(images)).astype(bool))
            for name, images in zip(names, file["images"], strict=True)
        }


def main() -> None:
    """Print what was asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--collect", nargs="+", metavar="SWEEP")
    parser.add_argument("--times", type=int, default=1000, help="resamplings; of equals ten times as many")
    arguments = parser.parse_args()
    if arguments.collect:
        collect(arguments.collect)
    paired.MOST_DRAWS = 4000  # of each critical value: enough for rates
    all_, times = load(), arguments.times
    rows = []
    for name, networks in all_.items():
        scatter = paired.seed_scatter([networks])
        assert scatter is not None
        mean = float(np.mean([one.mean() for one in networks]))
        parts = (scatter.variance**0.5, scatter.answers**0.5)
        rows.append((name, len(networks), round(mean, 4), *(round(part, 4) for part in parts)))
    print(pd.DataFrame(rows, columns=["network", "seeds", "mean", "sd over seeds", "of answers"]).to_string())
    most = max(map(len, all_.values()))
    for count, seeds in [one for one in DESIGNS if one[0] * one[1] <= most]:
        print(f"equal, {count} x {seeds} seeds:", false_rate(all_, count, seeds, 10 * times), flush=True)
    networks = max(all_.values(), key=len)
    for count in (2, 8):
        rates = false_rate_of_networks(networks, count, 10 * times)
        print(f"equal networks, {count} x 1:", rates, flush=True)
        print(
            f"one seed read as a configuration, {count} x 1:",
            false_rate(all_, count, 1, 10 * times),
            flush=True,
        )
    for count, seeds, far in POWER:
        if count * seeds <= most:
            found = smallest_found(all_, count, seeds, max(200, times // 4), far)
            print(
                f"found in 80 %, {count} x {seeds}, others {far} worse (difference, mean margin):",
                found,
                flush=True,
            )


if __name__ == "__main__":
    main()
