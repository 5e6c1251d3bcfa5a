"""What a confirmation found: each network on the test set, against the best, and whether the seeds suffice.

The test set is the same for all, so they are compared image by image (`vggsweep.results.statistics.paired`).
How many seeds a difference would take follows from what its variance is made of: the part of the seeds falls
with their number, that of the images does not, and where it alone hides the difference no number would do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from vggsweep.results.disk.answers import Answers
from vggsweep.results.disk.confirmation import ChosenNetwork, Confirmation
from vggsweep.results.statistics.noise import LEVEL, Interval
from vggsweep.results.statistics.paired import (
    GUARD,
    Difference,
    SeedScatter,
    compare_with_best,
    seed_scatter,
)

# A difference counts as one that so many seeds would tell where they do in this share of confirmations.
POWER = 0.8
MOST_SEEDS = 1000


@dataclass(frozen=True)
class TestedNetwork:
    """A network of a confirmation with what its trainings answered.

    Args:
        chosen: what the search knew of it.
        trials: numbers in the confirmation's sweep, one a seed.
        accuracies: on the test set, of each.
        answers: to the test images, of each; empty where some are lost.
        failed: numbers of the trainings that failed.
    """

    __test__ = False  # no test of pytest's

    chosen: ChosenNetwork
    trials: tuple[int, ...]
    accuracies: tuple[float, ...]
    answers: tuple[Answers, ...]
    failed: tuple[int, ...] = ()

    @property
    def mean(self) -> float:
        """Mean accuracy over its trainings."""
        return float(np.mean(self.accuracies))


@dataclass(frozen=True)
class Finding:
    """One network of the result.

    Args:
        name: its settings in words.
        search_trials: numbers of its trials in the search.
        search_acc: what the search had found, by the search's own column.
        trials, accuracies, failed: as of `TestedNetwork`.
        test_acc: mean over its trainings.
        interval: of that, for new seeds and new images; with one seed for new images alone.
        difference: by how much the best is the more accurate.
        difference_interval: of that, 95 % for all comparisons together; None for the best.
        p: chance of so large a difference among equals; None for the best.
        is_worse: whether the best is better by more than chance.
        seeds_needed: of each network, that would tell this difference in 80 of 100 confirmations; None where
            it is told, where no number would do, and where one seed says nothing about that.
        hidden_by_images: whether the test images are too few, whatever the seeds.
    """

    name: str
    search_trials: tuple[int, ...]
    search_acc: float
    trials: tuple[int, ...]
    accuracies: tuple[float, ...]
    failed: tuple[int, ...]
    test_acc: float
    interval: Interval
    difference: float
    difference_interval: Interval | None
    p: float | None
    is_worse: bool
    seeds_needed: int | None
    hidden_by_images: bool


def judge(
    confirmation: Confirmation, tested: Sequence[TestedNetwork], cautions: Sequence[str] = ()
) -> dict[str, Any]:
    """Judge the chosen networks by what they answered to the test images.

    Args:
        confirmation: what was to be confirmed.
        tested: its networks in their order.
        cautions: what is known against the test set, a clause each.

    Returns:
        The result as ``confirmation.json`` holds it: `Finding` of each network that was trained, under
        ``networks``; ``verdict`` and ``uncertainty`` as sentences; ``cautions``; ``images`` and ``seeds``.
    """
    trained = [one for one in tested if one.trials]
    if not trained:
        return _plain(
            (), 0, confirmation.seeds, "No network was trained to its end: nothing is confirmed.", ""
        )
    answers = [[one.right for one in network.answers] for network in trained]
    splits = {one.split for network in trained for one in network.answers}
    if len(splits) > 1:
        several = (
            f"The networks answered {len(splits)} different sets of test images, so that they cannot be "
            "compared: test_acc of the table says what each reached on its own."
        )
        return _plain((), 0, confirmation.seeds, several, "")
    if not all(answers):
        lost = "Answers to single test images are lost, so that these networks cannot be compared."
        return _plain((), 0, confirmation.seeds, lost, "")
    images = len(answers[0][0])
    scatter = seed_scatter(answers)
    differences = compare_with_best(answers, scatter)
    best = next(at for at, one in enumerate(differences) if one.interval is None)
    findings = [_finding(trained, answers, differences, at, best, scatter) for at in range(len(trained))]
    return _plain(
        findings,
        images,
        confirmation.seeds,
        _verdict(findings, best, confirmation, is_lead_trained=trained[0] is tested[0]),
        _uncertainty(scatter, images),
        [*cautions, *_cautions(tested)],
    )


def _plain(
    findings: Sequence[Finding],
    images: int,
    seeds: int,
    verdict: str,
    uncertainty: str,
    cautions: Sequence[str] = (),
) -> dict[str, Any]:
    return {
        "verdict": verdict,
        "uncertainty": uncertainty,
        "cautions": list(cautions),
        "images": images,
        "seeds": seeds,
        "networks": [asdict(one) for one in findings],
    }


def _finding(
    trained: Sequence[TestedNetwork],
    answers: Sequence[Sequence[Any]],
    differences: Sequence[Difference],
    at: int,
    best: int,
    scatter: SeedScatter | None,
) -> Finding:
    one, difference = trained[at], differences[at]
    needed, is_hidden = None, False
    if at != best and not difference.is_told_apart and scatter is not None:
        needed = seeds_that_tell(difference.mean, answers[best], answers[at], scatter, len(trained))
        is_hidden = needed is None and difference.mean > 0
    return Finding(
        name=one.chosen.name,
        search_trials=one.chosen.trials,
        search_acc=one.chosen.accuracy,
        trials=one.trials,
        accuracies=one.accuracies,
        failed=one.failed,
        test_acc=one.mean,
        interval=_interval(answers[at], scatter),
        difference=difference.mean,
        difference_interval=difference.interval,
        p=None if at == best else difference.p,
        is_worse=difference.is_told_apart,
        seeds_needed=needed,
        hidden_by_images=is_hidden,
    )


def _interval(answers: Sequence[Any], scatter: SeedScatter | None) -> Interval:
    """Where the accuracy lies on new images, and with new seeds where their scatter is known."""
    right = np.mean(answers, axis=0)
    tail = 1 - (1 - LEVEL) / 2
    of_images = float(right.var(ddof=1)) / len(right) + 1 / len(right) ** 2
    of_seeds = 0.0
    if scatter is not None:  # the randomness of single answers is a part of the scatter over seeds
        of_images = max(0.0, of_images - scatter.answers / len(answers))
        of_seeds = float(stdtrit(scatter.freedom, tail)) ** 2 * scatter.variance / len(answers)
    half, mean = math.sqrt(float(ndtri(tail)) ** 2 * of_images + of_seeds), float(right.mean())
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def seeds_that_tell(
    difference: float, best: Sequence[Any], other: Sequence[Any], scatter: SeedScatter, networks: int
) -> int | None:
    """How many seeds of each network would tell a difference, in 80 of 100 confirmations.

    Args:
        difference: of two mean accuracies.
        best, other: answers of each seed, bool [images].
        scatter: over seeds.
        networks: that are compared with each other, for the level of all comparisons together.

    Returns:
        More than there were; None where no number would do: the images alone hide it, or it is none.
    """
    apart = np.mean(best, axis=0) - np.mean(other, axis=0)
    images, shares = len(apart), 1 / len(best) + 1 / len(other)
    seen = float(apart.var(ddof=1)) / images + 2 / images**2
    of_images = max(0.0, seen - scatter.answers * shares)
    per_seed = 2 * scatter.variance
    tail = 1 - GUARD * (1 - LEVEL) / 2 / (networks * (networks - 1) / 2)
    for seeds in range(max(len(best), len(other)) + 1, MOST_SEEDS):
        sigmas = float(stdtrit(networks * (seeds - 1), tail)) + float(ndtri(POWER))
        if sigmas * math.sqrt(of_images + per_seed / seeds) <= difference:
            return seeds
    return None


def _verdict(
    findings: Sequence[Finding], best: int, confirmation: Confirmation, *, is_lead_trained: bool
) -> str:
    top, lead = findings[best], findings[0]
    seeds = "one new seed" if len(top.trials) == 1 else f"mean of {len(top.trials)} new seeds"
    found = f"test_acc {top.test_acc:.4f}, {seeds}, 95 % interval {top.interval}"
    if len(findings) == 1:
        return (
            f"{top.name} reaches {found}; the search had said {confirmation.accuracy} {top.search_acc:.4f}. "
            "Nothing is compared."
        )
    if best == 0 and is_lead_trained:
        start = f"The search's best is the best on the test set too: {top.name} ({found})."
    elif is_lead_trained:
        by = "more than chance allows" if lead.is_worse else "which chance allows"
        start = (
            f"The search's best, {lead.name}, is not the best on the test set: {top.name} is ({found}), "
            f"by {lead.difference:.4f}, {by}."
        )
    else:
        start = f"The search's best could not be trained. The best of the others is {top.name} ({found})."
    others = [one for at, one in enumerate(findings) if at != best]
    equal = [one for one in others if not one.is_worse]
    if not equal:
        which = "the other one" if len(others) == 1 else f"each of the {len(others)} others"
        return f"{start} It is better than {which} by more than chance." + _of_one_seed(findings)
    if len(equal) == len(others):
        none = "The other one is" if len(others) == 1 else f"None of the {len(others)} others is"
        start += f" {none} {'not ' if len(others) == 1 else ''}told apart from it."
    else:
        start += f" {len(others) - len(equal)} of {len(others)} others are worse by more than chance."
    return " ".join([start, *map(_advice, equal)]) + _of_one_seed(findings)


def _of_one_seed(findings: Sequence[Finding]) -> str:
    """That nothing is said of an architecture which one training each stands for."""
    if any(len(one.trials) > 1 for one in findings):
        return ""
    return (
        " One training of each is too few: this holds for these trained networks, and what another seed "
        "would change is not known. --seeds 5 in a confirmation of its own tells that."
    )


def _advice(one: Finding) -> str:
    """Why a network is not told apart from the best, and what would tell it."""
    if one.difference == 0:
        return f"Equal to it is {one.name}."
    seen = f"Below it by {one.difference:.4f} lies {one.name}"
    if one.seeds_needed is not None:
        return (
            f"{seen}: {len(one.trials)} seeds are too few to tell such a difference, about "
            f"{one.seeds_needed} of each would do."
        )
    if one.hidden_by_images:
        return (
            f"{seen}: these test images are too few to tell such a difference, whatever the number of seeds."
        )
    return f"{seen}, which other images may turn around."


def _uncertainty(scatter: SeedScatter | None, images: int) -> str:
    if scatter is None:
        return (
            f"All networks answered the same {images:,} test images and are compared image by image. With "
            "one training of each the question is of these trained networks on new images; what another "
            "seed would change is not known."
        )
    deviation = math.sqrt(max(scatter.variance, 0.0))
    return (
        f"All networks answered the same {images:,} test images and are compared image by image, for new "
        f"images and new seeds; one training's accuracy scatters by {deviation:.4f} over seeds. Intervals of "
        "differences hold at 95 % for all of them together, the choice of the best included."
    )


def _cautions(tested: Sequence[TestedNetwork]) -> list[str]:
    found = []
    for one in tested:
        if one.failed:
            count = len(one.failed)
            trials = f"trial {one.failed[0]}" if count == 1 else f"trials {', '.join(map(str, one.failed))}"
            found.append(
                f"{count} of {count + len(one.trials)} trainings of {one.chosen.name} failed ({trials}): its "
                "mean is of those that did not"
            )
    return found


def findings_of(result: Mapping[str, Any]) -> list[Finding]:
    """The networks of a result that was read back."""
    known = []
    for plain in result["networks"]:
        intervals = {
            name: None if plain[name] is None else Interval(**plain[name])
            for name in ("interval", "difference_interval")
        }
        lists = {name: tuple(plain[name]) for name in ("search_trials", "trials", "accuracies", "failed")}
        known.append(Finding(**{**plain, **intervals, **lists}))
    return known
