"""Sessions of `vggsweep measure` for tests, with only what matters said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vggsweep.results.disk.measurements import Measurement, TimedNetwork


def measurement(latencies: Mapping[int | tuple[int, ...], float], **changes: Any) -> Measurement:
    """A session that found these latencies in ms, by a trial or by all trials of one network."""
    networks = tuple(
        TimedNetwork(
            trials=trials if isinstance(trials, tuple) else (trials,),
            macs=1000 * (at + 1),
            latency_ms=latency,
            low_ms=0.9 * latency,
            high_ms=1.1 * latency,
            relative=latency / 2.0,
        )
        for at, (trials, latency) in enumerate(latencies.items())
    )
    values: dict[str, Any] = {
        "when": "2026-11-27T20:00:00+00:00",
        "command": "vggsweep measure mine",
        "host": "here",
        "device": "cpu",
        "device_name": "a CPU",
        "threads": 2,
        "engine": "eager",
        "precision": "fp32",
        "batch_size": 1,
        "rounds": 21,
        "drift": 0.01,
        "spread": 0.02,
        "max_drift": 0.05,
        "contended": False,
        "reference": "mine/0",
        "reference_ms": 2.0,
        "packages": {"torch": "2.14.1"},
        "networks": networks,
    }
    return Measurement(**{**values, **changes})
