"""Sweeps on disk, made of results that are given: real records, nothing trained."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.results.made_tables import GAP, arch_settings, network
from vggsweep.results.disk.record import Record, write_record

CURVES = Path(__file__).parents[2] / "benchmarks" / "curves"
COSTS = ("params", "conv_params", "macs", "activations")


def write_sweep(folder: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """A sweep of ``vggsweep_scaled`` networks with four blocks at 32 px.

    Args:
        folder: of the sweep.
        rows: ``depth``, ``width``, ``seed`` and ``val_acc`` of each trial; where it differs from the ordinary
            also ``state``, ``dataset``, ``optimizer``, ``seconds`` and ``metrics``.
    """
    for number, row in enumerate(rows):
        directory = folder / "trials" / f"{number:05d}"
        directory.mkdir(parents=True)
        counted = network(row["depth"], row["width"])
        record = Record(
            sweep=folder.name,
            trial=number,
            state=row.get("state", "COMPLETE"),
            reason=None,
            configuration_hash=f"{number:064d}",
            configuration={
                "arch": arch_settings(row["depth"], row["width"]),
                "head": GAP,
                "dataset": {"name": row.get("dataset", "fashion_mnist_mini")},
                "optimizer": {"name": row.get("optimizer", "sgd"), "lr": 0.1},
                "train": {"batch_size": 128, "epochs": 4},
                "seed": row["seed"],
            },
            network={key: value for key, value in counted.items() if key not in COSTS},
            costs={key: counted[key] for key in COSTS},
            metrics={
                "val_acc": row["val_acc"],
                "val_images": 1200,
                "epochs_run": 4,
                **row.get("metrics", {}),
            },
            timings={"train_seconds": row.get("seconds", 1.0)},
            environment={"device_name": "a CPU", "precision": "fp32"},
            swept={"arch.depth": row["depth"], "arch.width": row["width"]},
        )
        write_record(record, directory)
    return folder


def curve_rows(name: str) -> list[dict[str, Any]]:
    """The last epochs of a set of committed learning curves, as `write_sweep` takes them."""
    with (CURVES / f"{name}.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    last = max(int(row["epoch"]) for row in rows)
    return [
        {
            "depth": int(row["arch.depth"]),
            "width": int(row["arch.width"]),
            "seed": int(row["seed"]),
            "val_acc": float(row["val_acc"]),
            "seconds": last * float(row["train_seconds"]),
            **({"optimizer": row["optimizer"]} if "optimizer" in row else {}),
        }
        for row in rows
        if int(row["epoch"]) == last
    ]
