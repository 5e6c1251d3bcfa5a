"""The best configuration of a sweep: by the mean over its seeds, as the verdict decides.

Of many trials the best is the luckiest: by how much seeds of one configuration differ is mostly chance. So a
trial is called the best for its configuration's sake, and it is the first of that configuration.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vggsweep.configuration.identity import replicate_hash
from vggsweep.errors import RecordError
from vggsweep.results.best_rates import RatedTrial, own_rates
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.study_file import check_place, known_identities
from vggsweep.results.disk.sweep_file import SavedSpec, read_saved_spec


@dataclass(frozen=True)
class RankedConfiguration:
    """A configuration with its COMPLETE trials.

    Args:
        trials: their numbers, ascending; the first stands for the configuration.
        accuracy: mean over them of the accuracy that the sweep maximises, of equal seeds the first.
        val_acc: mean of `val_acc` over the same.
        seeds: how many seeds that is the mean of.
        is_compared: False for one that only the search for learning rates trained, in a sweep that has begun
            to compare networks at their own.
    """

    trials: tuple[int, ...]
    accuracy: float
    val_acc: float
    seeds: int
    is_compared: bool = True


def ranked_configurations(sweep: SweepDirectory) -> list[RankedConfiguration]:
    """The configurations of a sweep that have a COMPLETE trial, the best first.

    The accuracy is the one that the sweep maximises. Of equals the one with the fewest MACs comes first. A
    record that lies in another trial's place counts as little as it does in a table. Where each network's
    learning rate was searched (`sweep.fair_lr`) and the comparison with fresh seeds has begun, networks at
    their own rate come before all others.
    """
    records, saved = _records(sweep), _saved(sweep)
    at_own_rate = _at_own_rates(records, saved)
    accuracy = saved.accuracy if saved is not None else "val_acc"
    keys = configuration_keys(records)
    groups: dict[str, list[int]] = {}  # whatever machine trained which seed, as the study averages them
    for number, record in records.items():
        has_both = all(record.metrics.get(name) is not None for name in (accuracy, "val_acc"))
        if record.state == "COMPLETE" and has_both:
            groups.setdefault(keys[number], []).append(number)
    ranked = []
    for numbers in groups.values():
        by_seed: dict[str, Mapping[str, Any]] = {}
        for number in numbers:
            by_seed.setdefault(str(records[number].configuration.get("seed")), records[number].metrics)
        mean, val_acc = (
            statistics.fmean(float(metrics[name]) for metrics in by_seed.values())
            for name in (accuracy, "val_acc")
        )
        is_compared = at_own_rate is None or numbers[0] in at_own_rate
        macs = records[numbers[0]].costs.get("macs")
        merit = (not is_compared, -mean, float("inf") if macs is None else macs, numbers[0])
        one = RankedConfiguration(tuple(numbers), mean, val_acc, len(by_seed), is_compared)
        ranked.append((merit, one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _records(sweep: SweepDirectory) -> dict[int, Record]:
    """The records that lie in their own trial's place, by number."""
    known = known_identities(sweep.study)
    found = {}
    for number in sweep.begun_trials():
        file = sweep.trial(number).record
        if (record := readable_record(file)) is not None:
            with suppress(RecordError):
                check_place(record, number, known.get(number), str(file))
                found[number] = record
    return found


def _saved(sweep: SweepDirectory) -> SavedSpec | None:
    with suppress(RecordError):  # a damaged one says nothing of learning rates
        return read_saved_spec(sweep.settings)
    return None


def _at_own_rates(records: Mapping[int, Record], saved: SavedSpec | None) -> set[int] | None:
    """The trials at each network's own rate; None where there is no comparison, or it has not begun."""
    if saved is None or saved.fair is None:
        return None
    numbers = sorted(records)
    trials = [_rated(records[number], saved.accuracy) for number in numbers]
    found = own_rates(trials, saved.fair)
    if found is None or not found.has_compared:
        return None
    return {number for number, is_own in zip(numbers, found.is_own, strict=True) if is_own}


def _rated(record: Record, accuracy: str) -> RatedTrial:
    plain = record.configuration
    node = plain.get("optimizer")
    optimizer: Mapping[str, Any] = node if isinstance(node, Mapping) else {}
    rest = {key: value for key, value in optimizer.items() if key != "lr"}
    reached = record.metrics.get(accuracy) if record.state == "COMPLETE" else None
    network = (replicate_hash({**plain, "optimizer": rest}), record.data_fingerprint)
    return RatedTrial(network, float(optimizer.get("lr") or "nan"), int(plain.get("seed") or 0), reached)


def configuration_keys(records: Mapping[Any, Record]) -> dict[Any, str]:
    """A text for each record, the same for replicates: of one configuration, on the same images.

    A record that does not say what its images were goes with those of its configuration that do, where these
    agree.
    """
    hashes = {label: replicate_hash(record.configuration) for label, record in records.items()}
    known: dict[str, set[str]] = {hash_: set() for hash_ in hashes.values()}
    for label, record in records.items():
        known[hashes[label]] |= {record.data_fingerprint} if record.data_fingerprint else set()
    only = {hash_: next(iter(images)) if len(images) == 1 else "" for hash_, images in known.items()}
    return {at: f"{hash_}:{records[at].data_fingerprint or only[hash_]}" for at, hash_ in hashes.items()}
