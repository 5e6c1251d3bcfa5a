"""Records as a trial writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vggsweep.results.disk.record import Record, write_record


@pytest.fixture(scope="session")
def record() -> Callable[..., Record]:
    """A finished trial's record, with changes."""

    def build(**changes: Any) -> Record:
        values: dict[str, Any] = {
            "sweep": "mine",
            "trial": 7,
            "state": "COMPLETE",
            "reason": None,
            "configuration_hash": "0" * 64,
            "configuration": {
                "dataset": {"name": "fashion_mnist_mini"},
                "optimizer": {"name": "sgd", "lr": 0.1},
                "train": {"batch_size": 128, "epochs": 3},
                "seed": 5,
            },
            "overrides": ("arch.depth=8",),
            "network": {
                "arch": "vgg_scaled",
                "depth": 8,
                "width": 16,
                "stages": "2x16-2x32-2x64-2x128",
                "head": "gap",
                "resolution": 32,
            },
            "costs": {
                "params": 300_000,
                "conv_params": 298_000,
                "macs": 23_000_000,
                "activations": 90_000,
                "budget_residual": -0.01,
            },
            "metrics": {
                "epochs_run": 3,
                "train_loss": 0.5,
                "train_acc": 0.8,
                "epochs_to_threshold": 2,
                "val_loss": 0.6,
                "val_acc": 0.79,
                "test_acc": 0.78,
            },
            "measurements": {
                "latency_ms_p50": 1.5,
                "latency_ms_p95": 2.5,
                "throughput": 9000.0,
                "peak_memory_mb": 512.0,
            },
            "timings": {"train_seconds": 4.5, "images_per_second": 3200.0, "started": "2026-11-01T10:00:00"},
            "environment": {"device_name": "a CPU", "precision": "fp32", "threads": 2},
            "notes": ("a note",),
            "swept": {"arch.depth": 8, "augment.crop_padding": 4},
        }
        return Record(**{**values, **changes})

    return build


@pytest.fixture
def write(record: Callable[..., Record]) -> Callable[..., Path]:
    """``write(sweep_folder, 7, …)``: that trial's record on disk; returns its directory."""

    def build(sweep: Path, number: int, **changes: Any) -> Path:
        directory = sweep / "trials" / f"{number:05d}"
        directory.mkdir(parents=True)
        write_record(record(sweep=sweep.name, trial=number, **changes), directory)
        return directory

    return build
