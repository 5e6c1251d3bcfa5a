"""Earlier trials that were trained as a sweep would train: only depth, width and resolution differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from vggsweep.configuration.identity import without_idle_fields
from vggsweep.configuration.recorded import recorded_plain
from vggsweep.errors import ConfigError
from vggsweep.results.columns import PARAMETERS, is_setting
from vggsweep.results.disk.choice import Choice
from vggsweep.results.disk.layout import SweepDirectory, existing_sweeps, find_sweep, sweep_directory
from vggsweep.results.disk.record import Record, readable_record
from vggsweep.results.tables.table import read_rows
from vggsweep.sweep.spec.saved_spec import flat
from vggsweep.sweep.spec.spec import SweepSpec
from vggsweep.sweep.spec.warm_start import MOST_FIELDS, NOT_COMPARED, UNLIKE_BUT_EQUAL

# What makes a network larger, with what decides it; and the luck of a training.
SIZES = ("arch.depth", "arch.width", "dataset.resolution", "budget", "seed")
SIZE_COLUMNS = tuple(PARAMETERS[name] for name in SIZES if name in PARAMETERS)


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
    alike: dict[int, str | None] = {}
    least: list[str] | None = None
    for numbers, record in _finished(place):
        own = _settings(recorded_plain(record))
        differing = sorted(key for key in own.keys() | wanted.keys() if own.get(key) != wanted.get(key))
        if not differing:
            alike |= dict.fromkeys(numbers, record.data_fingerprint)
        elif record.swept and not set(differing) & set(record.swept):
            return {}, differing  # and so do all trials of that sweep
        elif least is None or len(differing) < len(least):
            least = differing
    return alike, least or []


def _finished(place: SweepDirectory) -> Iterator[tuple[list[int], Record]]:
    """The finished trials in groups with equal settings but for their sizes, each with the record of one.

    The trials of a sweep differ in nothing that its table does not show, and the table has an index; single
    runs may differ in anything.
    """
    groups: dict[object, list[int]] = {}
    is_sweep = place.settings.is_file()
    for row in read_rows(place.path, keeps_index=False):
        if row["state"] == "COMPLETE":
            key = _shown_settings(row) if is_sweep else row["trial"]
            groups.setdefault(key, []).append(row["trial"])
    for numbers in groups.values():
        if (record := readable_record(place.trial(numbers[0]).record)) is not None:
            yield numbers, record


def _shown_settings(row: Mapping[str, Any]) -> str:
    """The settings of a row that are no sizes, and which images validated, as one text."""
    names = (name for name in row if name == "images" or (is_setting(name) and not _is_size(name)))
    shown = ((name, row[name]) for name in sorted(names) if name not in SIZE_COLUMNS)
    return str([(name, value) for name, value in shown if value is not None])


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
