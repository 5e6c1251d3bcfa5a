"""When are two configurations the same? When everything that decides the result is equal."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

# Where and how fast a configuration runs, and where its files lie, do not change what it computes.
NODES_WITHOUT_EFFECT = ("device", "measure", "sweep", "logger")


def configuration_hash(plain: Mapping[str, Any]) -> str:
    """SHA-256 over the resolved configuration, without device, measure, sweep, logger, dataset.root.

    Args:
        plain: resolved values, see `vggsweep.configuration.schema.resolved`.

    Returns:
        64 hexadecimal digits.
    """
    kept = {key: copy.copy(value) for key, value in plain.items() if key not in NODES_WITHOUT_EFFECT}
    if isinstance(kept.get("dataset"), dict):
        kept["dataset"].pop("root", None)
    canonical = json.dumps(_same_numbers(kept), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _same_numbers(value: Any) -> Any:
    """8.0 as 8: a width is the same width however it was typed."""
    if isinstance(value, Mapping):
        return {key: _same_numbers(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_same_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
