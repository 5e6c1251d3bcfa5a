"""``sweep.yaml``: what a sweep was told, as it was saved when it began or was continued."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vggsweep.errors import RecordError


@dataclass(frozen=True)
class SavedOrder:
    """What ``sweep.yaml`` says.

    Args:
        command: the line that ran it.
        words: overrides that each of its trials has.
        objective: columns that it optimises, accuracy first.
        fingerprint: what must stay the same when it continues; None where it was not saved.
        n_trials, storage: of the ``sweep`` node.
    """

    command: str
    words: tuple[str, ...]
    objective: tuple[str, ...]
    fingerprint: Mapping[str, Any] | None
    n_trials: int
    storage: str | None


def read_saved_order(path: Path) -> SavedOrder | None:
    """What a sweep was told; None where nothing was saved: single runs, sweeps of Hydra's stock sweepers.

    Args:
        path: ``sweep.yaml``.

    Raises:
        RecordError: the file is there and damaged.
    """
    if not os.path.lexists(path):
        return None
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        sweep = content["configuration"]["sweep"]
        objective = tuple(metric["name"] for metric in content["objective"])
        saved = SavedOrder(
            content["command"],
            tuple(map(str, content["words"])),
            objective,
            content.get("fingerprint"),
            sweep["n_trials"],
            sweep.get("storage"),
        )
    except (
        OSError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        yaml.YAMLError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordError(f"{path} is damaged: {reason}.") from None
    is_whole = (
        isinstance(saved.command, str)
        and all(isinstance(name, str) for name in objective)
        and isinstance(saved.n_trials, int)
        and isinstance(saved.storage, str | None)
        and isinstance(saved.fingerprint, Mapping | None)
    )
    if not is_whole:
        raise RecordError(f"{path} is damaged: a value is of the wrong type.")
    return saved
