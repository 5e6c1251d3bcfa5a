"""Results tables for tests: rows as a sweep leaves them, with only what matters said."""

from __future__ import annotations

from typing import Any

import pandas as pd

from vggsweep.arch.describe import network_costs, network_stages
from vggsweep.arch.description import InputShape
from vggsweep.arch.families.vgg import ScaledVgg
from vggsweep.arch.settings import HeadSettings
from vggsweep.results.columns import COLUMNS

GAP: dict[str, Any] = {"name": "gap", "hidden": None, "dropout": 0.0}


def arch_settings(depth: int, width: int) -> dict[str, Any]:
    """Fields of ``arch`` of a ``vgg_scaled`` with four blocks."""
    return {
        "family": "vgg_scaled",
        "name": "vgg_scaled",
        "depth": depth,
        "width": width,
        "num_blocks": 4,
        "stages": None,
        "kernel_size": 3,
        "batch_norm": True,
        "activation": "relu",
        "dropout": 0.0,
        "channel_multiple": 1,
        "residual": False,
        "init": "kaiming_normal",
    }


def network(depth: int, width: int, *, channels: int = 1, num_classes: int = 10) -> dict[str, Any]:
    """Network and cost columns of a ``vgg_scaled`` with four blocks at 32 px."""
    arch = ScaledVgg(**arch_settings(depth, width))
    head, shape = HeadSettings(**GAP), InputShape(channels, 32, num_classes)
    costs = network_costs(arch, head, shape)
    return {
        "arch": "vgg_scaled",
        "depth": depth,
        "width": width,
        "stages": network_stages(arch, head, shape),
        "head": "gap",
        "resolution": 32,
        "channels": channels,
        "num_classes": num_classes,
        "batch_norm": True,
        "params": costs.params,
        "conv_params": costs.conv_params,
        "macs": costs.macs,
        "activations": costs.activations,
    }


def results(*rows: dict[str, Any]) -> pd.DataFrame:
    """A table of these rows; what they leave out is that of an ordinary finished trial."""
    ordinary = {
        "sweep": "mine",
        "state": "COMPLETE",
        "dataset": "fashion_mnist_mini",
        "optimizer": "sgd",
        "lr": 0.1,
        "epochs": 4,
        "seed": 0,
        "device": "a CPU",
        "precision": "fp32",
    }
    filled = [{"trial": at, **ordinary, **row} for at, row in enumerate(rows)]
    names = [name for name in COLUMNS if any(name in row for row in filled)]
    extra = [name for name in dict.fromkeys(key for row in filled for key in row) if name not in COLUMNS]
    table = pd.DataFrame(filled, columns=[*names, *extra])
    for name in [name for name in names if COLUMNS[name].holds == "count"]:
        table[name] = table[name].astype("Int64")
    return table


def small_sweep() -> pd.DataFrame:
    """Twelve networks, of which two were pruned and one failed."""
    shapes = [
        (4, 4),
        (4, 8),
        (5, 6),
        (6, 4),
        (6, 8),
        (7, 6),
        (8, 4),
        (8, 8),
        (9, 6),
        (10, 8),
        (4, 12),
        (6, 12),
    ]
    rows = [
        {
            **network(depth, width),
            "val_acc": round(0.8 + 0.01 * depth + 0.002 * width - 0.0006 * depth**2, 4),
            "train_acc": 0.95,
            "epochs_run": 4,
        }
        for depth, width in shapes
    ]
    rows[2] |= {"state": "PRUNED", "epochs_run": 1, "val_acc": 0.41}
    rows[5] |= {"state": "PRUNED", "epochs_run": 2, "val_acc": 0.81}
    rows[8] |= {"state": "FAIL", "val_acc": None, "train_acc": None, "epochs_run": 0}
    return results(*rows)
