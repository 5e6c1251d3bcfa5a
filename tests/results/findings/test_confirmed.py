"""What is said of networks whose answers to the test images are known."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from vggsweep.results.disk.answers import Answers
from vggsweep.results.disk.confirmation import ChosenNetwork, Confirmation
from vggsweep.results.findings.confirmed import TestedNetwork, findings_of, judge, seeds_that_tell
from vggsweep.results.statistics.paired import SeedScatter

IMAGES = 4000


def network(name: str, accuracy: float, seeds: int, *, of_seed: float = 0.0, start: int = 0) -> TestedNetwork:
    """A network whose images are as hard for it as for all others, and that each seed answers anew.

    Args:
        accuracy: that it has on average.
        of_seed: by how much whole trainings come out better or worse.
    """
    hard = np.random.default_rng(7).random(IMAGES)  # common to all networks
    answers = []
    for seed in range(seeds):
        generator = np.random.default_rng([start, seed])
        shift = of_seed * generator.standard_normal()
        noise = 0.05 * generator.standard_normal(IMAGES)
        answers.append(Answers(hard + noise < accuracy + shift, "test:one"))
    chosen = ChosenNetwork(name=name, trials=(start,), accuracy=accuracy, point={}, key=name, seconds=None)
    return TestedNetwork(
        chosen=chosen,
        trials=tuple(range(seeds)),
        accuracies=tuple(one.accuracy for one in answers),
        answers=tuple(answers),
    )


def confirmation(seeds: int, *networks: TestedNetwork) -> Confirmation:
    return Confirmation(
        sweep="search",
        rule="the best",
        accuracy="val_acc",
        chosen=tuple(one.chosen for one in networks),
        top=5,
        named=(),
        first_seed=1,
        seeds=seeds,
        words=(),
        flags=(),
        begun="2026-11-27T20:00:00+00:00",
    )


def said(*networks: TestedNetwork) -> str:
    return str(judge(confirmation(len(networks[0].trials), *networks), networks)["verdict"])


def test_a_large_difference_is_told() -> None:
    text = said(network("deep", 0.9, 5), network("wide", 0.8, 5, start=1))
    assert text.startswith("The search's best is the best on the test set too: deep (test_acc 0.89")
    assert text.endswith("It is better than the other one by more than chance.")


def test_the_search_was_wrong_by_more_than_chance() -> None:
    text = said(network("deep", 0.8, 5), network("wide", 0.9, 5, start=1))
    assert "The search's best, deep, is not the best on the test set: wide is" in text
    assert "more than chance allows" in text


def test_too_few_seeds_are_said_with_how_many_would_do() -> None:
    pair = network("deep", 0.88, 3, of_seed=0.02), network("wide", 0.86, 3, of_seed=0.02, start=1)
    result = judge(confirmation(3, *pair), pair)
    (_, needed) = sorted((one.seeds_needed or 0) for one in findings_of(result))
    assert needed > 3
    assert (
        f"3 seeds are too few to tell such a difference, about {needed} of each would do" in result["verdict"]
    )


def test_no_number_of_seeds_helps_where_the_images_are_too_few() -> None:
    generator = np.random.default_rng(0)
    best, other = ([generator.random(100) < accuracy] * 3 for accuracy in (0.81, 0.8))
    assert seeds_that_tell(0.01, best, other, SeedScatter(1e-6, 0.0, 4), 2) is None
    assert seeds_that_tell(0.2, best, other, SeedScatter(1e-2, 0.0, 4), 2) is not None


def test_as_many_seeds_as_it_says_tell_the_difference_in_most_confirmations() -> None:
    pair = [network("deep", 0.87, 4, of_seed=0.01), network("wide", 0.855, 4, of_seed=0.01, start=1)]
    answers = [[one.right for one in each.answers] for each in pair]
    scatter = SeedScatter(0.01**2, 0.0, 6)
    needed = seeds_that_tell(0.015, answers[0], answers[1], scatter, 2)
    assert needed is not None
    told = 0
    for at in range(20):
        tried = [
            network("deep", 0.87, needed, of_seed=0.01, start=100 + 2 * at),
            network("wide", 0.855, needed, of_seed=0.01, start=101 + 2 * at),
        ]
        told += any(one["is_worse"] for one in judge(confirmation(needed, *tried), tried)["networks"])
    assert 12 <= told <= 20


def test_one_seed_claims_nothing_about_other_seeds() -> None:
    result = judge(confirmation(1), [network("deep", 0.87, 1), network("wide", 0.868, 1, start=1)])
    assert "what another seed would change is not known" in result["uncertainty"]
    assert "One training of each is too few" in result["verdict"]


def test_one_network_is_compared_with_nothing() -> None:
    text = said(network("deep", 0.9, 3))
    assert text.startswith("deep reaches test_acc 0.90")
    assert text.endswith("the search had said val_acc 0.9000. Nothing is compared.")


def test_failed_trainings_are_said() -> None:
    pair = [replace(network("deep", 0.9, 2), failed=(7,)), network("wide", 0.8, 3, start=1)]
    (caution,) = judge(confirmation(3, *pair), pair)["cautions"]
    assert caution == "1 of 3 trainings of deep failed (trial 7): its mean is of those that did not"


def test_answers_to_other_images_are_not_compared() -> None:
    other = network("wide", 0.8, 2, start=1)
    other = replace(other, answers=tuple(Answers(one.right, "test:two") for one in other.answers))
    assert "cannot be compared" in said(network("deep", 0.9, 2), other)


def test_a_result_reads_back_as_it_was() -> None:
    pair = network("deep", 0.9, 3), network("wide", 0.8, 3, start=1)
    result = judge(confirmation(3, *pair), pair)
    again = json.loads(json.dumps(result))
    assert findings_of(again) == findings_of(result)


def test_networks_that_answered_different_test_images_are_not_said_to_have_lost_them() -> None:
    one, other = network("a", 0.8, 2), network("b", 0.7, 2, start=1)
    elsewhere = tuple(replace(answers, split="test:another") for answers in other.answers)

    found = judge(confirmation(2, one, other), (one, replace(other, answers=elsewhere)))

    assert "2 different sets of test images" in found["verdict"]
    assert "lost" not in found["verdict"]
