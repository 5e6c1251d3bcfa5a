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
class SavedSpec:
    """What ``sweep.yaml`` says.

    Args:
        command: the line that ran it.
        words: overrides that each of its trials has.
        objective: columns that it optimises, accuracy first.
        fingerprint: what must stay the same when it continues; None where it was not saved.
        n_trials, storage, n_workers, replicates: of the ``sweep`` node.
        space: what is varied, as text; ``hook`` names a function that adds to it.
        space_size: its points; None for an endless one, and where an earlier release wrote the file.
        is_counted: whether the file says so at all.
    """

    command: str
    words: tuple[str, ...]
    objective: tuple[str, ...]
    fingerprint: Mapping[str, Any] | None
    n_trials: int
    storage: str | None
    n_workers: int
    replicates: int
    space: Mapping[str, str]
    space_size: int | None
    is_counted: bool


def read_saved_spec(path: Path) -> SavedSpec | None:
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
        saved = SavedSpec(
            content["command"],
            tuple(map(str, content["words"])),
            objective,
            content.get("fingerprint"),
            sweep["n_trials"],
            sweep.get("storage"),
            sweep.get("n_workers", 1),
            sweep.get("replicates", 1),
            dict(content.get("space", {})),
            content.get("space_size"),
            "space_size" in content,
        )
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
        yaml.YAMLError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise RecordError(f"{path} is damaged: {reason}.") from None
    counts = (saved.n_trials, saved.n_workers, saved.replicates)
    is_whole = (
        isinstance(saved.command, str)
        and all(isinstance(name, str) for name in objective)
        and all(type(count) is int and count > 0 for count in counts)
        and isinstance(saved.storage, str | None)
        and isinstance(saved.space_size, int | None)
        and isinstance(saved.fingerprint, Mapping | None)
    )
    if not is_whole:
        raise RecordError(f"{path} is damaged: a value is of the wrong type.")
    return saved
