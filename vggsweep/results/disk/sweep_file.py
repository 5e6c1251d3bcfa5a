"""``sweep.yaml``: what a sweep was told, as it was saved when it began or was continued."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vggsweep.errors import ConfigError, RecordError
from vggsweep.results.best_rates import FairFacts
from vggsweep.results.disk.yaml_text import read_yaml
from vggsweep.settings import read_settings, setting

# What reading raises where someone's hand or a full disk was at work.
DAMAGES = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    yaml.YAMLError,
    ConfigError,
)


@dataclass(frozen=True, kw_only=True)
class SavedSpec:
    """What ``sweep.yaml`` says.

    Args:
        command: the line that ran it.
        words: overrides that each of its trials has.
        objective: columns that it optimises, accuracy first.
        fingerprint: what must stay the same when it continues, by name; None where it was not saved.
        n_trials, storage, n_workers, replicates, fair_lr: of the ``sweep`` node.
        lr: of the optimizer, where it is a number.
        seed: of the first replicate.
        space: what is varied, as text; ``hook`` names a function that adds to it.
        space_size: its points; None for an endless one, and where an earlier release wrote the file.
        is_counted: whether the file says so at all.
        own_code: digests of the files of a user's own parts, by name.
    """

    command: str
    words: tuple[str, ...]
    objective: tuple[str, ...]
    fingerprint: Any
    n_trials: int = setting(minimum=1)
    storage: str | None
    n_workers: int = setting(minimum=1)
    replicates: int = setting(minimum=1)
    fair_lr: int | None
    lr: float | None
    seed: int
    space: Any
    space_size: int | None
    is_counted: bool
    own_code: Any

    @property
    def accuracy(self) -> str:
        """Column by which it chooses networks."""
        return self.objective[0] if self.objective else "val_acc"

    @property
    def fair(self) -> FairFacts | None:
        """What it compares, of a sweep with ``sweep.fair_lr``; else None."""
        return None if self.fair_lr is None or self.lr is None else FairFacts(self.lr, self.seed)


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
        configuration, fingerprint = content["configuration"], content.get("fingerprint")
        sweep = configuration["sweep"]
        said = {
            "command": content["command"],
            "words": list(map(str, content["words"])),
            "objective": [metric["name"] for metric in content["objective"]],
            "fingerprint": None if fingerprint is None else dict(fingerprint),
            "n_trials": sweep["n_trials"],
            "storage": sweep.get("storage"),
            "n_workers": sweep.get("n_workers", 1),
            "replicates": sweep.get("replicates", 1),
            "fair_lr": sweep.get("fair_lr"),
            "lr": configuration.get("optimizer", {}).get("lr"),
            "seed": configuration.get("seed", 0),
            "space": dict(content.get("space", {})),
            "space_size": content.get("space_size"),
            "is_counted": "space_size" in content,
            "own_code": dict(content.get("own_code", {})),
        }
        return read_settings(SavedSpec, said, "sweep")
    except DAMAGES as error:
        reason = " ".join(str(error).split()).removesuffix(".") or type(error).__name__
        raise RecordError(f"{path} is damaged: {reason}.") from None


def read_ended(path: Path) -> str | None:
    """Why a sweep ended when its command last did; None while it never has.

    Args:
        path: ``optimization_results.yaml``.
    """
    results = read_yaml(path)
    return str(results["ended"]) if isinstance(results, dict) and "ended" in results else None


def read_infeasible(path: Path) -> tuple[str, ...]:
    """Which points were no networks when its command last ended, a sentence for each reason.

    Args:
        path: ``optimization_results.yaml``.
    """
    results = read_yaml(path)
    lines = results.get("infeasible") if isinstance(results, dict) else None
    return tuple(map(str, lines)) if isinstance(lines, list) else ()
