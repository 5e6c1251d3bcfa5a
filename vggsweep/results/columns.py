"""What the columns of a results table are: settings, what follows from them, what a trial brought."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vggsweep.errors import near_match

if TYPE_CHECKING:
    import pandas as pd

# Columns whose values depend on the machine and on what it computes in.
MEASURED = frozenset(
    (
        "latency_ms_p50 latency_ms_p95 throughput peak_memory_mb train_seconds images_per_second "
        "total_seconds energy_j"
    ).split()
)
# What a trial brings; everything else in a table describes its configuration.
AVERAGED = MEASURED | frozenset(
    (
        "train_loss train_acc val_loss val_acc test_loss test_acc val_top5 epochs_run epochs_to_threshold"
    ).split()
)
OUTCOMES = AVERAGED | frozenset(
    "trial state reason val_images at_chance seed pareto dir contended started ended configuration".split()
)
# What depth, width and head decide between them, and what names a row.
DERIVED = frozenset(
    (
        "sweep images stages params conv_params macs activations budget_residual device precision seeds "
        "epochs_run"
    ).split()
)
# Swept parameters that stand in the table already, under the column's shorter name.
NAMED = {
    "arch.depth": "depth",
    "arch.width": "width",
    "dataset.resolution": "resolution",
    "optimizer.lr": "lr",
    "train.batch_size": "batch_size",
    "train.epochs": "epochs",
}
# What people call a column.
OTHER_NAMES = {
    "acc": "val_acc",
    "accuracy": "val_acc",
    "top1": "val_acc",
    "top5": "val_top5",
    "loss": "val_loss",
    "error": "val_acc",
    "flops": "macs",
    "mac": "macs",
    "parameters": "params",
    "size": "params",
    "latency": "latency_ms_p50",
    "speed": "throughput",
    "memory": "peak_memory_mb",
    "time": "train_seconds",
    "seconds": "train_seconds",
    "learning_rate": "lr",
    "batch": "batch_size",
    "number": "trial",
    "name": "arch",
    "model": "arch",
    "architecture": "arch",
    **NAMED,
}


def is_setting(name: str) -> bool:
    """Whether a column describes a configuration, rather than what follows from it or came of it.

    >>> is_setting("lr"), is_setting("optimizer.momentum"), is_setting("macs"), is_setting("val_acc_sd")
    (True, True, False, False)
    """
    return name not in OUTCOMES and name not in DERIVED and not name.endswith("_sd")


def has_dials(row: Mapping[str, Any] | pd.Series) -> bool:
    """Whether depth and width are what a network was made from; of others they are only counted.

    >>> has_dials({"arch": "vgg_scaled", "depth": 8}), has_dials({"arch": "custom", "depth": 1})
    (True, False)
    """
    stages, arch = row.get("stages"), row.get("arch")
    return isinstance(stages, str) or not isinstance(arch, str) or arch.startswith("vgg")


def near_column(word: str, names: Iterable[str]) -> str:
    """The sentence that helps after a name that is no column: what it is called here, else what is alike.

    >>> near_column("accuracy", ["depth", "val_acc"])
    "Did you mean 'val_acc'? Valid: depth, val_acc."
    """
    known = sorted(set(names))
    meant = OTHER_NAMES.get(word.lower().removeprefix("val_"))
    if word.lower() in known:
        meant = word.lower()
    if meant in known:
        return f"Did you mean {meant!r}? Valid: {', '.join(known)}."
    return near_match(word, known)
