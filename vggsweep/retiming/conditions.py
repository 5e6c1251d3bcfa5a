"""Where and how networks are timed: what the line says, else as in their sweep, else plainly."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch

from vggsweep.device import DEFAULT_THREADS, ResolvedPrecision, resolve_device
from vggsweep.errors import ConfigError
from vggsweep.machine import usable_cores
from vggsweep.results.disk.record import Record
from vggsweep.retiming.engines import check_engine
from vggsweep.retiming.session import Condition, Machine


def machine_of(records: Sequence[Record], device: str, threads: int | None) -> Machine:
    """The device, its threads and its kernels.

    Args:
        records: of the trials whose networks are timed.
        device: as typed.
        threads: as typed; None for as many as all trials had, where this machine has so many.

    Raises:
        ConfigError: this machine has no such device.
    """
    known = _shared(records, lambda record: record.environment.get("threads"))
    usual = known if isinstance(known, int) and known <= usable_cores() else DEFAULT_THREADS
    deterministic = _shared(records, lambda record: _train(record).get("deterministic"))
    return Machine(resolve_device(device), threads or usual, deterministic is True)


def conditions_of(
    records: Sequence[Record],
    machine: Machine,
    engines: Sequence[str],
    precisions: Sequence[str],
    batch_sizes: Sequence[int],
) -> list[Condition]:
    """Every combination of what was asked for.

    Args:
        records: of the trials whose networks are timed; they say what was not asked for, where they agree.
        machine: where.
        engines: at least one.
        precisions, batch_sizes: as typed, or empty.

    Raises:
        ConfigError: a combination cannot be computed here.
    """
    if not precisions:
        known = _shared(records, lambda record: record.environment.get("precision"))
        precisions = ["fp32" if "onnxruntime" in engines else str(known or "fp32")]
        if machine.device.type != "cuda" and precisions == ["fp16"]:
            precisions = ["fp32"]
    known = _shared(records, lambda record: record.measurements.get("latency_batch_size"))
    batch_sizes = batch_sizes or [known if isinstance(known, int) else 1]
    found = []
    for engine in engines:
        for precision in cast(Sequence[ResolvedPrecision], precisions):
            _check_precision(precision, machine.device)
            check_engine(engine, machine.device, precision)
            found += [Condition(engine, precision, size) for size in batch_sizes]
    return found


def _check_precision(precision: ResolvedPrecision, device: torch.device) -> None:
    if precision == "fp16" and device.type != "cuda":
        raise ConfigError(
            f"--precision fp16 is for CUDA devices, and this is {device.type}. Use --precision fp32,bf16."
        )


def _shared(records: Sequence[Record], get: Callable[[Record], Any]) -> Any:
    """What all records say; None where they differ."""
    values = [get(record) for record in records]
    return values[0] if all(value == values[0] for value in values) else None


def _train(record: Record) -> Mapping[str, Any]:
    node = record.configuration.get("train")
    return node if isinstance(node, Mapping) else {}
