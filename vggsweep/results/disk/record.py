"""``record.json``: the result of one trial, whole or not at all; it alone yields every table column."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vggsweep.errors import RecordError
from vggsweep.files import write_atomically
from vggsweep.identity import Identity
from vggsweep.results.columns import COLUMNS, SOURCES
from vggsweep.results.plain import is_number

SCHEMA_VERSION = 1
STATES = ("COMPLETE", "PRUNED", "FAIL")
RECORD_NAME = "record.json"
# So begins the note of a record that was an earlier sweep's.
TAKEN_OVER = "taken over from "


@dataclass(frozen=True)
class Record:
    """The result of one trial.

    Args:
        sweep: name of the sweep it belongs to.
        trial: the study's trial number.
        state: COMPLETE, PRUNED or FAIL.
        reason: why it was pruned or failed, in one sentence; None when complete.
        configuration_hash: see `vggsweep.configuration.identity`.
        configuration: resolved values of every setting.
        overrides: the words that led there.
        network: arch, depth, width, stages, head, resolution, channels, num_classes; batch_norm where
            the family knows it; solved_width (real) under a budget.
        costs: params, conv_params, macs, activations; budget_target and budget_residual under a budget.
        metrics: losses, accuracies (fractions), epochs_run; of the last finished epoch. And
            epochs_to_threshold, the first epoch with train.threshold_acc; val_images, and chance_acc
            and chance_loss, what guessing reaches on them; and class_acc, class_images and class_names,
            lists in the order of the labels.
        measurements: latency_ms_p50, latency_ms_p95, throughput, peak_memory_mb, or empty.
        timings: seconds; started and ended as UTC in ISO 8601.
        environment: versions, device, threads, precision, git commit.
        notes: what a reader of the numbers should know.
        swept: parameters that the sweep varied, with their values.
        data_fingerprint: of the images and labels, see `vggsweep.data.fingerprint`; None in records of
            releases that took none.
        weights_sha256: of ``model.safetensors``; None where no weights were kept.
    """

    sweep: str
    trial: int
    state: str
    reason: str | None
    configuration_hash: str
    configuration: Mapping[str, Any]
    overrides: tuple[str, ...] = ()
    network: Mapping[str, Any] = field(default_factory=dict)
    costs: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    measurements: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    swept: Mapping[str, Any] = field(default_factory=dict)
    data_fingerprint: str | None = None
    weights_sha256: str | None = None
    schema_version: int = SCHEMA_VERSION

    @property
    def identity(self) -> Identity:
        """What it is the result of."""
        return Identity(self.configuration_hash, self.data_fingerprint)

    @property
    def taken_over_from(self) -> str | None:
        """The trial of an earlier sweep that was trained in its place, such as ``quickstart/7``."""
        found = [note.removeprefix(TAKEN_OVER) for note in self.notes if note.startswith(TAKEN_OVER)]
        return found[-1] if found else None


def write_record(record: Record, directory: Path, name: str = RECORD_NAME) -> Path:
    """Write ``record.json``, whole or not at all."""
    content = json.dumps(finite(asdict(record)), indent=2, allow_nan=False)
    return write_atomically(directory / name, content + "\n")


def finite(value: Any) -> Any:
    """A value as JSON can hold it, which knows no NaN and no infinity: they become null."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def read_record(path: Path) -> Record:
    """Read a record and refuse what this version does not understand; extra values are left out.

    Args:
        path: ``record.json`` or the trial's directory.

    Raises:
        RecordError: the file is missing, damaged, of another schema, or a required value is wrong.
    """
    file = path if path.name == RECORD_NAME or not path.is_dir() else path / RECORD_NAME
    try:
        plain = json.loads(file.read_bytes().decode())
    except FileNotFoundError:
        raise RecordError(f"{file} does not exist.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RecordError(f"{file} cannot be read: {error}.") from None
    if not isinstance(plain, dict):
        raise RecordError(f"{file} holds no record.")
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise RecordError(
            f"{file} has schema_version {_shortened(version)}; this vggsweep reads {SCHEMA_VERSION}. "
            "Upgrade vggsweep, or read it with the version that wrote it."
        )
    _check_types(plain, file)
    known = {name: plain[name] for name in Record.__dataclass_fields__ if name in plain}
    known.setdefault("reason", None)
    known["overrides"] = tuple(known.get("overrides", ()))
    known["notes"] = tuple(known.get("notes", ()))
    return Record(**known)


def readable_record(path: Path) -> Record | None:
    """As `read_record`; None where there is none that can be read."""
    try:
        return read_record(path)
    except RecordError:
        return None


# What JSON makes of a field's type; such a field has a default unless it is in every record.
JSON_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "str | None": (str, type(None)),
    "tuple[str, ...]": (list,),
    "Mapping[str, Any]": (dict,),
}
TYPES = {one.name: JSON_TYPES[str(one.type)] for one in fields(Record)}
REQUIRED = ("sweep", "trial", "state", "configuration_hash", "configuration")
# What a table, a figure or a mean takes for a number or a text, and numbers that have no column.
NUMBERS = [path for name, paths in SOURCES.items() if COLUMNS[name].is_number for path in paths]
NUMBERS += [["network", "solved_width"], ["costs", "budget_target"]]
NUMBERS += [["metrics", "test_loss"], ["timings", "total_seconds"]]
# A setting is shown as it is, whatever it is.
TEXTS = [
    path
    for name, paths in SOURCES.items()
    if COLUMNS[name].holds == "text"
    for path in paths
    if path[0] != "configuration"
]
SHARES = frozenset(name for name, column in COLUMNS.items() if column.is_share)
# A residual may be negative; nothing else that is counted or measured.
SIGNED = ("budget_residual",)
LARGEST = 1e300


def value_at(node: Any, path: Sequence[str]) -> Any:
    """What a record holds under these keys; None where they lead nowhere."""
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def by_node(paths: Iterable[tuple[str, Sequence[str]]]) -> dict[tuple[str, ...], list[tuple[str, str]]]:
    """Labelled paths by the node that they end in, which is then walked to once for all of its values.

    >>> by_node([("MACs", ["costs", "macs"]), ("parameters", ["costs", "params"])])
    {('costs',): [('MACs', 'macs'), ('parameters', 'params')]}
    """
    nodes: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for label, (*node, name) in paths:
        nodes.setdefault(tuple(node), []).append((label, name))
    return nodes


NUMBERS_OF, TEXTS_OF = (by_node((".".join(path), path) for path in paths) for paths in (NUMBERS, TEXTS))


def _check_values(plain: Mapping[str, Any], file: Path) -> None:
    """Refuse a text where a number belongs, and a number that nobody can compute with."""
    for path, names in NUMBERS_OF.items():
        node = value_at(plain, path)
        for where, name in names if isinstance(node, dict) else ():
            value = node.get(name)
            if value is not None and (wrong := _fault_of(value, name, path[:1] == ("configuration",))):
                known_as = where.removeprefix("configuration.")
                raise RecordError(f"{file}: {known_as} is {_shortened(value)}, {wrong}.")
    for path, names in TEXTS_OF.items():
        node = value_at(plain, path)
        for where, name in names if isinstance(node, dict) else ():
            if not isinstance(value := node.get(name), str | None):
                raise RecordError(f"{file}: {where} is {_shortened(value)}, not a text.")


def _fault_of(value: Any, name: str, is_setting: bool) -> str | None:
    """What is wrong with what stands where a number belongs; None where nothing is."""
    if value != value:  # NaN is a missing value
        return None
    if not is_number(value) or not -LARGEST < value < LARGEST:
        return "not a number"
    if value < 0 and name not in SIGNED and not is_setting:
        return "less than nothing"
    return "more than the whole" if value > 1 and name in SHARES else None


def _shortened(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # a whole number of thousands of digits
        return "a number without end"
    return text if len(text) <= 60 else f"{text[:60]}…"


def _check_types(plain: Mapping[str, Any], file: Path) -> None:
    for name, types in TYPES.items():
        if name not in plain:
            if name in REQUIRED:
                raise RecordError(f"{file} lacks {name!r}.")
        elif not isinstance(plain[name], types) or isinstance(plain[name], bool):
            raise RecordError(f"{file}: {name} is {_shortened(plain[name])}, not {types[0].__name__}.")
    if plain["state"] not in STATES:
        raise RecordError(
            f"{file}: state is {_shortened(plain['state'])}; it should be one of {', '.join(STATES)}."
        )
    _check_values(plain, file)
