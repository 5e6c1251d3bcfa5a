"""How the trials of a page were trained, as far as that differs from what a bare command does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from vggsweep.results.disk.record import Record

# The fields of a bare command that decide how a network is trained. Results are read without the room that
# reads conf/, so they stand here again; a test holds them equal.
DEFAULTS: dict[str, Mapping[str, Any]] = {
    "augment": {
        "name": "none",
        "flip": False,
        "crop_padding": 0,
        "erase_probability": 0.0,
        "erase_min_area": 0.02,
        "erase_max_area": 0.33,
        "policy": None,
        "policy_ops": 2,
        "policy_magnitude": 9,
        "mixup": 0.0,
        "cutmix": 0.0,
        "mix_probability": 1.0,
    },
    "loss": {"name": "cross_entropy", "class_weights": "none"},
    "optimizer": {
        "name": "sgd_nesterov",
        "lr": 0.1,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 5e-4,
        "decay_biases_and_norms": False,
    },
    "scheduler": {"name": "onecycle", "warmup_epochs": 0.0, "start": 0.04, "peak_at": 0.25, "final": 0.0},
    "train": {
        "epochs": 5,
        "batch_size": 128,
        "precision": "auto",
        "clip_grad_norm": None,
        "label_smoothing": 0.0,
        "freeze": "none",
        "ema": None,
    },
    "dataset": {"limit": None, "val_fraction": 0.2, "split_seed": 0},
}


def trained_with(records: Iterable[Record]) -> str:
    """A sentence about settings that all trials share and a bare command has not; empty where there are none.

    What differs between trials stands in their table. Of an option of another name all differences are told.

    Args:
        records: of the trials.

    >>> trained_with([Record("s", 0, "COMPLETE", None, "", {"train": {"epochs": 8, "batch_size": 128}})])
    'Trained with train.epochs 8.'
    """
    nodes = [record.configuration for record in records]
    found = []
    for group, defaults in DEFAULTS.items():
        is_option = "name" in defaults
        changed = {
            name: value
            for name, value in _shared([node.get(group) for node in nodes]).items()
            if (is_option or name in defaults) and value != defaults.get(name)
        }
        option = changed.pop("name", None) if is_option else None
        if option is None:
            found += [f"{group}.{name} {_text(value)}" for name, value in changed.items()]
        else:
            fields = ", ".join(f"{name} {_text(value)}" for name, value in changed.items())
            found.append(f"{group} {option}{f' ({fields})' if fields else ''}")
    return f"Trained with {', '.join(found)}." if found else ""


def _shared(nodes: list[Any]) -> dict[str, Any]:
    """The fields that all have, at one value."""
    if not nodes or not all(isinstance(node, Mapping) for node in nodes):
        return {}
    first, *others = nodes
    return {
        name: value for name, value in first.items() if all(node.get(name, ...) == value for node in others)
    }


def _text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower().replace("none", "null")
    return f"{value:g}" if isinstance(value, float) else str(value)
