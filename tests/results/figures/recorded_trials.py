"""Tables of finished trials whose records are on disk: what figures read that describe networks again."""

from __future__ import annotations

import copy
import functools
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from vggsweep.arch.costs import count
from vggsweep.arch.description import InputShape, Network
from vggsweep.arch.families import FAMILIES
from vggsweep.arch.family import described
from vggsweep.arch.settings import HeadSettings
from vggsweep.configuration.compose import compose
from vggsweep.configuration.schema import resolved
from vggsweep.results.disk.record import Record, write_record
from vggsweep.settings import read_settings

SHAPE = InputShape(3, 64, 10)
NETWORK = {"channels": 3, "resolution": 64, "num_classes": 10}


def configured(*words: str) -> dict[str, Any]:
    """The configuration that a line means, as plain values."""
    return copy.deepcopy(_composed(words))


@functools.cache  # composing takes a tenth of a second
def _composed(words: tuple[str, ...]) -> dict[str, Any]:
    return resolved(compose(words))


def network_of(plain: dict[str, Any], shape: InputShape = SHAPE) -> Network:
    """The network of such a configuration."""
    arch = read_settings(FAMILIES[plain["arch"]["family"]], plain["arch"], "arch")
    return described(arch, read_settings(HeadSettings, plain["head"], "head"), shape)  # type: ignore[arg-type]


def recorded(folder: Path, plain: dict[str, Any], **changes: Any) -> pd.DataFrame:
    """A table of one finished trial, whose record is on disk."""
    folder.mkdir(exist_ok=True, parents=True)
    costs = asdict(count(network_of(plain), SHAPE.image)) if "costs" not in changes else changes["costs"]
    record = Record("mine", 3, "COMPLETE", None, "", plain, network=NETWORK, costs=costs)
    write_record(replace(record, **changes), folder)
    return pd.DataFrame({"trial": [3], "state": "COMPLETE", "val_acc": 0.8, "dir": str(folder), **costs})


def recorded_trials(folder: Path, *trials: tuple[str, dict[str, Any]]) -> pd.DataFrame:
    """The same for several options of ``arch``, each with changes of its fields."""
    rows = []
    for at, (option, changes) in enumerate(trials):
        plain = configured(f"arch={option}")
        plain["arch"] |= changes
        rows.append(recorded(folder / str(at), plain))
    return pd.concat(rows, ignore_index=True).assign(trial=range(len(rows)))
