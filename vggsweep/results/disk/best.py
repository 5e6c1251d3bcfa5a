"""The best configuration of a sweep: by the mean over its seeds, as the verdict decides.

Of many trials the best is the luckiest: by how much seeds of one configuration differ is mostly chance. So a
trial is called the best for its configuration's sake, and it is the first of that configuration.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from vggsweep.configuration.identity import replicate_hash
from vggsweep.errors import RecordError
from vggsweep.results.best_rates import RatedTrial, own_rates
from vggsweep.results.disk.layout import SweepDirectory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.disk.sweep_file import SavedSpec, read_saved_spec


@dataclass(frozen=True)
class RankedConfiguration:
    """A configuration with its COMPLETE trials.

    Args:
        trials: their numbers, ascending; the first stands for the configuration.
        accuracy: mean of `val_acc` over them, of equal seeds the first.
        seeds: how many seeds that is the mean of.
        is_compared: False for one that only the search for learning rates trained, in a sweep that has begun
            to compare networks at their own.
    """

    trials: tuple[int, ...]
    accuracy: float
    seeds: int
    is_compared: bool = True


def ranked_configurations(sweep: SweepDirectory) -> list[RankedConfiguration]:
    """The configurations of a sweep that have a COMPLETE trial, the best first.

    Of equals the one with the fewest MACs comes first. Where each network's learning rate was searched
    (`sweep.fair_lr`) and the comparison with fresh seeds has begun, networks at their own rate come
    before all others.
    """
    found = ((number, readable_record(sweep.trial(number).record)) for number in sweep.begun_trials())
    records = {number: record for number, record in found if record is not None}
    at_own_rate = _at_own_rates(records, _saved(sweep))
    keys = configuration_keys(records)
    groups: dict[tuple[object, ...], list[int]] = {}
    for number, record in records.items():
        if record.state == "COMPLETE" and record.metrics.get("val_acc") is not None:
            machine = (record.environment.get("device_name"), record.environment.get("precision"))
            groups.setdefault((keys[number], *machine), []).append(number)
    ranked = []
    for numbers in groups.values():
        by_seed: dict[str, float] = {}
        for number in numbers:
            by_seed.setdefault(
                str(records[number].configuration.get("seed")), float(records[number].metrics["val_acc"])
            )
        mean = statistics.fmean(by_seed.values())
        is_compared = at_own_rate is None or numbers[0] in at_own_rate
        macs = records[numbers[0]].costs.get("macs")
        merit = (not is_compared, -mean, float("inf") if macs is None else macs, numbers[0])
        ranked.append((merit, RankedConfiguration(tuple(numbers), mean, len(by_seed), is_compared)))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])]


def _saved(sweep: SweepDirectory) -> SavedSpec | None:
    with suppress(RecordError):  # a damaged one says nothing of learning rates
        return read_saved_spec(sweep.settings)
    return None


def _at_own_rates(records: Mapping[int, Record], saved: SavedSpec | None) -> set[int] | None:
    """The trials at each network's own rate; None where there is no comparison, or it has not begun."""
    if saved is None or saved.fair is None:
        return None
    numbers = sorted(records)
    trials = [_rated(records[number], saved.objective) for number in numbers]
    found = own_rates(trials, saved.fair)
    if found is None or not found.has_compared:
        return None
    return {number for number, is_own in zip(numbers, found.is_own, strict=True) if is_own}


def _rated(record: Record, objective: Sequence[str]) -> RatedTrial:
    plain = record.configuration
    node = plain.get("optimizer")
    optimizer: Mapping[str, Any] = node if isinstance(node, Mapping) else {}
    rest = {key: value for key, value in optimizer.items() if key != "lr"}
    accuracy = record.metrics.get(objective[0]) if record.state == "COMPLETE" else None
    network = (replicate_hash({**plain, "optimizer": rest}), record.data_fingerprint)
    return RatedTrial(network, float(optimizer.get("lr") or "nan"), int(plain.get("seed") or 0), accuracy)


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
