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
    canonical = json.dumps(kept, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
