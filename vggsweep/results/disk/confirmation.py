"""``confirmation.json``: which networks of a sweep are confirmed, with which seeds, and what was found.

The first half is written before anything is trained, so that neither the choice nor the number of seeds can
follow from what the test set says; the second half once every network has answered the test images.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vggsweep.errors import RecordError
from vggsweep.files import write_atomically

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class ChosenNetwork:
    """A configuration of the search that is trained again.

    Args:
        name: its settings in words.
        trials: numbers of its finished trials in the search.
        accuracy: mean of the search's accuracy over these.
        point: its own overrides, without the seed, by key.
        key: hash that its replicates share (`vggsweep.configuration.identity.replicate_hash`).
        seconds: mean time of one of its trials, start and measurement included; None where no record says it.
    """

    name: str
    trials: tuple[int, ...]
    accuracy: float
    point: Mapping[str, Any]
    key: str
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What is confirmed, and what came of it.

    Args:
        sweep: name of the sweep that was searched.
        rule: how the networks were chosen, in words.
        accuracy: column by which the search chose.
        chosen: the networks, the most accurate first.
        top: at most so many networks were asked for.
        named: the trials that a person named instead.
        first_seed: of the new seeds, which follow each other.
        seeds: per network.
        words: of the sweep that trains them.
        flags: of its command, such as ``--config-dir DIR``.
        begun: UTC in ISO 8601.
        result: of `vggsweep.results.findings.confirmed`, as plain values; None before the test set is open.
    """

    sweep: str
    rule: str
    accuracy: str
    chosen: tuple[ChosenNetwork, ...]
    top: int
    named: tuple[int, ...]
    first_seed: int
    seeds: int
    words: tuple[str, ...]
    flags: tuple[str, ...]
    begun: str
    result: Mapping[str, Any] | None = None

    @property
    def networks(self) -> int:
        """How many networks are trained."""
        return len(self.chosen) * self.seeds

    def with_result(self, result: Mapping[str, Any]) -> Confirmation:
        """The same with what was found."""
        return replace(self, result=result)


def write_confirmation(confirmation: Confirmation, path: Path) -> Path:
    """Write ``confirmation.json``, whole or not at all."""
    content = {"schema_version": SCHEMA_VERSION, **asdict(confirmation)}
    return write_atomically(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_confirmation(path: Path) -> Confirmation | None:
    """What a sweep confirms; None for one that confirms nothing.

    Args:
        path: ``confirmation.json``.

    Raises:
        RecordError: the file is damaged or of another schema.
    """
    try:
        plain = json.loads(path.read_bytes())
        if plain["schema_version"] != SCHEMA_VERSION:
            raise RecordError(
                f"{path} has schema_version {plain['schema_version']}; this vggsweep reads {SCHEMA_VERSION}."
            )
        known = {name: plain[name] for name in Confirmation.__dataclass_fields__}
        known["chosen"] = tuple(
            ChosenNetwork(**{**one, "trials": tuple(one["trials"])}) for one in known["chosen"]
        )
        return Confirmation(**known | {name: tuple(known[name]) for name in ("named", "words", "flags")})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise RecordError(f"{path} is damaged: {type(error).__name__}: {error}.") from None


def confirmations_of(sweep: Path) -> Iterator[tuple[Path, Confirmation]]:
    """The directories beside a sweep's that confirm it, each with what it confirms.

    Where the sweep that one confirms is gone, it may be this one, renamed since.

    Raises:
        RecordError: a confirmation of any sweep is damaged.
    """
    for path in sorted(sweep.parent.glob("*/confirmation.json")):
        found = read_confirmation(path)
        if found is not None and (found.sweep == sweep.name or not sweep.with_name(found.sweep).is_dir()):
            yield path.parent, found
