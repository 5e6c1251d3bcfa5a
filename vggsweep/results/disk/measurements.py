"""``measurements.jsonl``: networks of a sweep timed anew, a session a line; records stay as they are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from vggsweep.files import append_line


@dataclass(frozen=True, kw_only=True)
class TimedNetwork:
    """One network.

    Args:
        trials: of the sweep, that trained it.
        macs: of one image.
        latency_ms: milliseconds a call.
        low_ms, high_ms: its 95 % interval.
        relative: latency ÷ the reference's beside it.
    """

    trials: tuple[int, ...]
    macs: int
    latency_ms: float
    low_ms: float
    high_ms: float
    relative: float


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """One session that was not rejected.

    Args:
        when: UTC in ISO 8601.
        command: that took it.
        host, device, device_name: where; the device as torch and as it itself calls it.
        threads: of the CPU.
        engine: ``eager``, ``compile`` or ``onnxruntime``.
        precision: computed in.
        batch_size: images a call.
        rounds: in which each network was visited once.
        drift: by what share the reference's median changed between thirds of the session.
        spread: by what share even and odd rounds of a network differ, at most.
        max_drift: the share that either may reach.
        contended: whether other work used the device; None where that cannot be known.
        reference: address of the network between all visits.
        reference_ms: its median.
        packages: versions of what computes.
        networks: those of this sweep; the session may have had more.
    """

    when: str
    command: str
    host: str
    device: str
    device_name: str
    threads: int
    engine: str
    precision: str
    batch_size: int
    rounds: int
    drift: float
    spread: float
    max_drift: float
    contended: bool | None
    reference: str
    reference_ms: float
    packages: Mapping[str, str | None]
    networks: tuple[TimedNetwork, ...]

    @property
    def condition(self) -> str:
        """In words."""
        threads = f", {self.threads} thread{'s' * (self.threads != 1)}" if self.device == "cpu" else ""
        return f"{self.engine}, {self.precision}, batch {self.batch_size} on {self.device_name}{threads}"


def append_measurement(measurement: Measurement, path: Path) -> None:
    """Add one line.

    Args:
        measurement: the session.
        path: ``measurements.jsonl`` of the sweep.

    Raises:
        WriteFailed: the file system refused.
    """
    append_line(path, json.dumps(asdict(measurement), allow_nan=False))


def read_measurements(path: Path) -> list[Measurement]:
    """All sessions of a sweep, the earliest first; damaged lines are left out, and so are unknown fields."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            plain: dict[str, Any] = json.loads(line)
            networks = tuple(
                TimedNetwork(**{**_known(TimedNetwork, one), "trials": tuple(one["trials"])})
                for one in plain["networks"]
            )
            found.append(Measurement(**{**_known(Measurement, plain), "networks": networks}))
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
    return found


def _known(kind: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: plain[field.name] for field in fields(kind)}
