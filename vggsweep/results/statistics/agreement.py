"""Whether a training that was repeated came out as before: to the last bit, or within the noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vggsweep.results.disk.record import Record, value_at
from vggsweep.results.statistics.noise import Noise, SeedNoise

# What an epoch comes to; the others are times, and the rate, which follows from the settings.
EPOCH_FIGURES = ("train_loss", "train_acc", "val_loss", "val_acc")
COSTS = ("params", "macs")
# Of an environment: what may change the last bits of a result, and what only says where it was.
DECIDES = ("device_name", "precision", "threads", "python")
# Packages that compute; a training takes nothing else of the others than its configuration.
COMPUTING = ("vggsweep", "torch", "torchvision", "numpy")


@dataclass(frozen=True)
class Fact:
    """One figure or version, then and now.

    Args:
        name: of it.
        before, now: None where a record does not say.
    """

    name: str
    before: Any
    now: Any

    @property
    def is_same(self) -> bool:
        return bool(self.before == self.now)


@dataclass(frozen=True)
class Agreement:
    """A recorded training against its repetition.

    Args:
        environment: versions and machine, then and now.
        results: figures of the last epoch that both have, costs.
        epochs: how many both have.
        first_other: the first epoch that differs in a figure; None where none does.
        is_exact: whether equality is to be expected: on the CPU, by the same versions, on the same machine.
        tolerance: by how much `val_acc` may differ; None where equality is asked for.
        why: what the tolerance is.
        is_reproduced: the answer.
        verdict: the answer as a sentence.
    """

    environment: tuple[Fact, ...]
    results: tuple[Fact, ...]
    epochs: int
    first_other: int | None
    is_exact: bool
    tolerance: float | None
    why: str
    is_reproduced: bool
    verdict: str


def compare_repetition(
    before: tuple[Record, Sequence[Mapping[str, float]]],
    now: tuple[Record, Sequence[Mapping[str, float]]],
    noise: Noise | None,
    tolerance: float | None = None,
) -> Agreement:
    """Set a training against its repetition.

    Args:
        before: record and history of the trial.
        now: those of the repetition.
        noise: of accuracies; None where nothing says it.
        tolerance: by how much `val_acc` may differ, as a person says it; None for equality where that is
            to be expected, else for the noise.
    """
    environment = tuple(_environment(before[0], now[0]))
    pairs = list(zip(before[1], now[1], strict=False))
    first = next((at for at, (old, new) in enumerate(pairs, 1) if _differ(old, new)), None)
    is_exact = all(_on_cpu(record) for record, _ in (before, now)) and all(
        fact.is_same for fact in environment if fact.name in (*DECIDES, *COMPUTING)
    )
    results = tuple(_results(before, now, len(pairs)))
    allowed, why = tolerance, "as --tolerance says"
    accuracy = next((fact for fact in results if fact.name == "val_acc"), None)
    if allowed is None and not is_exact and noise is not None and accuracy is not None:
        values = [float(value or 0.0) for value in (accuracy.before, accuracy.now)]
        allowed = noise.margin((values[0], 1), (values[1], 1))
        why = "95 % noise of seeds" if isinstance(noise, SeedNoise) else "95 % noise of counting images"
    is_reproduced, verdict = _judge(before[0], now[0], pairs, first, is_exact, allowed, why, accuracy)
    told = "" if allowed is None else why
    return Agreement(environment, results, len(pairs), first, is_exact, allowed, told, is_reproduced, verdict)


def _judge(
    before: Record,
    now: Record,
    pairs: Sequence[object],
    first: int | None,
    is_exact: bool,
    allowed: float | None,
    why: str,
    accuracy: Fact | None,
) -> tuple[bool, str]:
    if before.data_fingerprint and now.data_fingerprint and before.data_fingerprint != now.data_fingerprint:
        return False, "Not reproduced: the data are others than they were."
    if now.state == "FAIL":
        return False, f"Not reproduced: it failed this time. {now.reason}"
    if not pairs:
        return False, "Nothing to compare: the recorded trial has no history."
    if first is None:
        epochs = "its epoch" if len(pairs) == 1 else f"all {len(pairs)} epochs"
        return True, f"Reproduced exactly: losses and accuracies are equal to the last bit in {epochs}."
    difference = accuracy_difference(accuracy)
    other = f"epoch {first} is the first that differs"
    if allowed is None and is_exact:
        return False, (
            "Not reproduced: one seed, the same versions and machine should give the same bits on the CPU, "
            f"but {other}{_by(difference)}. train.deterministic=false, or a checkpoint that another number "
            "of threads continued, may be why; --tolerance accepts a difference."
        )
    if allowed is None or difference is None:
        return False, f"Not reproduced: {other}, and nothing says how large the noise is (--tolerance does)."
    words = f"val_acc differs by {difference:.4f}; {allowed:.4f} is allowed ({why}), and {other}"
    if difference <= allowed:
        return True, f"Reproduced within the tolerance: {words}."
    return False, f"Not reproduced: {words}."


def accuracy_difference(fact: Fact | None) -> float | None:
    """By how much two accuracies differ; None where one is missing."""
    if fact is None or fact.before is None or fact.now is None:
        return None
    return abs(float(fact.before) - float(fact.now))


def _by(difference: float | None) -> str:
    return "" if difference is None else f" (val_acc by {difference:.4f})"


def _differ(old: Mapping[str, float], new: Mapping[str, float]) -> bool:
    return any(old.get(name) != new.get(name) for name in EPOCH_FIGURES)


def _on_cpu(record: Record) -> bool:
    return record.environment.get("device") == "cpu"


def _environment(before: Record, now: Record) -> Iterator[Fact]:
    old, new = before.environment, now.environment
    packages = [value_at(dict(node), ["packages"]) or {} for node in (old, new)]
    for name in dict.fromkeys([*packages[0], *packages[1]]):
        yield Fact(name, packages[0].get(name), packages[1].get(name))
    for name in ("python", "platform", "device_name", "precision", "threads", "git_commit"):
        yield Fact(name, old.get(name), new.get(name))


def _results(
    before: tuple[Record, Sequence[Mapping[str, float]]],
    now: tuple[Record, Sequence[Mapping[str, float]]],
    epochs: int,
) -> Iterator[Fact]:
    """Of the last epoch that both have: a pruned trial's repetition goes on to the end."""
    for name in COSTS:
        yield Fact(name, before[0].costs.get(name), now[0].costs.get(name))
    if epochs:
        for name in EPOCH_FIGURES:
            yield Fact(name, before[1][epochs - 1].get(name), now[1][epochs - 1].get(name))
    yield Fact("train_seconds", before[0].timings.get("train_seconds"), now[0].timings.get("train_seconds"))
