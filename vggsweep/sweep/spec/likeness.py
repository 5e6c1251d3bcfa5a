"""Earlier trials that were trained as a sweep would train: only depth, width and resolution differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vggsweep.configuration.identity import without_idle_fields
from vggsweep.configuration.recorded import recorded_plain
from vggsweep.errors import ConfigError
from vggsweep.results.disk.choice import Choice
from vggsweep.results.disk.layout import SweepDirectory, existing_sweeps, find_sweep, sweep_directory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.sweep.spec.saved_spec import flat
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import MOST_FIELDS, NOT_COMPARED, UNLIKE_BUT_EQUAL

# What makes a network larger, with what decides it; and the luck of a training.
SIZES = ("arch.depth", "arch.width", "dataset.resolution", "budget", "seed")


def trials_alike(spec: SweepSpec, named: str | None = None) -> Choice | None:
    """Finished trials whose results tell what networks of other sizes would reach in a sweep.

    Args:
        spec: of the sweep that is planned.
        named: the sweep that they are of; None looks through all under ``outputs/``.

    Returns:
        The trials; None where there is none, or the sweep varies more than sizes.

    Raises:
        ConfigError: the named sweep does not exist or has no such trial; the text names what differs.
    """
    beyond = [one for one in (name.lstrip("+") for name in spec.space.distributions) if not _is_size(one)]
    if beyond and named is not None:
        raise ConfigError(
            f"--like {named}: this sweep varies {_listed(beyond)} as well, and what is predicted is networks "
            "that differ in depth, width and resolution alone."
        )
    if beyond:
        return None
    places = [find_sweep(named)] if named is not None else map(sweep_directory, existing_sweeps())
    wanted, found = _settings(spec.base), {}
    for place in places:
        trials, differing = _alike(place, wanted)
        digests = {digest for digest in trials.values() if digest is not None}
        if digests and digests != {spec.fingerprints.of(spec.base).digest}:
            trials, differing = {}, ["images"]
        if trials:
            found[place] = frozenset(trials)
        elif named is not None:
            raise ConfigError(f"--like {named}: {_why_not(named, differing)}")
    by_path: dict[Path, frozenset[int]] = {place.path: numbers for place, numbers in found.items()}
    return Choice(tuple(found), by_path) if found else None


def _alike(place: SweepDirectory, wanted: Mapping[str, Any]) -> tuple[dict[int, str | None], list[str]]:
    """The trials of a sweep with these settings, each with the digest of its data; else what differs."""
    alike, least = {}, None
    for number, record in _finished(place):
        own = _settings(recorded_plain(record))
        differing = sorted(key for key in own.keys() | wanted.keys() if own.get(key) != wanted.get(key))
        if not differing:
            alike[number] = record.data_fingerprint
        elif record.swept and not set(differing) & set(record.swept):
            return {}, differing  # and so do all trials of that sweep
        elif least is None or len(differing) < len(least):
            least = differing
    return alike, least or []


def _finished(place: SweepDirectory) -> Iterator[tuple[int, Record]]:
    for number in place.begun_trials():
        record = readable_record(place.trial(number).record)
        if record is not None and record.state == "COMPLETE":
            yield number, record


def _why_not(named: str, differing: list[str]) -> str:
    if not differing:
        return f"it has no finished trial. `vggsweep status {named}` shows how far it is."
    return f"its {_listed(differing)} {'differs' if len(differing) == 1 else 'differ'} from this sweep's."


def _settings(plain: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have to be equal, by their names."""
    kept = {key: value for key, value in without_idle_fields(plain).items() if key not in NOT_COMPARED}
    return {
        key: value for key, value in flat(kept).items() if key not in UNLIKE_BUT_EQUAL and not _is_size(key)
    }


def _is_size(name: str) -> bool:
    return any(name == size or name.startswith(f"{size}.") for size in SIZES)


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = [f"{len(names) - MOST_FIELDS} more"] if len(names) > MOST_FIELDS else []
    return ", ".join(names[:MOST_FIELDS] + more)
