"""When a repeated training counts as the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vggsweep.results.disk.record import Record
from vggsweep.results.statistics.agreement import Agreement, compare_repetition
from vggsweep.results.statistics.noise import BinomialNoise, SeedNoise

CPU = {
    "packages": {"torch": "2.14.1", "numpy": "2.4.6", "optuna": "5.0.0"},
    "python": "3.11.7",
    "device": "cpu",
    "device_name": "a CPU",
    "precision": "fp32",
    "threads": 2,
}
NOISE = BinomialNoise(1000)


def history(*accuracies: float) -> list[dict[str, float]]:
    return [
        {
            "epoch": at,
            "train_loss": 1.0,
            "train_acc": 0.5,
            "val_loss": 1.0,
            "val_acc": acc,
            "train_seconds": at,
        }
        for at, acc in enumerate(accuracies, 1)
    ]


@pytest.fixture
def compare(record: Callable[..., Record]) -> Callable[..., Agreement]:
    """``compare(old, new, …)``: two lists of accuracies; ``environment`` is what is other now."""

    def build(
        old: tuple[float, ...], new: tuple[float, ...], environment: dict[str, Any] | None = None, **more: Any
    ) -> Agreement:
        changes = {"data_fingerprint": "a", **more.pop("changes", {})}
        return compare_repetition(
            (record(environment=CPU, data_fingerprint="a"), history(*old)),
            (
                record(environment={**CPU, **(environment or {})}, **{"data_fingerprint": "a", **changes}),
                history(*new),
            ),
            more.pop("noise", NOISE),
            more.pop("tolerance", None),
        )

    return build


def test_equal_epochs_are_reproduced_exactly(compare: Callable[..., Agreement]) -> None:
    found = compare((0.5, 0.6), (0.5, 0.6))
    assert found.is_reproduced
    assert found.is_exact
    assert "equal to the last bit in all 2 epochs" in found.verdict


def test_on_the_same_cpu_and_versions_the_last_bit_counts(compare: Callable[..., Agreement]) -> None:
    found = compare((0.5, 0.6), (0.5, 0.6000001))
    assert not found.is_reproduced
    assert found.first_other == 2
    assert "should give the same bits" in found.verdict
    assert compare((0.5, 0.6), (0.5, 0.6000001), tolerance=0.001).is_reproduced


@pytest.mark.parametrize(
    "other",
    [
        {"packages": {**CPU["packages"], "torch": "2.15.0"}},
        {"device": "cuda:0", "device_name": "a GPU"},
        {"threads": 4},
        {"precision": "bf16"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_elsewhere_the_noise_is_allowed(compare: Callable[..., Agreement], other: dict[str, Any]) -> None:
    near, far = compare((0.5, 0.6), (0.5, 0.62), other), compare((0.5, 0.6), (0.5, 0.7), other)
    assert not near.is_exact
    assert near.is_reproduced
    assert near.tolerance == pytest.approx(NOISE.margin((0.6, 1), (0.62, 1)))
    assert "noise of counting images" in near.verdict
    assert not far.is_reproduced
    assert [fact.name for fact in near.environment if not fact.is_same]


def test_packages_that_compute_nothing_may_be_others(compare: Callable[..., Agreement]) -> None:
    found = compare((0.5,), (0.6,), {"packages": {**CPU["packages"], "optuna": "5.1.0"}})
    assert found.is_exact
    assert not found.is_reproduced


def test_known_seeds_say_the_noise(compare: Callable[..., Agreement]) -> None:
    found = compare((0.5,), (0.51,), {"threads": 4}, noise=SeedNoise(0.001, 10))
    assert "noise of seeds" in found.verdict
    assert not found.is_reproduced


def test_of_a_trial_that_was_stopped_early_its_own_epochs_count(compare: Callable[..., Agreement]) -> None:
    found = compare((0.5,), (0.5, 0.6, 0.7))
    assert found.is_reproduced
    assert found.epochs == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"data_fingerprint": "b"}, "the data are others"),
        ({"state": "FAIL", "reason": "No memory."}, "it failed this time. No memory."),
    ],
)
def test_what_cannot_be_compared_is_not_reproduced(
    compare: Callable[..., Agreement], changes: dict[str, Any], told: str
) -> None:
    found = compare((0.5,), (0.5,), changes=changes)
    assert not found.is_reproduced
    assert told in found.verdict
    assert not compare((), (0.5,)).is_reproduced
